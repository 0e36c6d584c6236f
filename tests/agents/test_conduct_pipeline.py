"""The pipeline under a conduct policy: what is asked before a model, and what leaves after it."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from agent_cases import knowledge, ticket, triaged, turns
from test_conduct import DATA, NOTICE, POLICY

from agents.checks.evaluation import policy_of
from agents.contract import Action, Reply, Ticket
from agents.models import Draft, Question
from agents.pipeline import PipelineAgent, extractive_agent
from agents.registry import AgentUnavailable, build
from agents.roles.team import Team
from agents.roles.triage import triage
from agents.tools import NO_TOOLS
from policies.effective import EffectivePolicy
from policies.manifest import AgentVersion
from policies.regions import Policies
from policies.route_table import shipped

QUESTION = "what does the family plan cost per month?"


@dataclass
class Writer:
    """Writes these texts, one per call, and remembers what it was told."""

    texts: list[str]
    told: list[str] = field(default_factory=list)
    name: str = "writer"

    async def complete(self, question: Question) -> Draft:
        self.told.append(question.instructions)
        text = self.texts[min(len(self.told), len(self.texts)) - 1]
        return Draft(text, 0.9, question.passages[:1])


def answered(writer: Writer, one: Ticket | None = None, **changes: Any) -> Reply:
    agent: PipelineAgent = replace(
        extractive_agent(knowledge()),
        model=writer,
        policies=Policies(POLICY.policy, changes.pop("by_region", {})),
        **changes,
    )
    one = one or ticket(QUESTION)
    return asyncio.run(agent.answer(one, triage(one), NO_TOOLS))


def steps(reply: Reply, name: str) -> list[dict[str, Any]]:
    return [dict(step) for step in reply.trace if step["step"] == name]


def test_a_clean_reply_leaves_with_its_notice_beside_it_and_a_full_trace() -> None:
    reply = answered(Writer(["The family plan costs 15 EUR per month."]))
    assert (reply.action, reply.text) == (Action.REPLY, "The family plan costs 15 EUR per month.")
    assert reply.notices == (NOTICE,)
    assert [step["phase"] for step in steps(reply, "escalation")] == ["before", "after"]
    assert steps(reply, "conduct")[0]["outcome"] == "send"
    assert policy_of(reply.trace) == POLICY.policy.digest


def test_the_notice_is_owed_once() -> None:
    talk = ticket(QUESTION, turns=turns("hello", "hi there", QUESTION))
    assert answered(Writer(["It costs 15 EUR per month."]), talk).notices == ()


@pytest.mark.parametrize(
    ("text", "violation"),
    [
        ("It costs 99 EUR per month.", "ungrounded_specific_claim:price"),
        ("Write to jane.doe@example.org.", "potential_pii_leakage"),
        ("You could sue them.", "prohibited_topic:legal_advice"),
        ("![x](https://evil.example/?q=1)", "ungrounded_specific_claim:link"),
        ("Das ist nicht so, wie Sie es sich mit dem Konto und der Zahlung denken.", "wrong_language"),
    ],
)
def test_what_breaks_a_rule_never_leaves(text: str, violation: str) -> None:
    reply = answered(Writer([text]))
    assert (reply.action, reply.text) == (Action.HAND_OFF, "")
    assert violation in reply.violations
    assert "reply-broke-a-rule" in reply.reasons
    assert text not in repr(reply.trace)


def test_a_notice_on_account_data_is_added_to_the_text() -> None:
    reply = answered(Writer(["Please send me your order number."]))
    assert reply.text == f"Please send me your order number.\n\n{DATA}"


class TestRewriting:
    def test_a_hosted_model_writes_once_more_and_is_told_why(self) -> None:
        writer = Writer(["I'm just an AI.", "The family plan costs 15 EUR per month."])
        reply = answered(writer, team=Team(resolution=writer))  # type: ignore[arg-type]
        assert reply.text == "The family plan costs 15 EUR per month."
        assert len(writer.told) == 2
        assert "I'm just an AI" in writer.told[1]
        assert [step["outcome"] for step in steps(reply, "conduct")] == ["rewrite", "send"]

    def test_not_twice(self) -> None:
        writer = Writer(["I'm just an AI."])
        reply = answered(writer, team=Team(resolution=writer))  # type: ignore[arg-type]
        assert reply.action is Action.HAND_OFF
        assert len(writer.told) == 2
        assert reply.violations == ("prohibited_phrase:I'm just an AI",)

    def test_a_model_of_this_process_would_write_the_same(self) -> None:
        writer = Writer(["I'm just an AI."])
        assert answered(writer).action is Action.HAND_OFF
        assert len(writer.told) == 1


class TestBeforeAnyModel:
    def test_sensitive_topics_are_handed_off_with_the_words_of_the_policy(self) -> None:
        held = replace(
            POLICY.policy,
            rules=tuple(
                replace(rule, text="A colleague looks at once.") if rule.kind == "handler" else rule
                for rule in POLICY.policy.rules
            ),
        )
        writer = Writer(["never asked"])
        one = ticket("I see a suspicious login from another country.", region="EU")
        reply = answered(writer, one, by_region={"EU": held})
        assert "sensitive-topic" in reply.reasons
        assert reply.meanwhile == "A colleague looks at once."
        assert writer.told == []

    def test_the_route_table_keeps_tickets_with_people(self) -> None:
        writer = Writer(["never asked"])
        one = ticket("It is urgent: how do I clean the print head?")
        reply = answered(writer, one, routes=shipped())
        assert reply.reasons == ("kept-by-routes",)
        assert steps(reply, "route")[0]["row"] == "high-urgency"
        assert writer.told == []

    def test_what_it_leaves_to_agents_is_answered(self) -> None:
        reply = answered(Writer(["It costs 15 EUR."]), routes=shipped())
        assert reply.action is Action.REPLY
        assert steps(reply, "route")[0]["to"].startswith("resolution-agent")

    def test_a_rule_that_escalates_puts_the_ticket_ahead(self) -> None:
        def harder(policy: EffectivePolicy) -> EffectivePolicy:
            rules = (replace(one, on_fail="escalate") if one.kind == "leak" else one for one in policy.rules)
            return replace(policy, rules=tuple(rules))

        one = ticket(QUESTION, region="EU")
        held = {"EU": harder(POLICY.policy)}
        reply = answered(Writer(["Ask jane.doe@example.org."]), one, by_region=held)
        assert reply.reasons[0] == "grave-conduct-breach"


class TestFromAManifest:
    MANIFEST: dict[str, Any] = {  # noqa: RUF012
        "name": "house",
        "version": "1.0.0",
        "kind": "pipeline",
        "deadline": "20s",
        "models": {"resolution": {"name": "extractive"}},
        "knowledge": {"source": "helpdesk"},
        "policy": "policy.yaml",
    }

    def test_its_policy_and_regions_are_in_force(self, tmp_path: Path) -> None:
        (tmp_path / "policy.yaml").write_text("tone_guidelines: {voice: warm}\n")
        (tmp_path / "regions").mkdir()
        overlay = "extends: ../policy.yaml\nregions: [EU]\ntone_guidelines: {prohibited_phrases: [Hello]}\n"
        (tmp_path / "regions" / "EU.yaml").write_text(overlay)
        agent = build(AgentVersion.model_validate(self.MANIFEST), tmp_path, sources={"helpdesk": knowledge()})
        assert isinstance(agent, PipelineAgent)
        assert agent.policies is not None
        assert agent.policies.of("EU").named("Hello") is not None
        assert agent.policies.base.named("Hello") is None
        one = ticket("what does the family plan cost?", region="EU")
        reply = asyncio.run(agent.answer(one, triaged(), NO_TOOLS))
        assert policy_of(reply.trace) == agent.policies.of("EU").digest

    def test_a_policy_that_cannot_be_used_makes_no_agent(self, tmp_path: Path) -> None:
        (tmp_path / "policy.yaml").write_text("tone_guidelines: {vioce: warm}\n")
        with pytest.raises(AgentUnavailable, match="its conduct policy cannot be used"):
            build(AgentVersion.model_validate(self.MANIFEST), tmp_path, sources={"helpdesk": knowledge()})
