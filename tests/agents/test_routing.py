"""Who answers: rows from the top, sensitive things first, every tier in queues of its own."""

from typing import Any

import pytest
from agent_cases import ticket, triaged
from hypothesis import given
from hypothesis import strategies as st

from agents.checks.escalation import HARD_REASONS, SEVERITY
from agents.checks.routing import queue, route, trigger_of
from policies.route_table import shipped
from policies.vocabulary import Category, Complexity, Urgency

TABLE = shipped()
TIERS = st.sampled_from([None, "free", "enterprise", "vip", "  Enterprise", "gold"])
REASONS = st.lists(st.sampled_from([*SEVERITY, "low-confidence", "something-new"]), max_size=3)
TRIAGES = st.builds(
    lambda urgency, complexity, category: triaged(urgency=urgency, complexity=complexity, category=category),
    st.sampled_from(Urgency),
    st.sampled_from(Complexity),
    st.sampled_from([*Category, "own-category"]),
)


@pytest.mark.parametrize(
    ("changes", "row", "to"),
    [
        ({"urgency": Urgency.CRITICAL}, "critical", "human-queue-priority"),
        ({"complexity": Complexity.COMPLEX}, "complex", "human-queue-standard"),
        ({"complexity": Complexity.UNKNOWN}, "unknown-complexity", "human-queue-standard"),
        ({"urgency": Urgency.HIGH}, "high-urgency", "human-queue-standard"),
        ({"category": "billing"}, "account-data", "resolution-agent-authenticated"),
        ({"category": "shipping"}, "account-data", "resolution-agent-authenticated"),
        ({"category": "technical"}, "general", "resolution-agent-general"),
        (
            {"category": "technical", "entities": {"order_numbers": ("4711",)}},
            "identity",
            "resolution-agent-authenticated",
        ),
        ({"category": "own-category"}, "unmatched", "human-queue-standard"),
    ],
)
def test_the_table_is_the_playbooks_with_its_holes_closed(changes: dict[str, Any], row: str, to: str) -> None:
    routed = route(ticket(), triaged(**changes), table=TABLE)
    assert (routed.row, routed.to) == (row, to)


@given(TRIAGES, st.lists(st.sampled_from(SEVERITY), min_size=1), TIERS)
def test_whatever_has_a_reason_to_be_handed_off_reaches_no_lane(
    read: Any, reasons: list[str], tier: str | None
) -> None:
    assert route(ticket(tier=tier), read, reasons, TABLE).lane is None


@given(TRIAGES, TIERS)
def test_whoever_needs_to_be_known_reaches_no_lane_that_does_not_ask(read: Any, tier: str | None) -> None:
    routed = route(ticket(tier=tier), read, (), TABLE)
    if routed.lane is not None and read.category in {"billing", "account"}:
        assert routed.lane.authenticated


@given(TRIAGES, REASONS, TRIAGES, REASONS)
def test_enterprise_never_shares_a_queue(one: Any, whys: list[str], other: Any, others: list[str]) -> None:
    first, second = (
        queue(
            tier=tier,
            reasons=reasons,
            urgency=read.urgency,
            complexity=read.complexity,
            category=read.category,
            table=TABLE,
        )
        for tier, read, reasons in (("enterprise", one, whys), ("free", other, others))
    )
    assert first != second
    assert first.startswith("human-queue")


@pytest.mark.parametrize("reason", HARD_REASONS)
def test_hard_triggers_go_to_the_priority_queue(reason: str) -> None:
    assert queue(tier=None, reasons=["low-confidence", reason], table=TABLE) == "human-queue-priority"


def test_payment_disputes_reach_those_who_settle_them() -> None:
    assert queue(tier="pro", reasons=["billing-specialist"], table=TABLE) == "human-queue-billing-pro"
    assert trigger_of(["billing-specialist", "safety-concern"]) == "hard"
