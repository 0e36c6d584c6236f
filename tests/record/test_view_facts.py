"""Facts are what the events say, in whatever order and in however many pieces they arrived."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.vocabulary import METRICS
from rollout.record.view import View
from rollout.records import Kind, Record

START = datetime(2026, 3, 1, tzinfo=UTC)
_tenants = itertools.count()


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


@dataclass(frozen=True)
class Said:
    """An event that has not arrived yet."""

    event_id: str
    kind: str
    occurred_at: datetime
    payload: dict[str, Any]


@pytest.fixture(scope="module")
def shared_view() -> Iterator[View]:
    with View() as view:
        yield view


class Desk:
    """One tenant of its own in a shared view: opening a view per example would take most of the time."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.tenant = f"tenant-{next(_tenants)}"

    def tell(self, *events: Said, workflow: str | None = "w") -> None:
        self.view.apply(
            Record(
                seq, said.event_id, said.kind, said.occurred_at, START, self.tenant, workflow, None, "test",
                said.payload, "", "",
            )
            for seq, said in enumerate(events, start=self.view.position + 1)
        )  # fmt: skip

    def facts(self) -> dict[str, dict[str, Any]]:
        self.view.refresh()
        rows = self.view.query("SELECT * FROM facts WHERE tenant = ?", [self.tenant])
        return {row["ticket_id"]: row for row in rows}

    def revisions(self) -> dict[date, int]:
        rows = self.view.query("SELECT day, revision FROM fact_days WHERE tenant = ?", [self.tenant])
        assert len(rows) == len({row["day"] for row in rows}), "one workflow, one row a day"
        return {row["day"]: row["revision"] for row in rows}


@pytest.fixture
def desk(shared_view: View) -> Desk:
    return Desk(shared_view)


def opened(ticket: str, hours: float = 0, *, customer: str = "c", **more: Any) -> Said:
    payload = {"ticket_id": ticket, "customer_id": customer, "opened_at": at(hours).isoformat(), **more}
    return Said(f"ticket:{ticket}", Kind.TICKET, at(hours), payload)


def said(kind: str, ticket: str, hours: float, number: int = 0, /, **payload: Any) -> Said:
    return Said(f"{kind}:{ticket}:{number}", kind, at(hours), {"ticket_id": ticket, **payload})


def resolved(ticket: str, hours: float, number: int = 0, **payload: Any) -> Said:
    given = {"resolved_at": at(hours).isoformat(), "kind": "assumed", "path": "human"} | payload
    return said(Kind.RESOLUTION, ticket, hours, number, **given)


def rated(ticket: str, hours: float, score: float | None, number: int = 0) -> Said:
    return said(Kind.CSAT, ticket, hours, number, score=score, at=at(hours).isoformat())


def triaged(ticket: str, category: str, hours: float = 0.1, number: int = 0) -> Said:
    return said(Kind.TRIAGE, ticket, hours, number, category=category, urgency="low", complexity="simple")


def history(ticket: str, hours: float = 0, *, customer: str = "c", wording: int = 0, **payload: Any) -> Said:
    given = {"ticket_id": ticket, "customer_id": customer, "opened_at": at(hours).isoformat()} | payload
    return Said(f"history:w:{ticket}:{wording}", Kind.HISTORY, at(hours), given)


# The oracle: plain Python over the events, one ticket at a time, written from the contract.

EXCLUDING = {"merged": "merged", "spam": "spam", "bot": "bot", "deleted": "deleted_account"}


def newest(events: list[Said]) -> dict[str, Any] | None:
    return max(events, key=lambda e: (e.occurred_at, e.event_id)).payload if events else None


def oldest(events: list[Said]) -> dict[str, Any] | None:
    return min(events, key=lambda e: (e.occurred_at, e.event_id)).payload if events else None


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def handled_facts(runs: list[Said]) -> dict[str, Any]:
    agents = [run.payload for run in runs if run.payload["handler"] == "agent"]
    prices = [run["cost_usd"] for run in agents]
    humans = [s for run in runs if (s := run.payload["human_seconds"]) is not None]
    return {
        "turns": sum(run.payload["turns"] for run in runs) if runs else None,
        "human_seconds": sum(humans) if humans else None,
        "cost_usd": None if None in prices or not runs else sum(prices),
        "violations": sum(len(run.payload["violations"]) for run in runs),
        "errors": sum(run["outcome"] == "failed" for run in agents),
    }


def handed_off(run: Said) -> bool:
    return bool(run.payload["handler"] == "agent" and run.payload["outcome"] == "handed_off")


def served(runs: list[Said], escalations: list[Said], resolution: dict[str, Any]) -> str:
    if resolution["path"]:
        return str(resolution["path"])
    if resolution["kind"] == "abandoned":
        return "abandoned"
    agent = [run.payload["outcome"] for run in runs if run.payload["handler"] == "agent"]
    human = any(run.payload["handler"] == "human" for run in runs)
    if "replied" not in agent:
        return "human"
    return "agent_then_human" if human or escalations or "handed_off" in agent else "agent"


def one_ticket(events: list[Said]) -> dict[str, Any]:
    by_kind: dict[str, list[Said]] = {}
    for event in events:
        by_kind.setdefault(event.kind, []).append(event)
    ticket = newest(by_kind[Kind.TICKET]) or {}
    assigned = oldest(by_kind.get(Kind.ASSIGNMENT, [])) or {}
    runs, escalations = by_kind.get(Kind.HANDLING, []), by_kind.get(Kind.ESCALATION, [])
    resolution = newest(by_kind.get(Kind.RESOLUTION, []))
    surveys = by_kind.get(Kind.CSAT, [])
    answers = [e for e in surveys if e.payload["score"] is not None]
    answer = newest(answers) or {"score": None, "at": None}
    offers = [moment(e.payload["at"]) for e in surveys if e.payload["score"] is None]
    done = moment(resolution["resolved_at"]) if resolution else None
    fallback = [t for t in (done, moment(answer["at"])) if t]
    reason = (resolution or {}).get("closed_reason")
    return {
        "customer_id": ticket["customer_id"],
        "opened_at": moment(ticket["opened_at"]),
        "issue_key": ticket.get("issue_key"),
        "excluded": ticket.get("excluded") or EXCLUDING.get(reason or ""),
        "category": (newest(by_kind.get(Kind.TRIAGE, [])) or {}).get("category"),
        "arm": assigned.get("arm"),
        "step": assigned.get("step"),
        "arms_seen": len({e.payload["arm"] for e in by_kind.get(Kind.ASSIGNMENT, [])}),
        "path": served(runs, escalations, resolution) if resolution else None,
        "resolved_at": done,
        "resolution": resolution["kind"] if resolution else None,
        "escalated": bool(escalations)
        or any(run.payload["handler"] == "agent" and run.payload["outcome"] == "handed_off" for run in runs),
        "escalation_reason": (oldest(escalations) or {}).get("reason"),
        "escalated_at": min(
            [said.occurred_at for said in (*escalations, *runs) if said in escalations or handed_off(said)],
            default=None,
        ),
        "csat": answer["score"],
        "csat_at": moment(answer["at"]),
        "csat_offered_at": min((t for t in offers if t), default=min(fallback, default=None)),
        **handled_facts(runs),
    }


def same_issue(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one["issue_key"] and other["issue_key"]:
        return bool(one["issue_key"] == other["issue_key"])
    return bool(one["category"] == other["category"])


def oracle(events: list[Said]) -> dict[str, dict[str, Any]]:
    tickets = {e.payload["ticket_id"] for e in events if e.kind == Kind.TICKET}
    facts = {
        ticket: one_ticket([e for e in events if e.payload["ticket_id"] == ticket]) for ticket in tickets
    }
    for fact in facts.values():
        claimed = fact["resolution"] in ("confirmed", "assumed") and not fact["excluded"]
        again = [
            other["opened_at"]
            for other in facts.values()
            if claimed
            and other is not fact
            and not other["excluded"]
            and other["customer_id"] == fact["customer_id"]
            and same_issue(fact, other)
            and other["opened_at"] > max(fact["resolved_at"], fact["opened_at"])
        ]
        fact["recontact_at"] = min(again, default=None)
    return facts


hours = st.integers(0, 12)
tickets = st.sampled_from(["t1", "t2", "t3", "t4"])


@st.composite
def an_outcome(draw: st.DrawFn) -> tuple[str, str, int, dict[str, Any]]:
    ticket, hour = draw(tickets), draw(hours)
    kind = draw(
        st.sampled_from(
            [Kind.TRIAGE, Kind.ASSIGNMENT, Kind.HANDLING, Kind.ESCALATION, Kind.RESOLUTION, Kind.CSAT]
        )
    )
    options: dict[str, Any] = {
        Kind.TRIAGE: {"category": st.sampled_from(["billing", "shipping"])},
        Kind.ASSIGNMENT: {
            "arm": st.sampled_from(["human", "agent"]),
            "step": st.sampled_from(["ten", "sixty"]),
        },
        Kind.HANDLING: {
            "handler": st.sampled_from(["agent", "human"]),
            "outcome": st.sampled_from(["replied", "handed_off", "failed"]),
            "turns": st.integers(0, 3),
            "cost_usd": st.sampled_from([None, 0.0, 0.1, 0.2]),
            "human_seconds": st.sampled_from([None, 0.1, 0.7]),
            "violations": st.lists(st.sampled_from(["tone", "promise"]), max_size=2),
        },
        Kind.ESCALATION: {"reason": st.sampled_from(["angry", "legal"])},
        Kind.RESOLUTION: {
            "kind": st.sampled_from(["confirmed", "assumed", "abandoned"]),
            "path": st.sampled_from(["", "human", "agent"]),
            "closed_reason": st.sampled_from([None, "solved", "spam", "merged"]),
            "resolved_at": st.just(at(hour).isoformat()),
        },
        Kind.CSAT: {"score": st.sampled_from([None, 1.0, 5.0]), "at": st.just(at(hour).isoformat())},
    }
    return ticket, kind, hour, draw(st.fixed_dictionaries(options[kind]))


@st.composite
def worlds(draw: st.DrawFn) -> list[Said]:
    events = [
        opened(
            ticket,
            draw(hours),
            customer=draw(st.sampled_from(["c1", "c1", "c2"])),
            issue_key=draw(st.sampled_from([None, None, "invoice", "login"])),
            excluded=draw(st.sampled_from([None, None, None, "bot"])),
        )
        for ticket in draw(st.lists(tickets, unique=True, min_size=1))
    ]
    for number, (ticket, kind, hour, payload) in enumerate(draw(st.lists(an_outcome(), max_size=14))):
        events.append(said(kind, ticket, hour, number, **payload))
    return events


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Said], list[Said], int]:
    """A world's events, the order in which they arrive, and how many come before the first refresh."""
    events = draw(worlds())
    return events, draw(st.permutations(events)), draw(st.integers(0, len(events)))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(arrivals(), min_size=1, max_size=12))
def test_any_order_of_arrival_gives_the_facts_of_the_oracle(
    shared_view: View, several: list[tuple[list[Said], list[Said], int]]
) -> None:
    """Refreshing in between, late events, early outcomes: the end is always the same."""
    desks = [Desk(shared_view) for _ in several]
    for desk, (_, arrival, cut) in zip(desks, several, strict=True):
        desk.tell(*arrival[:cut])
    shared_view.refresh()
    for desk, (_, arrival, cut) in zip(desks, several, strict=True):
        desk.tell(*arrival[cut:])
    for desk, (events, _, _) in zip(desks, several, strict=True):
        expected, found = oracle(events), desk.facts()
        assert found.keys() == expected.keys()
        for ticket, fact in expected.items():
            assert _rounded({name: found[ticket][name] for name in fact}) == _rounded(fact)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(arrivals(), min_size=1, max_size=12))
def test_days_of_whose_tickets_anything_changed_are_revised_and_no_others(
    shared_view: View, several: list[tuple[list[Said], list[Said], int]]
) -> None:
    """Returns within a month count as a change; in these worlds there are no later ones."""
    desks = [Desk(shared_view) for _ in several]
    for desk, (_, arrival, cut) in zip(desks, several, strict=True):
        desk.tell(*arrival[:cut])
    before = [(desk.facts(), desk.revisions()) for desk in desks]
    for desk, (_, arrival, cut) in zip(desks, several, strict=True):
        desk.tell(*arrival[cut:])
    for desk, (facts, revisions) in zip(desks, before, strict=True):
        now = desk.facts()
        rows = [(name, facts.get(name), now.get(name)) for name in facts.keys() | now.keys()]
        changed = {row["day"] for _, *both in rows if both[0] != both[1] for row in both if row}
        assert {day for day, at_ in desk.revisions().items() if at_ > revisions.get(day, 0)} == changed


def test_a_return_after_more_than_a_month_revises_nothing(desk: Desk) -> None:
    desk.tell(history("a", 0, resolved_at=at(1).isoformat()))
    desk.facts()
    before = desk.revisions()
    desk.tell(history("b", 24 * 40))
    assert desk.facts()["a"]["recontact_at"] == at(24 * 40)
    assert desk.revisions().items() > before.items()


def test_forgetting_a_customer_revises_the_days_of_the_tickets(desk: Desk) -> None:
    desk.tell(opened("a", 0), opened("b", 30, customer="other"))
    desk.facts()
    before = desk.revisions()
    desk.view.forget(desk.tenant, "c", "forgotten-1")
    after = desk.revisions()
    assert [after[day] > before[day] for day in sorted(before)] == [True, False]


def test_no_metric_looks_longer_for_a_return_than_the_view_does() -> None:
    assert max(metric.lag_hours for metric in METRICS.values()) < 31 * 24


def _rounded(fact: dict[str, Any]) -> dict[str, Any]:
    return {name: round(v, 9) if isinstance(v, float) else v for name, v in fact.items()}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_sums_do_not_depend_on_the_order_to_the_last_bit(desk: Desk, order: tuple[int, ...]) -> None:
    """0.1 + 0.2 + 0.3 differs from 0.3 + 0.2 + 0.1 in binary; a rebuilt view may not differ."""
    runs = [
        said(Kind.HANDLING, "t", hour, hour, handler="agent", cost_usd=cost, turns=1)
        for hour, cost in enumerate([0.1, 0.2, 0.3])
    ]
    desk.tell(opened("t"), *(runs[at_] for at_ in order))
    assert desk.facts()["t"]["cost_usd"] == 0.6


def test_a_redelivered_run_is_counted_once(desk: Desk) -> None:
    run = said(Kind.HANDLING, "t", 1, handler="agent", cost_usd=0.5, turns=2, violations=["tone"])
    desk.tell(opened("t"), run, run)
    fact = desk.facts()["t"]
    assert (fact["cost_usd"], fact["turns"], fact["violations"]) == (0.5, 2, 1)


def test_an_outcome_waits_for_its_ticket(desk: Desk) -> None:
    desk.tell(resolved("t", 2), rated("t", 3, 5.0))
    assert desk.facts() == {}
    desk.tell(opened("t"))
    assert desk.facts()["t"]["csat"] == 5.0


def test_an_outcome_may_leave_its_workflow_out_and_may_not_name_another(desk: Desk) -> None:
    desk.tell(opened("t"))
    desk.tell(rated("t", 2, 1.0), workflow="other")
    assert desk.facts()["t"]["csat"] is None
    desk.tell(rated("t", 3, 4.0, 1), workflow=None)
    assert desk.facts()["t"]["csat"] == 4.0


def test_the_first_assignment_counts_and_a_second_arm_shows(desk: Desk) -> None:
    desk.tell(
        opened("t"),
        said(Kind.ASSIGNMENT, "t", 2, 2, arm="human", step="ten", weight=10.0, position=4),
        said(Kind.ASSIGNMENT, "t", 1, 1, arm="agent", step="five", weight=5.0, position=3, eligible=True),
    )
    fact = desk.facts()["t"]
    assert (fact["arm"], fact["step"], fact["weight"], fact["position"], fact["eligible"]) == (
        "agent", "five", 5.0, 3, True,
    )  # fmt: skip
    assert fact["arms_seen"] == 2


def test_a_ticket_that_was_never_assigned_has_no_arm(desk: Desk) -> None:
    desk.tell(opened("t"))
    fact = desk.facts()["t"]
    assert (fact["arm"], fact["arms_seen"], fact["escalated"], fact["path"]) == (None, 0, False, None)


def test_an_unknown_price_makes_the_ticket_unknown_and_a_human_costs_no_model(desk: Desk) -> None:
    desk.tell(
        opened("unknown"),
        said(Kind.HANDLING, "unknown", 1, 1, handler="agent", cost_usd=0.1),
        said(Kind.HANDLING, "unknown", 2, 2, handler="agent", cost_usd=None),
        opened("human"),
        said(Kind.HANDLING, "human", 1, handler="human", human_seconds=60.0),
        opened("untouched"),
    )
    facts = desk.facts()
    assert [facts[ticket]["cost_usd"] for ticket in ("unknown", "human", "untouched")] == [None, 0.0, None]


def test_a_reply_before_its_question_has_no_response_time(desk: Desk) -> None:
    for ticket, first in (("early", -1), ("fine", 2)):
        run = said(Kind.HANDLING, ticket, 3, handler="human", first_response_at=at(first).isoformat())
        desk.tell(opened(ticket), run)
    facts = desk.facts()
    assert [facts[ticket]["first_response_seconds"] for ticket in ("early", "fine")] == [None, 7200.0]


# Re-contact, case by case.

RECONTACTS = {
    "the same category": ({}, {}, 30),
    "another category": ({}, {"category": "shipping"}, None),
    "the same issue in another category": (
        {"issue_key": "i"},
        {"issue_key": "i", "category": "shipping"},
        30,
    ),
    "another issue of the same category": ({"issue_key": "i"}, {"issue_key": "j"}, None),
    "a key on the earlier only, same category": ({"issue_key": "i"}, {}, 30),
    "a key on the later only, same category": ({}, {"issue_key": "i"}, 30),
    "both without a category": ({"category": None}, {"category": None}, 30),
    "one without a category": ({}, {"category": None}, None),
    "another customer": ({}, {"customer_id": "other"}, None),
    "an abandoned ticket": ({"path": "abandoned"}, {}, None),
    "an open ticket": ({"resolved_at": None}, {}, None),
    "a merged ticket": ({"closed_reason": "merged"}, {}, None),
    "followed by spam": ({}, {"closed_reason": "Spam"}, None),
    "followed by a deleted account": ({}, {"closed_reason": "account deleted"}, None),
    "opened before the resolution": ({"resolved_at": at(31).isoformat()}, {}, None),
    "opened at the very resolution": ({"resolved_at": at(30).isoformat()}, {}, None),
}


@pytest.mark.parametrize("case", RECONTACTS)
def test_recontact(desk: Desk, case: str) -> None:
    first, second, expected = RECONTACTS[case]
    common = {"category": "billing"}
    desk.tell(
        history("first", 0, **common | {"resolved_at": at(10).isoformat()} | first),
        history("second", 30, **common | second),
    )
    facts = desk.facts()
    assert facts["first"]["recontact_at"] == (None if expected is None else at(expected))
    assert facts["second"]["recontact_at"] is None


def test_the_first_later_ticket_is_the_recontact(desk: Desk) -> None:
    closed = {"category": "billing", "resolved_at": at(1).isoformat()}
    desk.tell(history("a", 0, **closed), history("c", 90), history("b", 60, category="billing"))
    desk.tell(history("d", 40, category="billing", issue_key="i"), history("e", 20, category="shipping"))
    assert desk.facts()["a"]["recontact_at"] == at(40)


def test_a_late_ticket_changes_the_recontact_of_an_earlier_one(desk: Desk) -> None:
    desk.tell(history("a", 0, resolved_at=at(1).isoformat()))
    assert desk.facts()["a"]["recontact_at"] is None
    desk.tell(history("b", 50))
    assert desk.facts()["a"]["recontact_at"] == at(50)
    desk.tell(history("b", 50, wording=1, closed_reason="spam"))
    assert desk.facts()["a"]["recontact_at"] is None


def test_a_resolution_dated_before_its_ticket_does_not_find_that_ticket_again(desk: Desk) -> None:
    desk.tell(opened("t", 5), triaged("t", "billing"), resolved("t", 1))
    assert desk.facts()["t"]["recontact_at"] is None


def test_workflows_and_tenants_do_not_see_each_other(shared_view: View, desk: Desk) -> None:
    other = Desk(shared_view)
    desk.tell(history("a", 0, resolved_at=at(1).isoformat()))
    desk.tell(history("b", 50), workflow="another")
    other.tell(history("b", 50))
    assert desk.facts()["a"]["recontact_at"] is None


# Imported history.


def test_the_newest_revision_of_a_ticket_supersedes_the_row(desk: Desk) -> None:
    desk.tell(history("t", 0, arm="agent", resolved_at=at(5).isoformat(), tier="gold"))
    assert desk.facts()["t"]["csat"] is None
    desk.tell(history("t", 0, wording=1, arm="agent", resolved_at=at(5).isoformat(), csat=4.0))
    fact = desk.facts()["t"]
    assert (fact["csat"], fact["csat_at"], fact["tier"], fact["arms_seen"]) == (4.0, at(5), None, 1)


def test_a_revision_that_changes_the_arm_shows_as_crossover(desk: Desk) -> None:
    desk.tell(history("t", 0, arm="agent"), history("t", 0, wording=1, arm="human"))
    fact = desk.facts()["t"]
    assert (fact["arm"], fact["arms_seen"]) == ("human", 2)


def test_a_reopened_ticket_is_open_again(desk: Desk) -> None:
    desk.tell(history("t", 0, resolved_at=at(5).isoformat()))
    assert desk.facts()["t"]["path"] == "human"
    desk.tell(history("t", 0, wording=1))
    fact = desk.facts()["t"]
    assert (fact["resolved_at"], fact["path"], fact["resolution"]) == (None, None, None)


def test_a_revision_may_move_a_ticket_to_another_customer(desk: Desk) -> None:
    desk.tell(
        history("a", 0, resolved_at=at(1).isoformat()),
        history("b", 50),
        history("x", 0, customer="d", resolved_at=at(1).isoformat()),
    )
    assert desk.facts()["a"]["recontact_at"] == at(50)
    desk.tell(history("b", 50, wording=1, customer="d"))
    facts = desk.facts()
    assert (facts["a"]["recontact_at"], facts["x"]["recontact_at"]) == (None, at(50))
    desk.tell(history("a2", 70))
    facts = desk.facts()
    assert len(facts) == 4
    assert facts["b"]["customer_id"] == "d", "the old wording may not come back with its old customer"


HISTORY_PATHS = [
    ({}, "human", None),
    ({"arm": "human"}, "human", None),
    ({"arm": "agent"}, "agent", False),
    ({"arm": "canary", "escalated": False}, "agent", False),
    ({"arm": "agent", "escalated": True}, "agent_then_human", True),
    ({"arm": "agent", "human_seconds": 30.0}, "agent_then_human", True),
    ({"arm": "agent", "mode": "assist"}, "human", None),
    ({"arm": "human", "mode": "shadow"}, "human", None),
    ({"path": "agent_then_human"}, "agent_then_human", True),
    ({"path": "agent", "escalated": True}, "agent", True),
    ({"arm": "agent", "closed_reason": "No reply"}, "abandoned", None),
    ({"arm": "agent", "path": "abandoned"}, "abandoned", None),
]


@pytest.mark.parametrize(("columns", "path", "escalated"), HISTORY_PATHS)
def test_a_missing_path_is_derived(
    desk: Desk, columns: dict[str, Any], path: str, escalated: bool | None
) -> None:
    desk.tell(history("t", 0, resolved_at=at(1).isoformat(), **columns))
    fact = desk.facts()["t"]
    assert (fact["path"], fact["escalated"]) == (path, escalated)


@pytest.mark.parametrize(
    ("columns", "resolution"),
    [
        ({}, "assumed"),
        ({"closed_reason": "solved"}, "assumed"),
        ({"closed_reason": "Customer-confirmed"}, "confirmed"),
        ({"closed_reason": "exhausted"}, "abandoned"),
        ({"path": "abandoned"}, "abandoned"),
    ],
)
def test_what_a_closing_reason_claims(desk: Desk, columns: dict[str, Any], resolution: str) -> None:
    desk.tell(history("t", 0, resolved_at=at(1).isoformat(), **columns))
    assert desk.facts()["t"]["resolution"] == resolution


def test_plain_history_was_served_by_humans_and_not_randomised(desk: Desk) -> None:
    desk.tell(history("t"))
    fact = desk.facts()["t"]
    assert (fact["arm"], fact["mode"], fact["eligible"], fact["assignment_reason"]) == (
        "human",
        None,
        None,
        None,
    )
    assert (fact["source"], fact["violations"], fact["errors"], fact["cost_usd"]) == (
        "import",
        None,
        None,
        None,
    )


def test_history_with_an_arm_was_randomised_live(desk: Desk) -> None:
    desk.tell(history("t", arm="agent", step="ten", weight=10.0, version="a@1"))
    fact = desk.facts()["t"]
    assert [fact[name] for name in ("arm", "mode", "eligible", "step", "weight", "version")] == [
        "agent", "live", True, "ten", 10.0, "a@1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "score", "rated_at", "offered_at"),
    [
        ({"resolved_at": 5, "csat": 4.0}, 4.0, 5, 5),
        ({"csat": 4.0}, 4.0, 0, 0),
        ({"resolved_at": 5, "csat": 4.0, "csat_at": 7}, 4.0, 7, 5),
        ({"resolved_at": 5, "csat": 4.0, "csat_at": 3}, 4.0, 3, 3),
        ({"resolved_at": 5}, None, None, 5),
        ({"resolved_at": 5, "csat_at": 6}, None, None, 6),
        ({}, None, None, None),
    ],
)
def test_when_a_survey_was_offered_and_answered(
    desk: Desk, columns: dict[str, Any], score: float | None, rated_at: int | None, offered_at: int | None
) -> None:
    given = {k: at(v).isoformat() if k.endswith("_at") else v for k, v in columns.items()}
    desk.tell(history("t", 0, **given))
    fact = desk.facts()["t"]
    times = [None if hour is None else at(hour) for hour in (rated_at, offered_at)]
    assert [fact["csat"], fact["csat_at"], fact["csat_offered_at"]] == [score, *times]


def test_an_export_of_a_ticket_handled_here_only_fills_the_gaps(desk: Desk) -> None:
    desk.tell(
        opened("t", 0, tier="gold"),
        said(Kind.ASSIGNMENT, "t", 0, arm="agent", mode="live", step="ten"),
        resolved("t", 2, path="agent"),
        history(
            "t", 0, arm="human", tier="basic", region="eu", csat=2.0, csat_at=at(9).isoformat(), path="human"
        ),
    )
    fact = desk.facts()["t"]
    assert [fact[n] for n in ("arm", "tier", "region", "path", "csat", "source", "arms_seen")] == [
        "agent", "gold", "eu", "agent", 2.0, "live", 1,
    ]  # fmt: skip


def test_only_the_customers_that_were_touched_are_recomputed(desk: Desk) -> None:
    desk.tell(*(history(f"t{n}", n, customer=f"c{n % 5}") for n in range(20)))
    desk.facts()
    desk.tell(history("new", 99, customer="c3"))
    assert desk.view.refresh() == 5


def test_slices_of_customers_give_what_one_pass_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        history(f"t{n}", n % 37, customer=f"c{n % 11}", resolved_at=at(n % 37 + 1).isoformat())
        for n in range(60)
    ]
    digests = set()
    for size in (1_000, 7):
        monkeypatch.setattr("rollout.record.view.SLICE", size)
        with View() as view:
            desk = Desk(view)
            desk.tenant = "one"
            desk.tell(*told)
            assert view.refresh() == 60
            digests.add(view.digest())
    assert len(digests) == 1
