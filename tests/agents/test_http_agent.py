"""An agent behind a URL: whatever it does, the customer is answered by somebody in time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from agent_cases import NOW, ticket, triaged, turns
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.checks.escalation import EscalationRules
from agents.contract import Action, Reply
from agents.models.breaker import Breaker, Provider
from agents.registry import AgentUnavailable, build
from agents.remote.agent import RemoteAgent
from agents.remote.contract import CONTRACT, MOST_BYTES, read_answer, turn_id
from agents.remote.failure import EndpointUnusable
from agents.remote.signature import FRESH, HEADER, accepted, signed
from agents.remote.transport import Endpoint
from agents.tools import NO_TOOLS, ReadOnly
from policies.manifest import AgentVersion
from rollout.serve.settings import RunSettings
from rollout.webhooks.signature import Key, verify_signed

SECRET = b"a-secret-of-at-least-sixteen"
SOURCE = {
    "id": "reset-password",
    "title": "Choose a new password",
    "text": "Open the sign in page and choose Forgot password.",
    "relevance": 0.8,
}
GOOD = {
    "contract": CONTRACT,
    "action": "reply",
    "text": "Open the sign in page and choose Forgot password.",
    "confidence": 0.9,
    "sources": [SOURCE],
}

CALL = {"name": "get_order", "arguments": {"order_id": "ORD-1001"}}
WANTED = {"contract": CONTRACT, "action": "call_tools", "tool_calls": [CALL]}


@dataclass
class Theirs:
    """The other side: answers as told, and keeps what it was sent."""

    says: Any = field(default_factory=lambda: dict(GOOD))
    """An object, the body itself, or a function of the request that gives a response."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.asked.append(json.loads(request.content))
        said = self.says(self.asked[-1]) if callable(self.says) else self.says
        if asyncio.iscoroutine(said):
            said = await said
        if isinstance(said, httpx.Response):
            return said
        if isinstance(said, dict):
            said = json.dumps({"turn_id": self.asked[-1]["turn_id"], **said})
        return httpx.Response(self.status, content=streamed(said), headers=self.headers)


async def streamed(said: str | bytes) -> AsyncIterator[bytes]:
    """A body as it comes over a wire."""
    yield said.encode() if isinstance(said, str) else said


def agent(theirs: Callable[..., Any], *, secret: bytes | None = SECRET, **changes: Any) -> RemoteAgent:
    async def at_once(_: float) -> None:
        return None

    endpoint = Endpoint(
        "https://agent.example/answer", secret, now=lambda: NOW, transport=lambda: httpx.MockTransport(theirs)
    )
    rules = EscalationRules(min_confidence=0.7)
    return RemoteAgent(
        **{
            "version": "theirs@1.0.0",
            "endpoint": endpoint,
            "rules": rules,
            "deadline": 5.0,
            "sleep": at_once,
            **changes,
        }
    )


def answered(made: RemoteAgent, tools: Any = NO_TOOLS, read: Any = None, **changes: Any) -> Reply:
    text = changes.pop("text", "How do I choose a new password?")
    return asyncio.run(made.answer(ticket(text, **changes), read or triaged(), tools))


class TestReplies:
    def test_a_good_answer_is_the_reply_with_its_sources(self) -> None:
        told = {**GOOD, "usage": {"model": "theirs-7b", "input_tokens": 12, "cost_usd": 0.002}}
        reply = answered(agent(Theirs(told)))
        assert (reply.action, reply.text, reply.confidence) == (Action.REPLY, GOOD["text"], 0.9)
        assert [one.source_id for one in reply.sources] == ["reset-password"]
        assert (reply.usage.model, reply.usage.input_tokens, reply.usage.cost_usd) == ("theirs-7b", 12, 0.002)

    def test_a_cost_that_nobody_tells_is_unknown_and_not_nothing(self) -> None:
        assert answered(agent(Theirs())).usage.cost_usd is None

    def test_a_hand_off_carries_their_reasons_and_our_packet(self) -> None:
        told = {"contract": CONTRACT, "action": "hand_off", "reasons": ["no-such-order"], "tried": "Looked."}
        reply = answered(agent(Theirs(told)))
        assert (reply.action, reply.text, reply.reasons) == (Action.HAND_OFF, "", ("no-such-order",))
        assert reply.packet is not None
        assert reply.packet.tried.startswith("Looked.")

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"confidence": 0.69}, "low-confidence"),
            ({"confidence": None}, "low-confidence"),
            ({"text": "It costs 49.99 EUR from 3 May 2031."}, "reply-broke-a-rule"),
            ({"text": "Write to eva.muster@example.org for it, she knows."}, "reply-broke-a-rule"),
            ({"text": "Unfortunately, I cannot help you with it at all."}, "reply-broke-a-rule"),
            ({"text": "Öffnen Sie die Seite und wählen Sie dort das neue Passwort aus."}, "wrong-language"),
            ({"text": "It went to ⟦email-7⟧ for you to read."}, "unusable-agent-output"),
        ],
    )
    def test_what_no_agent_may_say_goes_to_a_person(self, changes: dict[str, Any], reason: str) -> None:
        reply = answered(agent(Theirs({**GOOD, **changes})))
        assert (reply.action, reply.text) == (Action.HAND_OFF, "")
        assert reason in reply.reasons
        assert reply.packet is not None

    def test_a_source_without_relevance_does_not_carry_a_bill(self) -> None:
        bare = {key: value for key, value in SOURCE.items() if key != "relevance"}
        reply = answered(agent(Theirs({**GOOD, "sources": [bare]})), read=triaged(category="billing"))
        assert reply.reasons == ("low-retrieval-confidence-sensitive-topic",)

    def test_a_hard_trigger_asks_nobody(self) -> None:
        theirs = Theirs()
        reply = answered(agent(theirs), text="My lawyer will sue you. Reset my password.")
        assert reply.reasons[0] == "legal-language-detected"
        assert theirs.asked == []

    def test_the_policy_of_the_version_is_applied(self, tmp_path: Path) -> None:
        import policies

        shipped = Path(policies.__file__).parent / "conduct" / "support-agent-policy.yaml"
        (tmp_path / "policy.yaml").write_text(shipped.read_text())
        described = AgentVersion.model_validate({**MANIFEST, "policy": "policy.yaml"})
        made = build(described, tmp_path)
        assert isinstance(made, RemoteAgent)
        theirs = Theirs({**GOOD, "text": "You should sue them in court; legally you are in the right here."})
        reply = answered(agent(theirs, policies=made.policies))
        assert "reply-broke-a-rule" in reply.reasons
        assert any("legal" in code for code in reply.violations)


class TestWhatIsSent:
    def test_the_request_holds_the_ticket_and_nothing_that_names_the_arm(self) -> None:
        theirs = Theirs()
        answered(agent(theirs), subject="Password", tier="gold", turns=turns("hello", "hi", "still lost"))
        asked = theirs.asked[0]
        assert asked["contract"] == CONTRACT
        assert asked["turn_id"] == "default:support:t-1:3"
        assert asked["ticket"]["tier"] == "gold"
        assert [one["author"] for one in asked["turns"]] == ["customer", "agent", "customer"]
        assert 0 < asked["deadline_ms"] <= 5000
        assert not {"shadow", "mode", "arm"} & (set(asked) | set(asked["ticket"]))

    def test_personal_details_stay_here_and_come_back_in_the_reply(self) -> None:
        def says(asked: dict[str, Any]) -> dict[str, Any]:
            address = asked["ticket"]["text"].split("is ")[1].split(" ")[0]
            return {
                **GOOD,
                "turn_id": asked["turn_id"],
                "text": f"The message goes to {address}, please look there.",
            }

        theirs = Theirs(says)
        reply = answered(agent(theirs), text="My address is eva@example.org and I lost my password.")
        assert "eva@example.org" not in theirs.seen[0].content.decode()
        assert "eva@example.org" in reply.text

    def test_a_read_only_run_names_no_tool_that_writes(self) -> None:
        @dataclass
        class Named:
            name: str
            writes: bool

            async def __call__(self, arguments: Any) -> Any:
                return arguments

        theirs = Theirs()
        answered(
            agent(theirs), tools=ReadOnly([Named("look_up", writes=False), Named("refund", writes=True)])
        )
        assert [one["name"] for one in theirs.asked[0]["tools"]] == ["look_up"]

    def test_the_signature_is_one_that_both_verifiers_accept(self) -> None:
        theirs = Theirs()
        answered(agent(theirs))
        sent = theirs.seen[0]
        header, body = sent.headers[HEADER], sent.content
        assert accepted([SECRET], body, header, NOW)
        assert verify_signed([Key(SECRET, "us")], body, header, NOW) == "us"
        assert not accepted([SECRET], body + b" ", header, NOW)
        assert not accepted([b"another secret, as long"], body, header, NOW)
        assert not accepted([SECRET], body, header, NOW + FRESH + timedelta(seconds=1))

    def test_without_a_secret_nothing_is_signed(self) -> None:
        theirs = Theirs()
        answered(agent(theirs, secret=None))
        assert HEADER not in theirs.seen[0].headers

    @settings(max_examples=40, deadline=None)
    @given(st.binary(max_size=200), st.binary(min_size=1, max_size=40), st.integers(0, 10**10))
    def test_what_was_signed_is_accepted_and_nothing_else(
        self, body: bytes, key: bytes, seconds: int
    ) -> None:
        at = datetime.fromtimestamp(seconds, UTC)
        header = signed([b"old", key], body, at)
        assert accepted([key], body, header, at)
        assert not accepted([key], b"x" + body, header, at)
        assert not accepted([key + b"x"], body, header, at)


class TestTrouble:
    @pytest.mark.parametrize(
        ("says", "place"),
        [
            ({**GOOD, "confidense": 0.9}, "confidense: no field"),
            ({**GOOD, "confidence": 1.2}, "confidence"),
            ({**GOOD, "confidence": True}, "confidence"),
            ({**GOOD, "text": ""}, "a reply needs its text"),
            ({**GOOD, "action": "refund"}, "action"),
            ({**GOOD, "action": "hand_off", "reasons": ["x-y"]}, "a hand-off has no text"),
            ({"contract": CONTRACT, "action": "hand_off"}, "a hand-off says why"),
            ({"contract": CONTRACT, "action": "call_tools"}, "names some"),
            ({**GOOD, "tool_calls": [CALL]}, "no other action does"),
            ({**GOOD, "action": "call_tools", "tool_calls": [CALL]}, "none while tools are called"),
            ({**WANTED, "tool_calls": [{"name": "x", "arguments": "{}"}]}, "tool_calls.0.arguments"),
            ({**WANTED, "tool_calls": [{**CALL, "id": "1"}]}, "tool_calls.0.id"),
            ({**WANTED, "tool_calls": [CALL] * 11}, "tool_calls"),
            ({**GOOD, "contract": "ridealong-agent/2"}, "contract"),
            ({**GOOD, "sources": [{**SOURCE, "relevance": "high"}]}, "sources.0.relevance"),
            ({**GOOD, "text": "x" * 20_001}, "text"),
        ],
    )
    def test_an_answer_of_another_form_is_refused_by_its_place(self, says: Any, place: str) -> None:
        body = json.dumps({"turn_id": "t", **says}).encode()
        with pytest.raises(EndpointUnusable, match=place):
            read_answer(body, "t")

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
    def test_a_number_that_is_none_is_refused(self, number: str) -> None:
        body = json.dumps({"turn_id": "t", **GOOD}).replace("0.9", number).encode()
        with pytest.raises(EndpointUnusable, match="confidence"):
            read_answer(body, "t")

    def test_an_answer_to_another_turn_is_refused(self) -> None:
        reply = answered(agent(Theirs({**GOOD, "turn_id": "default:support:t-2:0"})))
        assert reply.reasons == ("unusable-agent-output",)

    def test_what_is_refused_is_never_repeated(self) -> None:
        body = json.dumps({"turn_id": "t", **GOOD, "text": {"secret": "4111 1111 1111 1111"}}).encode()
        with pytest.raises(EndpointUnusable) as refused:
            read_answer(body, "t")
        assert "4111" not in str(refused.value)

    @pytest.mark.parametrize(
        ("theirs", "reason"),
        [
            (Theirs(b"<html>"), "unusable-agent-output"),
            (Theirs(b"x" * (MOST_BYTES + 1)), "unusable-agent-output"),
            (Theirs(headers={"Content-Encoding": "gzip"}, says=b"\x1f\x8b"), "unusable-agent-output"),
            (Theirs(status=302, headers={"Location": "https://elsewhere.example"}), "agent-refused"),
            (Theirs(status=401), "agent-refused"),
            (Theirs(status=404), "agent-refused"),
            (Theirs(status=500), "agent-unavailable"),
            (Theirs(status=429, headers={"Retry-After": "60"}), "agent-unavailable"),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    def test_whatever_comes_back_a_person_has_the_ticket(self, theirs: Theirs, reason: str) -> None:
        reply = answered(agent(theirs))
        assert (reply.action, reply.reasons) == (Action.HAND_OFF, (reason,))
        assert reply.packet is not None
        assert all(str(one.url) == "https://agent.example/answer" for one in theirs.seen)

    def test_nobody_there(self) -> None:
        def gone(_: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        assert answered(agent(gone)).reasons == ("agent-unavailable",)

    def test_the_deadline_is_ours(self) -> None:
        async def never(_: dict[str, Any]) -> Any:
            await asyncio.sleep(60)

        reply = answered(agent(Theirs(never), deadline=0.2))
        assert reply.reasons == ("agent-deadline",)
        assert reply.usage.cost_usd is None

    def test_what_passes_is_tried_again_once_with_the_same_turn(self) -> None:
        answers = iter([httpx.Response(503), None])

        def says(asked: dict[str, Any]) -> Any:
            return next(answers) or {**GOOD, "turn_id": asked["turn_id"]}

        theirs = Theirs(says)
        assert answered(agent(theirs)).action is Action.REPLY
        keys = {one.headers["Idempotency-Key"] for one in theirs.seen}
        assert (len(theirs.seen), len(keys)) == (2, 1)

    def test_what_does_not_pass_is_not_tried_again(self) -> None:
        theirs = Theirs(status=400)
        answered(agent(theirs))
        assert len(theirs.seen) == 1

    def test_its_breaker_opens_and_closes_again(self) -> None:
        moment = 0.0
        theirs = Theirs(status=500)
        provider = Provider("theirs", Breaker(failures=4, pause=5.0, timer=lambda: moment))
        made = agent(theirs, provider=provider)

        async def several() -> list[Reply]:
            nonlocal moment
            replies = [await made.answer(ticket(), triaged(), NO_TOOLS) for _ in range(3)]
            moment, theirs.status = 6.0, 200
            return [*replies, await made.answer(ticket(), triaged(), NO_TOOLS)]

        replies = asyncio.run(several())
        assert [one.action for one in replies] == [*[Action.HAND_OFF] * 3, Action.REPLY]
        assert len(theirs.seen) == 5  # two tries each, then nobody is asked until the pause is over
        assert made.breaker_state == "closed"

    def test_nothing_of_anybody_is_in_the_trace(self) -> None:
        reply = answered(agent(Theirs()), text="My address is eva@example.org, the password is lost.")
        assert "eva@" not in json.dumps(reply.trace)
        assert "sign in page" not in json.dumps(reply.trace)


MANIFEST = {
    "name": "theirs",
    "version": "1.0.0",
    "kind": "http",
    "deadline": "5s",
    "http": {"url": "https://agent.example/answer", "secret_env": "THEIRS_AGENT_SECRET"},
}


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEIRS_AGENT_SECRET", SECRET.decode())


class TestManifest:
    def test_a_version_is_made_with_its_thresholds(self) -> None:
        described = AgentVersion.model_validate(
            {**MANIFEST, "thresholds": {"confidence": 0.4, "max_turns": 2}}
        )
        made = build(described, Path())
        assert isinstance(made, RemoteAgent)
        assert (made.version, made.deadline) == ("theirs@1.0.0", 5.0)
        assert (made.rules.min_confidence, made.rules.max_turns) == (0.4, 2)

    def test_the_secret_shows_nowhere(self) -> None:
        assert SECRET.decode() not in repr(build(AgentVersion.model_validate(MANIFEST), Path()))

    @pytest.mark.parametrize(("value", "told"), [(None, "not set"), ("", "not set"), ("short", "at least")])
    def test_a_secret_that_is_not_there_is_named_by_its_variable(
        self, monkeypatch: pytest.MonkeyPatch, value: str | None, told: str
    ) -> None:
        if value is None:
            monkeypatch.delenv("THEIRS_AGENT_SECRET")
        else:
            monkeypatch.setenv("THEIRS_AGENT_SECRET", value)
        with pytest.raises(
            AgentUnavailable, match=f"THEIRS_AGENT_SECRET.*{told}|{told}.*THEIRS_AGENT_SECRET"
        ):
            build(AgentVersion.model_validate(MANIFEST), Path())

    def test_an_address_holds_no_password(self) -> None:
        described = {**MANIFEST, "http": {"url": "https://eva:letmein@agent.example/answer"}}
        with pytest.raises(AgentUnavailable, match="user name or a password") as refused:
            build(AgentVersion.model_validate(described), Path())
        assert "letmein" not in str(refused.value)

    def test_only_processes_that_ask_agents_have_the_secret(self) -> None:
        settings = RunSettings("data", None, "http://127.0.0.1:1", "a.sock", "token", 3)
        assert "THEIRS_AGENT_SECRET" not in settings.environment()
        assert settings.agents_environment()["THEIRS_AGENT_SECRET"] == SECRET.decode()

    def test_a_turn_is_told_apart_by_tenant_workflow_ticket_and_length(self) -> None:
        one = ticket()
        others = [ticket(tenant="b"), ticket(workflow="w"), ticket(ticket_id="t-2"), ticket(turns=turns("a"))]
        assert len({turn_id(each) for each in (one, *others)}) == 5

    @pytest.mark.parametrize("ticket_id", ["x" * 500, "täglich", "one\ntwo", "half \ud83d"])
    def test_an_odd_or_endless_id_is_asked_about_like_any_other(self, ticket_id: str) -> None:
        theirs = Theirs()
        assert answered(agent(theirs), ticket_id=ticket_id).action is Action.REPLY
        assert theirs.seen[0].headers["Idempotency-Key"] == theirs.asked[0]["turn_id"]
        assert len(theirs.asked[0]["turn_id"]) == 64
