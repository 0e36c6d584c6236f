"""Assist: a person sends, and what they did to the draft is what is recorded."""

import asyncio
from typing import Any

import pytest
from agent_cases import ticket, triaged

from agents.scripted import Line, ScriptedAgent
from agents.tools import NO_TOOLS
from rollout.handle.assist import Proposal, decided, propose


def proposal(line: Line) -> Proposal:
    agent = ScriptedAgent("a@1", lambda *_: line)
    return asyncio.run(propose(agent, ticket(), triaged(), NO_TOOLS, deadline=0.05))


@pytest.mark.parametrize(
    ("decision", "sent", "outcome"),
    [
        ("approve", "Draft.", "draft_sent"),
        ("edit", "Mine.", "draft_edited"),
        ("reject", "Mine.", "draft_rejected"),
    ],
)
def test_what_is_sent_is_what_the_person_decided(decision: Any, sent: str, outcome: str) -> None:
    made = proposal(Line("Draft."))
    assert decided(made.text, made.violations, decision, "Mine.") == (sent, outcome)


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
def test_a_draft_with_a_violation_and_an_empty_one_cannot_be_approved(line: Line) -> None:
    made = proposal(line)
    with pytest.raises(ValueError, match="cannot be approved"):
        decided(made.text, made.violations, "approve")


def test_a_failed_agent_leaves_the_person_an_empty_draft_and_the_reason() -> None:
    made = proposal(Line(error="broken"))
    assert (made.text, made.error) == ("", "error: ScriptedFailure")
    with pytest.raises(ValueError, match="no draft to edit"):
        decided(made.text, made.violations, "edit", "Mine.")
    assert decided(made.text, made.violations, "reject", "Mine.") == ("Mine.", "draft_rejected")


def test_nothing_is_not_sent_and_a_rejected_draft_may_leave_the_answer_to_others() -> None:
    with pytest.raises(ValueError, match="nothing to send"):
        decided("Draft.", (), "edit", " ")
    assert decided("Draft.", (), "reject", " ") == ("", "draft_rejected")
