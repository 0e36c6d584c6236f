"""Assist: a person sends, and what they did to the draft is what is recorded."""

import asyncio

import pytest
from agent_cases import NOW, ticket, triaged

from agents.scripted import Line, ScriptedAgent
from agents.tools import NO_TOOLS
from rollout.handle.assist import Proposal, decided, propose


def proposal(line: Line) -> Proposal:
    agent = ScriptedAgent("a@1", lambda *_: line)
    return asyncio.run(propose(agent, ticket(), triaged(), NO_TOOLS, deadline=0.05))


@pytest.mark.parametrize(
    ("decision", "sent", "outcome"),
    [
        ("accept", "Draft.", "draft_sent"),
        ("edit", "Mine.", "draft_edited"),
        ("reject", "Mine.", "draft_rejected"),
    ],
)
def test_what_is_sent_is_what_the_person_decided(decision, sent: str, outcome: str) -> None:
    text, handled = decided(proposal(Line("Draft.")), decision, at=NOW, human_seconds=40, text="Mine.")
    assert (text, handled.outcome, handled.handler, handled.human_seconds) == (sent, outcome, "human", 40)
    assert handled.version == "a@1"


@pytest.mark.parametrize(
    "line",
    [
        Line("I'm just an AI"),
        Line("Fine.", violations=("pii",)),
        Line(reason="x"),
        Line(error="x"),
        Line("x", seconds=9),
    ],
)
def test_a_draft_with_a_violation_and_an_empty_one_cannot_be_accepted(line: Line) -> None:
    with pytest.raises(ValueError, match="cannot be accepted"):
        decided(proposal(line), "accept", at=NOW, human_seconds=1)


def test_a_failed_agent_leaves_the_person_an_empty_draft_and_the_reason() -> None:
    made = proposal(Line(error="broken"))
    assert (made.text, made.error) == ("", "error: ScriptedFailure")
    sent, handled = decided(made, "reject", at=NOW, human_seconds=60, text="Mine.")
    assert (sent, handled.error, handled.cost_usd) == ("Mine.", "error: ScriptedFailure", None)


def test_nothing_is_not_sent() -> None:
    with pytest.raises(ValueError, match="nothing to send"):
        decided(proposal(Line("Draft.")), "edit", at=NOW, human_seconds=1, text=" ")
