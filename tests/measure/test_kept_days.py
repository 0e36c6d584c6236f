"""What is kept of days that are over says what a scan of everything says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from desks_for_tests import START, Desk, fact, plan_of, world

from rollout.gating import judge_scope
from rollout.human_arm import human_arm
from rollout.ladder.judge import tasks_of
from rollout.measure import kept_days
from rollout.measure.history_query import exposed_from
from rollout.measure.scope import Scope
from rollout.measure.wanted import Wanted

FIRST = datetime(2026, 4, 6, 13, tzinfo=UTC)


def found(desk: Desk, at: datetime) -> tuple[Scope, datetime | None]:
    scope = Scope.find(desk, tenant="default", workflow="w", track="ladder", as_of=at)
    return scope, exposed_from(desk, scope)


def _late_ticket(desk: Desk) -> None:
    desk.add([fact("late", "c1", START + timedelta(days=2), arm="agent", step="odd", weight=None)])


def _earlier_history(desk: Desk) -> None:
    desk.add([fact("old", "c1", START - timedelta(days=9), arm="human", assignment_reason=None)
              | {"weight": None, "mode": None, "step": None}])  # fmt: skip


def _excluded(desk: Desk) -> None:
    desk.alter("UPDATE facts SET excluded = 'spam' WHERE hash(ticket_id) % 3 = 0")


def _gone(desk: Desk) -> None:
    desk.alter("DELETE FROM facts WHERE step = 'thirty'")


@pytest.mark.parametrize("happens", [_late_ticket, _earlier_history, _excluded, _gone])
def test_scope_and_exposure_by_day_are_those_of_a_scan(
    desk: Desk, happens: Callable[[Desk], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.add_frame(world(2000))
    for number in range(4):
        if number == 2:
            happens(desk)
        for hours in (30 * number, 30 * number + 7, 5):  # forth and back
            at = FIRST + timedelta(hours=hours)
            plain = found(desk, at)
            with monkeypatch.context() as patched:
                patched.setattr(kept_days, "LEAST", 0)
                assert found(desk, at) == plain


def test_days_that_are_over_are_not_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.add_frame(world(2000))
    monkeypatch.setattr(kept_days, "LEAST", 0)
    before = found(desk, FIRST)
    desk.query("UPDATE facts SET weight = 99 WHERE day < DATE '2026-04-01'")  # and nobody says so
    assert found(desk, FIRST) == before


def test_the_human_arm_is_counted_once_a_day_where_that_is_asked_for(desk: Desk) -> None:
    desk.add_frame(world(3000))
    plan = plan_of()
    tasks = tasks_of(plan, plan.steps[-1])

    def checked(hours: float, *, daily: bool) -> datetime | None:
        scope, _ = found(desk, FIRST + timedelta(hours=hours))
        return human_arm(desk, scope, plan, tasks, [Wanted("csat")], daily=daily).as_of

    assert checked(0, daily=True) == FIRST
    assert checked(2, daily=True) == FIRST
    assert checked(1, daily=False) == FIRST + timedelta(hours=1)
    assert checked(12, daily=True) == FIRST + timedelta(hours=12), "another day"
    assert checked(11.5, daily=True) == FIRST + timedelta(hours=11.5)


def test_a_gate_says_as_of_when_the_human_arm_was_counted(desk: Desk) -> None:
    desk.add_frame(world(3000))
    plan = plan_of()
    scope, _ = found(desk, FIRST)
    said = judge_scope(desk, plan, plan.steps[-1], scope).to_json()["integrity"]
    assert said["control_drift"]["as_of"] == said["contamination"]["as_of"] == FIRST.isoformat()
