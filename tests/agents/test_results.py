"""What tools answered for a ticket is something its reply may rest on; nothing else becomes so by it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from agent_cases import ticket, triaged
from desk_tools import Desk
from hypothesis import given, settings
from hypothesis import strategies as st
from test_conduct import conduct

from agents.checks.conduct import Context
from agents.checks.escalation import EscalationRules
from agents.checks.results import grounds_of
from agents.checks.validator import validate
from agents.contract import Action, Reply, Ticket, Toolset
from agents.guarded import GuardedAgent
from policies.regions import Policies

RESULT = {
    "order_id": "ORD-1001",
    "total_usd": "59.90",
    "fee": 4.5,
    "delivery_days": 3,
    "days_left": "14",
    "placed_at": "2026-05-03T10:15:00Z",
    "tracking": "https://track.example/ORD-1001",
    "items": [{"name": "lamp", "count": 25, "paid": True}],
    "contact": "eva@example.org",
    "note": "He said https://evil.example/pay and 77 EUR until 9 June 2026.",
}


def wrong(text: str, *results: dict[str, Any]) -> tuple[str, ...]:
    return validate(text, grounds_of(results or (RESULT,)))


@pytest.mark.parametrize(
    "text",
    [
        "It came to $59.90.",
        "It came to 59.90 USD and the fee is 4.50 dollars.",
        "It arrives in 3 days, you have 14 days left.",
        "You ordered it on 3 May 2026.",
        "You ordered it on 2026-05-03.",
        "Follow it at https://track.example/ORD-1001.",
        "There are 25 of them.",
        "The note says 77 EUR until 9 June 2026.",
    ],
)
def test_specifics_of_a_result_may_be_told(text: str) -> None:
    assert wrong(text) == ()
    assert wrong(text, {}) != ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("It came to $59.95.", "price"),
        ("It came to 4.60 dollars.", "price"),
        ("It arrives in 4 days.", "quantity"),
        ("It arrives in 3 weeks.", "quantity"),
        ("You ordered it on 4 May 2026.", "date"),
        ("Follow it at https://track.example/ORD-1002.", "link"),
        ("Pay at https://evil.example/pay.", "link"),
        ("Pay at evil.example/pay now.", "link"),
    ],
)
def test_others_may_not_and_a_link_inside_prose_is_nobodys(text: str, kind: str) -> None:
    assert wrong(text) == (f"ungrounded_specific_claim:{kind}",)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//evil.example/x", "https://a.example/ and more"]
)
def test_what_is_not_one_whole_address_of_the_web_is_no_link(link: str) -> None:
    assert not [text for text in grounds_of([{"url": link}]) if "://" in text or "script:" in text]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_any_result_can_be_read(result: dict[str, Any]) -> None:
    texts = grounds_of([result])
    assert all(isinstance(text, str) for text in texts)
    validate("It costs 5 USD.", texts)


def test_nesting_ends() -> None:
    deep: Any = {"total": 4711}
    for _ in range(500):
        deep = {"in": deep}
    assert grounds_of([deep]) == ()


@dataclass
class Python:
    """An agent of this environment that looks something up, or only says that it did."""

    looks: bool
    version: str = "own@1.0.0"

    async def answer(self, ticket: Ticket, triage: Any, tools: Toolset) -> Reply:
        if self.looks:
            await tools.call(tools.names()[0], {"order_id": "ORD-1001"})
        return Reply(Action.REPLY, text="Your order came to 59.90 USD in all.", confidence=0.9)


@pytest.mark.parametrize(("looks", "action"), [(True, Action.REPLY), (False, Action.HAND_OFF)])
def test_what_a_python_agent_looked_up_itself_counts_too(looks: bool, action: Action) -> None:
    agent = GuardedAgent(Python(looks), Policies(conduct().policy, {}), EscalationRules(min_confidence=0.5))
    reply = asyncio.run(agent.answer(ticket("Where is my order?"), triaged(), Desk().tools()))
    assert reply.action is action


def test_a_promise_of_a_tool_may_be_passed_on() -> None:
    text = "We will refund it in full."
    told = conduct().examine(text, Context(tools=grounds_of([{"decision": text}])))
    untold = conduct().examine(text, Context(tools=grounds_of([RESULT])))
    assert "ungrounded_specific_claim:promise" in {one.rule for one in untold.violations}
    assert "ungrounded_specific_claim:promise" not in {one.rule for one in told.violations}
