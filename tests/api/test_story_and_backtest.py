"""One ticket's story, and a plan held against the history: both for pages, neither records anything."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.contract import Ticket
from policies.plan import Plan
from rollout.analyst import Analyst
from rollout.api.inputs import Promotion
from rollout.backtests import Backtests
from rollout.clock import SimulatedClock
from rollout.errors import RecordError, UnknownTicket, UsageError
from rollout.record.folder import DataFolder
from rollout.records import Escalated, Event, Handled, Kind, Resolved
from rollout.router import Router
from rollout.story import story_of
from rollout.upkeep.account import account
from rollout.what_if import Changes, StepChange

DAYS = 9
PATIENT = 20.0


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, plan: Plan, started: Any) -> Iterator[Analyst]:
    """A rollout at its first live step; customers, replies and resolutions of some days."""
    clock = SimulatedClock(datetime(2026, 9, 1, 12, tzinfo=UTC))
    with DataFolder.open(tmp_path_factory.mktemp("story") / "data", clock=clock) as folder:
        folder.record(started(plan))
        reader = Analyst(folder, folder.record, clock=clock)
        while reader.workflow("default", plan.workflow)["split"]["mode"] != "live":
            reader.promote(
                plan.workflow,
                Promotion(
                    tenant="default",
                    actor="ada",
                    two_person=False,
                    track="ladder",
                    override=True,
                    reason="on",
                ),
            )
        router = Router(folder.journal, folder.content, clock=clock)
        router.follow(folder.journal.read())
        for number in range(DAYS * 12):
            clock.advance(timedelta(hours=2))
            _served(folder, router, clock, plan.workflow, number)
        reader.catch_up()
        yield reader
        reader._backtests.close()


def _served(folder: DataFolder, router: Router, clock: SimulatedClock, name: str, number: int) -> None:
    at = clock.now()
    ticket = Ticket(f"t-{number}", f"secret-{number}", at, name, subject="s", text=f"my words {number}")
    router.route(ticket)
    after = at + timedelta(minutes=5)
    told: list[tuple[str, Kind, Any]] = [
        (
            "handling",
            Kind.HANDLING,
            Handled(ticket.ticket_id, "human", finished_at=after, human_seconds=300.0),
        ),
        ("resolution", Kind.RESOLUTION, Resolved(ticket.ticket_id, after, "assumed", "human")),
    ]
    if number % 4 == 0:
        told.insert(0, ("escalation", Kind.ESCALATION, Escalated(ticket.ticket_id, "specialist-needed")))
    folder.record(
        [
            Event(f"{kind}:{ticket.ticket_id}:1", each, after, payload, workflow=name)
            for kind, each, payload in told
        ]
    )


def test_a_story_is_the_account_of_the_whole_journal(reader: Analyst) -> None:
    found = reader.story("default", "t-4")
    whole = account(reader._folder.path, "t-4")
    assert [row["seq"] for row in found["entries"]] == [entry["seq"] for entry in whole.entries]
    assert [row["kind"] for row in found["entries"]] == [
        "ticket",
        "triage",
        "assignment",
        "escalation",
        "handling",
        "resolution",
    ]
    assert whole.transition is not None
    assert found["in_force"]["seq"] == whole.transition["seq"]
    assert (found["in_force"]["actor"], found["in_force"]["action"]) == ("ada", "promote")
    assert (found["sound"], found["recomputed"]["agrees"]) == (True, True)


def test_a_story_names_no_customer_and_holds_no_text(reader: Analyst) -> None:
    told = repr(reader.story("default", "t-4"))
    assert "secret-4" not in told
    assert "my words" not in told
    assert "sha256:" not in told, "nor where it is"


def test_there_is_no_story_of_another_tenants_ticket(reader: Analyst) -> None:
    with pytest.raises(UnknownTicket, match="nothing is on record"):
        reader.story("other", "t-4")
    with pytest.raises(UnknownTicket, match="'nobody'"):
        reader.story("default", "nobody")


def test_a_story_says_what_was_tampered_with(reader: Analyst) -> None:
    """The record and not the view is what is told: a changed byte shows."""
    folder = reader._folder
    segment = next((folder.path / "journal").glob("*.jsonl"))
    whole = segment.read_bytes()
    at = whole.index(b'"assignment:t-8"')
    place = whole.index(b'"reason":"', at) + len(b'"reason":"')
    segment.write_bytes(whole[:place] + b"X" + whole[place + 1 :])
    try:
        found = story_of(folder.view, folder.path, "default", "t-8")
    finally:
        segment.write_bytes(whole)
    assert not found["sound"]
    assert found["faults"]


def _over(reader: Analyst, plan: Plan, changes: Changes) -> dict[str, Any]:
    ended = threading.Event()
    for _ in range(int(PATIENT / 0.05)):
        told = reader.backtest("default", plan.workflow, changes, "1w")
        if told["state"] in ("done", "failed"):
            return told
        ended.wait(0.05)
    pytest.fail("the backtest never ended")


def test_a_backtest_is_begun_by_the_first_to_ask_and_told_to_all(reader: Analyst, plan: Plan) -> None:
    begun = reader.backtest("default", plan.workflow, Changes(), "1w")
    assert (begun["state"] in ("waiting", "running"), begun["result"]) == (True, None)
    position = reader.position
    told = _over(reader, plan, Changes())
    assert told["state"] == "done"
    assert told["done"] == told["looks"] == len(told["result"]["looks"]) > 0
    assert {look["step"] for look in told["result"]["looks"]} <= {step.name for step in plan.steps}
    assert reader.position == position, "nothing is recorded"


def test_a_plan_that_breaks_a_rule_is_refused_before_it_is_walked(reader: Analyst, plan: Plan) -> None:
    with pytest.raises(UsageError, match="no such step"):
        reader.backtest("default", plan.workflow, Changes(steps={"nope": StepChange(weight=3.0)}), "1w")


def test_what_breaks_a_backtest_is_told_and_the_next_one_begins_anew() -> None:
    tests = Backtests()
    tries = []

    def run(progress: Callable[[int], None]) -> dict[str, Any]:
        tries.append(1)
        progress(1)
        if len(tries) == 1:
            raise RecordError("the view is damaged")
        return {"looks": []}

    def until_over() -> dict[str, Any]:
        while (told := tests.ask("a", 2, run))["state"] in ("waiting", "running"):
            threading.Event().wait(0.01)
        return told

    tests.ask("a", 2, run)
    while tests._worker is not None:
        threading.Event().wait(0.01)
    assert (tests._jobs["a"].state, tests._jobs["a"].why) == ("failed", "the view is damaged")
    assert until_over()["result"] == {"looks": []}
    assert len(tries) == 2
    tests.close()


def test_a_backtest_ends_with_the_server() -> None:
    tests = Backtests()
    begun = threading.Event()

    def run(progress: Callable[[int], None]) -> dict[str, Any]:
        for done in range(1_000_000):
            progress(done)
            begun.set()
            threading.Event().wait(0.01)
        return {}

    tests.ask("a", 1_000_000, run)
    assert begun.wait(PATIENT)
    tests.close()
    assert tests._jobs["a"].state == "failed"
