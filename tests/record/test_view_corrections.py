"""What turned out later counts by event time, whenever it arrives."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollout.record.view import View
from rollout.records import Kind, Record

Said = tuple[str, Kind, datetime, dict[str, Any]]
Facts = Callable[..., dict[str, dict[str, Any]]]
START = datetime(2026, 3, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def opened(ticket: str, hours: float) -> Said:
    payload = {"ticket_id": ticket, "customer_id": "c", "opened_at": at(hours).isoformat(), "issue_key": "k"}
    return f"ticket:{ticket}", Kind.TICKET, at(hours), payload


def solved(ticket: str, hours: float) -> Said:
    payload = {"ticket_id": ticket, "resolved_at": at(hours).isoformat(), "kind": "assumed", "path": ""}
    return f"solved:{ticket}:{hours}", Kind.RESOLUTION, at(hours), payload


def corrected(ticket: str, hours: float, what: str, value: str | None = None) -> Said:
    payload = {"ticket_id": ticket, "what": what, "value": value, "into": None}
    return f"{what}:{ticket}:{hours}", Kind.CORRECTION, at(hours), payload


_tenants = itertools.count()


@pytest.fixture(scope="module")
def view() -> Iterator[View]:
    with View() as view:
        yield view


@pytest.fixture
def facts(view: View) -> Facts:
    """The facts after events that came one by one, the view catching up after each."""

    def told(*events: Said) -> dict[str, dict[str, Any]]:
        tenant = f"tenant-{next(_tenants)}"
        for event_id, kind, when, payload in events:
            seq = view.position + 1
            view.apply([Record(seq, event_id, kind, when, START, tenant, "w", None, "x", payload, "", "")])
            view.refresh()
        rows = view.query("SELECT * EXCLUDE (seq, tenant) FROM facts WHERE tenant = ?", [tenant])
        return {row["ticket_id"]: row for row in rows}

    return told


def test_a_merged_ticket_counts_for_nothing_on_either_side_of_a_recontact(facts: Facts) -> None:
    told = [opened("a", 0), solved("a", 1), opened("b", 5), corrected("b", 6, "excluded", "merged")]
    assert facts(*told[:3])["a"]["recontact_at"] == at(5), "before the merge it is a contact"
    orders = [told, told[::-1], [told[3], *told[:3]], [told[3], told[1], told[2], told[0]]]
    found = [facts(*order) for order in orders]
    assert found[0]["b"]["excluded"] == "merged"
    assert found[0]["a"]["recontact_at"] is None
    assert all(other == found[0] for other in found)


def test_a_merge_outlives_the_closing_that_follows_it(facts: Facts) -> None:
    """A desk closes what it merges, under a closing reason of its own or none."""
    told = [opened("a", 0), corrected("a", 2, "excluded", "merged"), solved("a", 3), solved("a", 99)]
    assert facts(*told)["a"]["excluded"] == "merged"


def test_a_later_word_brings_a_ticket_back(facts: Facts) -> None:
    told = [opened("a", 0), corrected("a", 1, "excluded", "merged"), corrected("a", 2, "excluded")]
    for order in (told, told[::-1], [told[2], told[0], told[1]]):
        assert facts(*order)["a"]["excluded"] is None


def test_a_reopened_ticket_is_unresolved_until_it_is_solved_again(facts: Facts) -> None:
    told = [opened("a", 0), solved("a", 1), corrected("a", 2, "reopened")]
    for order in (told, told[::-1], [told[2], told[0], told[1]]):
        assert facts(*order)["a"]["resolved_at"] is None
    again = facts(*told, solved("a", 9))["a"]
    assert (again["resolved_at"], again["resolution"]) == (at(9), "assumed")
