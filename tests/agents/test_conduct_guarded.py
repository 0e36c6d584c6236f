"""Python agents with a policy in their manifest are held to it like every other."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from agent_cases import ticket, triaged
from test_conduct import NOTICE, POLICY

from agents.checks.escalation import EscalationRules
from agents.contract import Action, Reply, Source, Ticket
from agents.guarded import GuardedAgent
from agents.registry import build
from agents.tools import NO_TOOLS
from policies.manifest import AgentVersion
from policies.regions import Policies

SOURCE = Source("prices", "Prices", "The plan costs 15 EUR per month.", 0.9)


class Ours:
    """Says what it is told to say."""

    version = "ours@1"

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.asked = 0

    async def answer(self, *_: Any) -> Any:
        self.asked += 1
        return self.reply


def make_ours() -> Ours:
    return Ours(Reply(Action.REPLY, text="You could sue them.", confidence=0.9))


def answered(agent: Ours, one: Ticket | None = None) -> Any:
    guarded = GuardedAgent(agent, Policies(POLICY.policy, {}), EscalationRules(min_confidence=0.5))
    return asyncio.run(guarded.answer(one or ticket(), triaged(), NO_TOOLS))


def test_what_is_fine_passes_with_its_notice_and_trace() -> None:
    reply = answered(Ours(Reply(Action.REPLY, text="It costs \u20ac15.", confidence=0.5, sources=(SOURCE,))))
    assert (reply.action, reply.text, reply.notices) == (Action.REPLY, "It costs \u20ac15.", (NOTICE,))
    assert [step["step"] for step in reply.trace] == ["escalation", "escalation", "conduct"]


def test_what_breaks_a_rule_ends_in_a_packet() -> None:
    agent = Ours(Reply(Action.REPLY, text="It costs 16 EUR.", confidence=0.9, sources=(SOURCE,)))
    reply = answered(agent)
    assert (reply.action, reply.text) == (Action.HAND_OFF, "")
    assert reply.violations == ("ungrounded_specific_claim:price",)
    assert reply.packet is not None


def test_it_is_not_asked_where_a_hard_trigger_stands() -> None:
    agent = Ours(None)
    reply = answered(agent, ticket("My lawyer will write to you"))
    assert reply.reasons == ("legal-language-detected",)
    assert agent.asked == 0


def test_no_confidence_is_a_low_one() -> None:
    assert "low-confidence" in answered(Ours(Reply(Action.REPLY, text="Yes."))).reasons


def test_a_hand_off_of_its_own_is_left_alone_and_what_is_no_reply_refused() -> None:
    own = answered(Ours(Reply(Action.HAND_OFF, reasons=("mine",))))
    assert (own.action, own.reasons) == (Action.HAND_OFF, ("mine",))
    with pytest.raises(TypeError, match="answered with str"):
        answered(Ours("what"))


def test_the_manifest_decides(tmp_path: Path) -> None:
    manifest = {
        "name": "ours",
        "version": "1",
        "kind": "python",
        "deadline": "9s",
        "python": {"factory": f"{__name__}:make_ours"},
    }
    policy = "content_guardrails: {prohibited_topics: [legal_advice]}\ntone_guidelines: {voice: x}\n"
    (tmp_path / "policy.yaml").write_text(policy)
    free = build(AgentVersion.model_validate(manifest), tmp_path)
    held = build(AgentVersion.model_validate({**manifest, "policy": "policy.yaml"}), tmp_path)
    said, kept = (asyncio.run(one.answer(ticket(), triaged(), NO_TOOLS)) for one in (free, held))
    assert (said.action, kept.action) == (Action.REPLY, Action.HAND_OFF)
    assert kept.violations == ("prohibited_topic:legal_advice",)
