"""Above so many tickets pages read what was prepared: the same answers, and nobody waits for a count."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.contract import Ticket
from policies.plan import Plan
from rollout.analyst import Analyst
from rollout.api.inputs import Promotion
from rollout.clock import SimulatedClock
from rollout.errors import UnknownWorkflow, UsageError
from rollout.incidents.incident import Severity, event, opening
from rollout.record.folder import DataFolder
from rollout.router import Router

PROMOTION = Promotion(
    tenant="default", actor="ada", two_person=False, track="ladder", override=True, reason="go on"
)


@pytest.fixture(scope="module")
def desks(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, started: Any
) -> Iterator[tuple[Analyst, Analyst, str, DataFolder]]:
    """One desk, read as a large and as a small one."""
    clock = SimulatedClock(datetime(2026, 9, 1, 12, tzinfo=UTC))
    with DataFolder.open(tmp_path_factory.mktemp("large") / "data", clock=clock) as folder:
        folder.record(started(plan))
        large = Analyst(folder, folder.record, clock=clock, large=0)
        small = Analyst(folder, folder.record, clock=clock)
        while small.workflow("default", plan.workflow)["split"]["mode"] != "live":
            small.promote(plan.workflow, PROMOTION)
        router = Router(folder.journal, clock=clock)
        router.follow(folder.journal.read())
        for number in range(120):
            clock.advance(timedelta(minutes=30))
            ticket = Ticket(f"t-{number}", f"c-{number}", clock.now(), plan.workflow, category="billing")
            router.route(ticket)
        large.catch_up()
        small._reading.forget()  # of before the tickets
        yield large, small, plan.workflow, folder
        large._reading.prepared.close()


def test_what_is_prepared_is_what_would_have_been_counted(desks: Any) -> None:
    large, small, name, _ = desks
    for period in ("28d", "all"):
        assert large.overview("default", name, period) == small.overview("default", name, period)
        assert large.quality("default", name, period) == small.quality("default", name, period)
        assert large.knowledge("default", name, period) == small.knowledge("default", name, period)
    assert large.gate("default", name) == small.gate("default", name)
    assert large.workflow("default", name) == small.workflow("default", name)


def test_what_nobody_knows_is_refused_there_too(desks: Any) -> None:
    large, _, name, _ = desks
    with pytest.raises(UnknownWorkflow):
        large.overview("default", "nobody", "28d")
    with pytest.raises(UsageError, match="known: billing"):
        large.overview("default", name, "28d", {"category": "none"})


def test_the_path_of_a_large_desk_is_drawn_from_recorded_looks(desks: Any) -> None:
    large, _, name, _ = desks
    path = large.path("default", name)
    assert path["metrics"], "the newest look at least"
    assert all(metric["points"] for metric in path["metrics"])


def test_an_incident_is_in_the_next_answer(desks: Any) -> None:
    large, _, name, folder = desks
    before = large.workflow("default", name)
    told = opening("INC-1", Severity.SEV1, "it promised money", version=None, origin="person")
    folder.record([event(told, "", "default", name, "ada", datetime(2026, 9, 1, 13, tzinfo=UTC))])
    large.catch_up()
    assert large.workflow("default", name)["reason"] == "INCIDENT" != before["reason"]
    assert large.gate("default", name)["decision"] == "HOLD"


def test_a_row_does_not_wait_for_a_long_look(desks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    large, _, name, _ = desks
    go = threading.Event()
    judge = large._controller.rulings
    monkeypatch.setattr(large._controller, "rulings", lambda *asked: go.wait(20) and judge(*asked))
    monkeypatch.setattr("rollout.analyst.RULING_PATIENCE", 0.05)
    monkeypatch.setattr(large._reading, "newest_incident", lambda: -1)  # a state that was never judged
    (row,) = large.workflows("default")
    assert (row["reason"], row["step"]) == (
        "BEING_JUDGED",
        large._standing("default", name).state.ladder.step,
    )
    assert row["decision"] == "HOLD"
    go.set()
    for _ in range(200):
        (row,) = large.workflows("default")
        if row["reason"] != "BEING_JUDGED":
            break
        threading.Event().wait(0.05)
    assert row["reason"] != "BEING_JUDGED", "the look went on, and a row without it was not kept"
