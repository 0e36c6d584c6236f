"""What the pages read beyond the gate: what an order would do, the gate's path, filters, a plan on paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.contract import Ticket
from policies.plan import Plan
from rollout.analyst import Analyst
from rollout.api.inputs import Promotion
from rollout.clock import SimulatedClock
from rollout.errors import TransitionRefused, UsageError
from rollout.gate_path import MOST_POINTS, moments_of, recorded_path
from rollout.ladder import actions
from rollout.ladder.state import TrackName
from rollout.ladder.transition import NOT_JUDGED, Order
from rollout.record.folder import DataFolder
from rollout.router import Router
from rollout.what_if import Changes, StepChange, changed

DAYS = 5
PER_DAY = 80


@dataclass
class Desk:
    """A rollout at its first live step, with a few days of tickets."""

    reader: Analyst
    name: str
    clock: SimulatedClock

    @property
    def state(self) -> Any:
        return self.reader._controller.standing(self.name).state


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, plan: Plan, started: Any) -> Iterator[Desk]:
    clock = SimulatedClock(datetime(2026, 9, 1, 12, tzinfo=UTC))
    with DataFolder.open(tmp_path_factory.mktemp("pages") / "data", clock=clock) as folder:
        folder.record(started(plan))
        reader = Analyst(folder, folder.record, clock=clock)
        while reader.workflow("default", plan.workflow)["split"]["mode"] != "live":
            asked = Promotion(
                tenant="default", actor="ada", two_person=False, track="ladder", override=True, reason="go on"
            )
            reader.promote(plan.workflow, asked)
        router = Router(folder.journal, clock=clock)
        router.follow(folder.journal.read())
        for number in range(DAYS * PER_DAY):
            clock.advance_to(clock.now() + timedelta(days=1) / PER_DAY)
            router.route(
                Ticket(
                    f"t-{number}",
                    f"c-{number}",
                    clock.now(),
                    plan.workflow,
                    category=("billing", "returns")[number % 2],
                    complexity="simple",
                    urgency="normal",
                )
            )
        reader._reading.forget()  # of before the tickets
        yield Desk(reader, plan.workflow, clock)


def whole_path(desk: Desk) -> dict[str, Any]:
    while True:
        found = desk.reader.path("default", desk.name)
        if not found["pending"]:
            return found


def test_every_point_of_a_path_is_the_gate_of_its_moment(desk: Desk) -> None:
    path = whole_path(desk)
    (escalation,) = (metric for metric in path["metrics"] if metric["metric"] == "escalation")
    assert len(escalation["points"]) == DAYS
    for point in escalation["points"]:
        gate = desk.reader.gate("default", desk.name, "ladder", datetime.fromisoformat(point["at"]))
        (row,) = (metric for metric in gate["metrics"] if metric["metric"] == "escalation")
        for name in ("verdict", "estimate", "lower", "upper", "margin", "n_agent", "n_human"):
            assert point[name] == pytest.approx(row[name]), (point["at"], name)


def test_a_path_of_recorded_looks_keeps_to_the_step_and_its_evidence(desk: Desk) -> None:
    gate = desk.reader.gate("default", desk.name)
    other = gate | {"step": "another"}
    before = gate | {"as_of": "2020-01-01T00:00:00+00:00"}
    path = recorded_path(desk.state, TrackName.LADDER, [other, before, gate])
    compared = {metric["metric"] for metric in gate["metrics"] if metric["comparative"]}
    assert {metric["metric"] for metric in path.metrics} == compared
    assert all(len(metric["points"]) == 1 for metric in path.metrics)


def test_a_canary_that_does_not_run_has_no_path(desk: Desk) -> None:
    with pytest.raises(TransitionRefused, match="no canary"):
        desk.reader.path("default", desk.name, "canary")


@settings(max_examples=40, deadline=None)
@given(since=st.datetimes(datetime(2026, 1, 1), datetime(2026, 6, 1)), days=st.integers(0, 900))  # noqa: DTZ001
def test_moments_are_few_in_order_and_stay_from_day_to_day(since: datetime, days: int) -> None:
    begun = since.replace(tzinfo=UTC)
    now = begun + timedelta(days=days, hours=1)
    moments = moments_of(begun, now)
    assert len(moments) <= MOST_POINTS
    assert moments == sorted(set(moments))
    assert all(begun < moment <= now for moment in moments)
    if moments:
        assert now - moments[-1] < timedelta(days=1), "the newest midnight is always there"
    tomorrow = set(moments_of(begun, now + timedelta(days=1)))
    kept = [moment for moment in moments[:-1] if moment in tomorrow]
    assert len(kept) >= (len(moments) - 1) // 2


def test_an_order_tried_on_paper_says_what_the_order_would_do(desk: Desk) -> None:
    row = desk.reader.workflow("default", desk.name)
    tried = row["orders"]["tracks"]["ladder"]
    assert tried["abort"]["to"]["weight"] == 0
    assert tried["abort"]["from"]["weight"] == row["split"]["weight"] > 0
    assert tried["pause"]["allowed"]
    assert tried["pause"]["to"] == tried["pause"]["from"]
    assert tried["promote"]["needs_override"]
    assert tried["promote"]["to"]["weight"] > row["split"]["weight"]
    assert row["orders"]["eligible_per_day"] == pytest.approx(DAYS * PER_DAY / 7, rel=0.02)
    assert tried["abort"]["from"]["agent_per_day"] == pytest.approx(
        row["orders"]["eligible_per_day"] * row["split"]["weight"] / 100
    )


def test_what_it_forbids_is_what_the_ladder_refuses(desk: Desk, plan: Plan) -> None:
    tried = desk.reader.workflow("default", desk.name)["orders"]["tracks"]["ladder"]
    order = Order("ada", "because", desk.clock.now())
    with pytest.raises(TransitionRefused) as refused:
        actions.resume(plan, desk.state, TrackName.LADDER, order)
    assert (tried["resume"]["allowed"], tried["resume"]["why"]) == (False, str(refused.value))
    with pytest.raises(TransitionRefused, match="may not be left yet"):
        actions.promote(plan, desk.state, TrackName.LADDER, NOT_JUDGED, order)
    assert "may not be left yet" in tried["promote"]["why"]


def test_nothing_tried_on_paper_is_recorded(desk: Desk) -> None:
    before = desk.reader.position
    desk.reader.workflow("default", desk.name)
    desk.reader.what_if("default", desk.name, Changes(tickets_per_day=500.0))
    assert desk.reader.position == before


def test_filters_admit_one_value_and_refuse_what_no_ticket_has(desk: Desk) -> None:
    every = desk.reader.overview("default", desk.name, "all")
    assert every["choices"]["category"] == ["billing", "returns"]
    assert every["choices"]["region"] == []
    billing = desk.reader.overview("default", desk.name, "all", {"category": "billing"})
    assert (billing["tickets"], every["tickets"]) == (DAYS * PER_DAY / 2, DAYS * PER_DAY)
    with pytest.raises(UsageError, match="known: billing, returns"):
        desk.reader.overview("default", desk.name, "all", {"category": "' OR 1=1 --"})


def test_a_wider_margin_on_paper_is_decided_sooner(desk: Desk, plan: Plan) -> None:
    margin = plan.margins()["csat"].value
    wide = desk.reader.what_if("default", desk.name, Changes(margins={"csat": 4 * margin}))
    assert wide["plan"]["margins"]["csat"]["value"] == margin, "the plan itself stays"

    def waits(forecast: dict[str, Any]) -> list[float]:
        rows = [metric for step in forecast["tracks"][0]["steps"] for metric in step["metrics"]]
        return [row["needed_days"] for row in rows if row["metric"] == "csat" and row["needed_days"]]

    assert waits(wide["then"]), "csat is in some gate"
    pairs = zip(waits(wide["then"]), waits(wide["now"]), strict=False)
    assert all(then < now for then, now in pairs)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Changes(steps={"nope": StepChange(weight=5)}), "no such step; it has: shadow"),
        (Changes(margins={"nope": 1.0}), "no margin of it"),
        (Changes(steps={"ten": StepChange(weight=94.0)}), "steps climb"),
    ],
)
def test_a_change_that_breaks_a_rule_of_plans_is_refused(plan: Plan, change: Changes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        changed(plan, change)


def test_no_change_leaves_the_plan_as_it_is(plan: Plan) -> None:
    assert changed(plan, Changes()) is plan
    assert changed(plan, Changes(steps={"ten": StepChange(min_days=3.0)})).steps != plan.steps
