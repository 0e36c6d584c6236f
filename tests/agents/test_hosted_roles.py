"""The roles that hosted models fill: typed, cautious, cited, cut to size, and told nobody's details."""

import json
from pathlib import Path
from typing import Any

import pytest
from agent_cases import ticket, triaged, turns
from hosting import House, calls
from model_server import GOOD, MODEL

from agents.contract import Action, Reply
from agents.roles.handoff import FIRST_WORDS, MAX_WORDS, render, word_count
from policies.digest import manifest_digest, prompts_used
from policies.manifest import AgentVersion
from policies.vocabulary import Complexity, Sentiment, Urgency

ASKED = "I forgot my password, how do I choose a new one?"
CALM = {
    "category": "account",
    "urgency": "normal",
    "sentiment": "neutral",
    "complexity": "simple",
    "signals": [],
}
PACKET = dict.fromkeys(("next_step", "tone", "customer", "issue", "tried", "knowledge"), "word " * 90)
ROLES = {"TriageOutput": "triage", "KnowledgeOutput": "knowledge", "ResolutionOutput": "resolution"}


def role_of(body: dict[str, Any]) -> str:
    """Whose call it is, by the form it asks for."""
    system = body["messages"][0]["content"]
    return next((role for title, role in ROLES.items() if title in system), "handoff")


def saying(house: House, **said: Any) -> None:
    """Let the provider answer each role with its own."""
    answers = {"triage": CALM, "knowledge": {"queries": ["reset password"]}, "resolution": GOOD} | said
    house.server.said = lambda body: answers.get(role_of(body), PACKET)


def team(*roles: str, **changes: Any) -> dict[str, Any]:
    models = {role: {"name": f"openai/{MODEL}", "max_tokens": 200} for role in ("resolution", *roles)}
    return {"models": models, **changes}


def roles_asked(house: House) -> list[str]:
    return [role_of(body) for body in house.server.asked]


def material(house: House, at: int = -1) -> Any:
    return json.loads(house.server.asked[at]["messages"][1]["content"])


class TestTriage:
    def test_a_calm_reading_changes_nothing(self, house: House) -> None:
        saying(house)
        assert house.answer(house.agent(**team("triage"))).action is Action.REPLY
        assert roles_asked(house) == ["triage", "resolution"]

    @pytest.mark.parametrize(
        ("read", "reason"),
        [
            ({"signals": ["legal-language"]}, "legal-language-detected"),
            ({"signals": ["asks-for-human"]}, "asked-for-human"),
            ({"sentiment": "angry"}, "sentiment-degradation"),
            ({"urgency": "critical"}, "triage-found-more"),
            ({"complexity": "unknown"}, "triage-found-more"),
        ],
    )
    def test_what_it_finds_sends_the_ticket_to_a_human(
        self, house: House, read: dict[str, Any], reason: str
    ) -> None:
        saying(house, triage={**CALM, **read})
        reply = house.answer(house.agent(**team("triage")))
        assert (reply.action, reply.reasons) == (Action.HAND_OFF, (reason,))
        assert roles_asked(house) == ["triage"], "nobody is asked for an answer any more"

    def test_a_category_it_sees_counts_for_who_has_to_answer(self, house: House) -> None:
        saying(house, triage={**CALM, "category": "billing"})
        reply = house.answer(house.agent(**team("triage")), ticket(ASKED, tier="enterprise"))
        assert reply.reasons == ("tier-policy",)

    def test_it_never_makes_a_ticket_milder(self, house: House) -> None:
        saying(house, triage={**CALM, "sentiment": "positive", "urgency": "low"})
        grave = triaged(
            sentiment=Sentiment.ANGRY, urgency=Urgency.HIGH, complexity=Complexity.MODERATE, signals=("x",)
        )
        reply = house.answer(house.agent(**team("triage")), read=grave)
        assert reply.reasons == ("sentiment-degradation",)
        assert house.server.asked == [], "the rules had decided before any model"

    @pytest.mark.parametrize(
        "said",
        [
            {**CALM, "reply": "You will get a refund."},
            {**CALM, "urgency": "urgent!"},
            {key: value for key, value in CALM.items() if key != "sentiment"},
            "It is about an account.",
            [],
        ],
    )
    def test_a_malformed_reading_goes_to_a_human(self, house: House, said: Any) -> None:
        saying(house, triage=said)
        reply = house.answer(house.agent(**team("triage")))
        assert (reply.action, reply.reasons) == (Action.HAND_OFF, ("unusable-model-output",))


class TestKnowledge:
    def test_its_wording_finds_what_the_customers_did_not(self, house: House) -> None:
        saying(house, knowledge={"queries": ["clean the print head"]})
        reply = house.answer(
            house.agent(**team("knowledge")), ticket("It looks all stripy and awful on paper")
        )
        retrieval = next(step for step in reply.trace if step["step"] == "retrieval")
        assert retrieval["sources"][0] == "print-head"

    def test_without_an_answer_the_customers_own_words_serve(self, house: House) -> None:
        saying(house, knowledge="no idea")
        reply = house.answer(house.agent(**team("knowledge")))
        assert reply.action is Action.REPLY
        assert [call["outcome"] for call in calls(reply)] == ["unusable-model-output", "ok"]


class TestResolution:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"sources": []}, "uncited-answer"),
            ({"sources": ["reset-password", "made-up"]}, "invented-source"),
            ({"action": "hand_off", "reply": "", "sources": []}, "model-handed-over"),
            ({"action": "hand_off"}, "unusable-model-output"),
            ({"reply": " "}, "unusable-model-output"),
            ({"confidence": 1.2}, "unusable-model-output"),
            ({"confidence": True}, "unusable-model-output"),
            ({"confidence": 0.2}, "low-confidence"),
            ({"reply": "It costs 4711 dollars."}, "reply-broke-a-rule"),
            ({"reply": "Write to ⟦email-7⟧."}, "unusable-model-output"),
            ({"reply": "See https://elsewhere.example/x for it."}, "reply-broke-a-rule"),
        ],
    )
    def test_what_is_not_fit_to_be_sent_is_not_sent(
        self, house: House, changes: dict[str, Any], reason: str
    ) -> None:
        saying(house, resolution={**GOOD, **changes})
        reply = house.answer()
        assert (reply.action, reply.text, reply.reasons) == (Action.HAND_OFF, "", (reason,))

    def test_a_code_fence_around_the_form_is_forgiven(self, house: House) -> None:
        house.server.said = f"```json\n{json.dumps(GOOD)}\n```"
        assert house.answer().action is Action.REPLY


class TestHandOff:
    def hand_off(self, house: House, **said: Any) -> Reply:
        saying(house, resolution={**GOOD, "confidence": 0.1}, **said)
        return house.answer(house.agent(**team("handoff")))

    def test_its_words_are_used_and_cut_to_size(self, house: House) -> None:
        reply = self.hand_off(house)
        assert reply.packet is not None
        assert reply.packet.issue.startswith("word word")
        assert word_count(reply.packet) <= MAX_WORDS
        first = " ".join(render(reply.packet).split()[:FIRST_WORDS])
        assert "next-step:" in first
        assert "tone:" in first

    def test_without_an_answer_the_rules_packet_serves(self, house: House) -> None:
        reply = self.hand_off(house, handoff={"next_step": "Only this."})
        assert reply.packet is not None
        assert "password" in reply.packet.issue
        assert reply.reasons == ("low-confidence",)

    def test_a_hard_trigger_waits_for_no_model(self, house: House) -> None:
        saying(house)
        reply = house.answer(house.agent(**team("handoff")), ticket("My lawyer will write to you."))
        assert reply.packet is not None
        assert house.server.asked == []

    def test_a_provider_that_just_failed_is_not_asked_for_the_packet(self, house: House) -> None:
        house.server.mode = "401"
        assert house.answer(house.agent(**team("handoff"))).packet is not None
        assert len(house.server.asked) == 1


class TestDetails:
    SAID = (
        "My name is Maria Lopez, I forgot my password. Call +49 30 901820 or write to maria@example.org, "
        "card 4111 1111 1111 1111. Order 4155552671.\nRegards,\nMaria Lopez"
    )
    HIDDEN = ("Maria", "901820", "maria@example.org", "4111")

    def test_no_role_is_told_who_it_is(self, house: House) -> None:
        saying(house, resolution={**GOOD, "confidence": 0.1})
        agent = house.agent(**team("triage", "knowledge", "handoff"))
        one = ticket(self.SAID, turns=turns("I am maria@example.org", "We see.", "Regards,\nMaria Lopez"))
        house.answer(agent, one)
        assert roles_asked(house) == ["triage", "knowledge", "resolution", "handoff"]
        for body in house.server.asked:
            text = json.dumps(body, ensure_ascii=False)
            assert not [value for value in (*self.HIDDEN, "c-1") if value in text]
            assert "4155552671" in text, "an order number is what the answer turns on"

    def test_the_reply_has_them_again_and_the_trace_never(self, house: House) -> None:
        saying(
            house, resolution={**GOOD, "reply": "Dear ⟦name-1⟧, we call ⟦phone-1⟧. Choose Forgot password."}
        )
        reply = house.answer(one=ticket(self.SAID))
        assert reply.text == "Dear Maria Lopez, we call +49 30 901820. Choose Forgot password."
        assert not [value for value in self.HIDDEN if value in repr(reply.trace)]


class TestLanguages:
    def test_a_language_may_have_a_model_and_a_prompt_of_its_own(self, house: House) -> None:
        (house.folder / "en.md").write_text("Speak like an island.")
        own = {
            "models": {"resolution": {"name": "openai/island-2025-06-01"}},
            "prompts": {"resolution": "en.md"},
        }
        house.server.model = "island-2025-06-01"
        reply = house.answer(house.agent(languages={"en": own}), ticket(ASKED, language="en-GB"))
        assert reply.action is Action.REPLY
        assert house.server.asked[0]["model"] == "island-2025-06-01"
        assert house.server.asked[0]["messages"][0]["content"].startswith("Speak like an island.")
        assert material(house)["language"] == "en"

    def test_a_language_the_rules_cannot_read_stays_with_people(self, house: House) -> None:
        one = ticket("Ich habe mein Passwort vergessen", language="de")
        reply = house.answer(house.agent(), one, triaged(signals=("language-unsupported",)))
        assert (reply.reasons, house.server.asked) == (("language-unsupported",), [])


class TestDigest:
    def manifest(self, **changes: Any) -> AgentVersion:
        base = {
            "name": "a",
            "version": "1",
            "kind": "pipeline",
            "deadline": "5s",
            "knowledge": {"source": "helpdesk"},
        }
        return AgentVersion.model_validate({**base, **changes})

    def test_built_in_prompts_are_part_of_a_version_that_uses_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hosted = self.manifest(**team("triage"))
        assert prompts_used(hosted) == ["common.md", "resolution.md", "triage.md"]
        offline = self.manifest(models={"resolution": {"name": "extractive"}})
        assert prompts_used(offline) == []
        before = [manifest_digest(one, tmp_path) for one in (hosted, offline)]
        for name in prompts_used(hosted):
            (tmp_path / name).write_text(f"{name}, changed")
        monkeypatch.setattr("policies.digest.PROMPTS", tmp_path)
        after = [manifest_digest(one, tmp_path) for one in (hosted, offline)]
        assert after[0] != before[0]
        assert after[1] == before[1]

    def test_a_prompt_of_its_own_takes_the_place_of_the_built_in_one(self) -> None:
        own = self.manifest(**team(), prompts={"resolution": "mine.md"})
        assert prompts_used(own) == ["common.md"]
