"""The human arm is watched over the very tickets a verdict rests on, and what is not known is not passed."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from desks_for_tests import END, START, Desk, plan_of, world

from experiments.control import Standing, check_contamination
from experiments.estimate import estimate_difference
from experiments.rows import comparison_from_rows
from rollout.gating import gate
from rollout.measure.baseline_query import BASELINE, erosion_of
from rollout.measure.query import naive_utc
from rollout.measure.queue_query import queue_of
from rollout.measure.scope import Scope
from rollout.measure.wanted import Wanted

AT = naive_utc(END)


def look(desk: Desk, **options: Any) -> dict[str, Any]:
    printed = gate(desk, plan_of(), "w", END, **options).to_json()
    return printed | {"by": {row["metric"]: row for row in printed["metrics"]}}


def history(n: int = 6000, seed: int = 1) -> pl.DataFrame:
    """Tickets of people in the eight weeks before the rollout, as an export has them."""
    frame = world(n, days=56, weights=(("none", 0.0),), seed=seed)
    times = ["opened_at", "resolved_at", "csat_at", "csat_offered_at", "recontact_at"]
    return frame.with_columns(
        [pl.col(name) - timedelta(days=56) for name in times],
        day=(pl.col("opened_at") - timedelta(days=56)).dt.date(),
        ticket_id="before-" + pl.col("ticket_id"),
        step=pl.lit(None, pl.String),
        weight=pl.lit(None, pl.Float64),
    )


def rollout(worse: float = 0.0, n: int = 12_000) -> pl.DataFrame:
    """A ramp during which ratings of both arms fall by ``worse``, so that the arms stay level."""
    fallen = (pl.col("csat") - worse).clip(1, 5)
    return world(n, customers=n // 3).with_columns(csat=fallen)


def test_a_collapsing_human_arm_makes_its_metric_invalid_and_no_other(desk: Desk) -> None:
    desk.add_frame(history())
    desk.add_frame(rollout(worse=1.5))
    found = look(desk)
    assert (found["by"]["csat"]["verdict"], found["by"]["csat"]["reason"]) == ("INVALID", "CONTROL_DRIFT")
    assert found["by"]["recontact_7d"]["verdict"] == "PASS"
    assert found["by"]["csat"]["causes"]
    assert found["decision"] == "HOLD"
    assert not found["valid"]
    check = found["integrity"]["control_drift"]
    assert check["verdict"] == "INVALID"
    assert check["metrics"]["csat"]["worsening_lower"] > check["metrics"]["csat"]["tolerated"]
    assert {name: each["verdict"] for name, each in check["metrics"].items()} == {
        "csat": "INVALID",
        "recontact_7d": "PASS",
        "escalation": "PASS",
    }


@pytest.mark.parametrize("worse", [0.0, 0.3])
def test_drift_of_both_arms_below_the_tolerance_is_no_finding(desk: Desk, worse: float) -> None:
    desk.add_frame(history())
    desk.add_frame(rollout(worse=worse))
    found = look(desk)
    assert found["by"]["csat"]["verdict"] == "PASS"
    assert found["integrity"]["control_drift"]["verdict"] == "PASS"
    assert found["valid"]


def test_an_agent_worse_than_a_desk_in_trouble_is_rolled_back_all_the_same(desk: Desk) -> None:
    desk.add_frame(history())
    desk.add_frame(
        rollout().with_columns(
            csat=pl.when(pl.col("arm") == "human").then((pl.col("csat") - 1).clip(1, 5)).otherwise(1.0)
            + pl.col("csat") * 0
        )
    )
    found = look(desk)
    assert found["integrity"]["control_drift"]["verdict"] == "INVALID"
    assert (found["by"]["csat"]["verdict"], found["decision"]) == ("FAIL", "ROLL_BACK")


def test_without_history_the_first_step_is_what_later_ones_are_held_against(desk: Desk) -> None:
    frame = world(12_000)
    late = (pl.col("step") == "thirty") & (pl.col("arm") == "human")
    desk.add_frame(
        frame.with_columns(csat=pl.when(late).then((pl.col("csat") - 1.5).clip(1, 5)).otherwise("csat"))
    )
    found = look(desk)
    assert found["by"]["csat"]["reason"] == "CONTROL_DRIFT"
    assert "in the first step, ten" in found["integrity"]["control_drift"]["sentence"]


def test_nothing_to_hold_it_against_is_said_and_not_passed(desk: Desk) -> None:
    desk.add_frame(world(3000, weights=(("ten", 10.0),)))
    check = look(desk)["integrity"]["control_drift"]
    assert check["verdict"] == "NOT_CHECKED"
    assert "only 0 tickets of humans are known from before" in check["sentence"]


def test_a_metric_the_history_does_not_know_is_not_passed(desk: Desk) -> None:
    desk.add_frame(history().with_columns(csat=pl.lit(None, pl.Float64), csat_at=pl.lit(None, pl.Datetime)))
    desk.add_frame(rollout())
    check = look(desk)["integrity"]["control_drift"]
    assert check["verdict"] == "NOT_CHECKED"
    assert (check["metrics"]["csat"]["verdict"], check["metrics"]["escalation"]["verdict"]) == (
        "NOT_CHECKED",
        "PASS",
    )
    assert "CSAT" in check["sentence"]


def test_an_empty_desk_and_a_canary_check_nothing(desk: Desk) -> None:
    for found in (look(desk), look(desk, track="canary")):
        for check in ("control_drift", "contamination"):
            assert found["integrity"][check]["verdict"] == "NOT_CHECKED"


def test_the_sums_are_those_of_the_rows(desk: Desk) -> None:
    """Against numpy: control tickets, late against before, by weekday, category and complexity."""
    frames = [each.with_columns(complexity=pl.lit("simple")) for each in (history(3000), rollout(n=3000))]
    for frame in frames:
        desk.add_frame(frame)
    scope = Scope.find(desk, tenant="default", workflow="w", track="ladder", as_of=END)
    found = erosion_of(
        desk, scope, [Wanted("escalation"), Wanted("handle_time", relative=True)], 30.0, ["complexity"]
    )
    rows = pl.concat(
        [frame.with_columns(late=pl.lit(late)) for frame, late in zip(frames, (False, True), strict=True)],
        how="diagonal_relaxed",
    ).filter(pl.col("arm") == "human", pl.col("opened_at") <= AT)
    rows = rows.filter(pl.col("opened_at") >= frames[1]["opened_at"].min() - BASELINE)
    strata = rows["opened_at"].dt.weekday().cast(pl.String) + rows["category"]
    for metric, column in (("escalation", "escalated"), ("handle_time", "handle_seconds")):
        closed = (rows["resolved_at"] <= AT).to_numpy() | (metric == "escalation")
        whole = comparison_from_rows(
            strata.to_numpy(), rows["customer_id"].to_numpy(), rows["late"].to_numpy(),
            np.where(closed, rows[column].cast(pl.Float64).to_numpy(), 0), closed,
        )  # fmt: skip
        one, other = (estimate_difference(each) for each in (found.periods[metric], whole))
        assert one.effect == pytest.approx(other.effect, rel=1e-9)
        assert one.variance == pytest.approx(other.variance, rel=1e-9)


def test_a_large_desk_is_read_by_a_share_of_its_customers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.add_frame(history(9000))
    desk.add_frame(rollout(worse=0.3))
    whole = erosion_of(desk, scope_of(desk), [Wanted("csat")], None).periods["csat"]
    monkeypatch.setattr("rollout.measure.baseline_query.ENOUGH", 2000)
    part = erosion_of(desk, scope_of(desk), [Wanted("csat")], None).periods["csat"]
    assert part.clusters == pytest.approx(whole.clusters / 4, rel=0.15)
    assert part.n_treated / part.clusters == pytest.approx(whole.n_treated / whole.clusters, rel=0.15)
    assert estimate_difference(part).effect == pytest.approx(estimate_difference(whole).effect, abs=0.2)


def busy(slower: float = 0.0, *, days: int = 60, n: int = 20_000, seed: int = 0) -> pl.DataFrame:
    """A desk whose agent escalates a share that changes from day to day; people slow down with it."""
    rng = np.random.default_rng(seed)
    frame = world(n, days=days, weights=(("thirty", 30.0),), seed=seed)
    opened = frame["opened_at"].to_numpy()
    day = ((opened - np.datetime64(START, "us")) / np.timedelta64(1, "D")).astype(int)
    share = np.clip(rng.gamma(6, 0.04, days + 1), 0.02, 0.9)
    agent = (frame["arm"] == "agent").to_numpy()
    escalated = agent & (rng.random(len(frame)) < share[day])
    yesterday = share[np.maximum(day - 1, 0)]
    wait = rng.lognormal(7, 0.6, len(frame)) * np.where(agent, 0.01, 1 + slower * (yesterday > 0.22))
    at = opened + np.timedelta64(30, "s")
    return frame.with_columns(
        escalated=escalated,
        escalated_at=np.where(escalated, at, np.datetime64("NaT")),
        first_response_seconds=wait,
    )


def scope_of(desk: Desk) -> Scope:
    return Scope.find(desk, tenant="default", workflow="w", track="ladder", as_of=END)


def test_a_queue_that_slows_when_escalations_rise_makes_every_comparison_invalid(desk: Desk) -> None:
    desk.add_frame(busy(slower=1.5))
    found = look(desk)
    assert {found["by"][name]["reason"] for name in ("csat", "recontact_7d")} == {"CONTAMINATION"}
    assert found["by"]["escalation"]["reason"] == "INFERIOR", "what flatters the agent excuses no harm"
    check = found["integrity"]["contamination"]
    assert check["verdict"] == "INVALID"
    assert check["worsening"] > check["worsening_lower"] > check["tolerated"]
    assert check["escalations"] > 500
    assert "share one queue" in check["sentence"]


def test_a_queue_that_does_not_is_passed(desk: Desk) -> None:
    desk.add_frame(busy())
    check = look(desk)["integrity"]["contamination"]
    assert check["verdict"] == "PASS"
    assert abs(check["worsening"]) < 0.1


def test_escalations_later_than_the_look_change_nothing(desk: Desk) -> None:
    frame = busy(slower=1.5)
    at = END - timedelta(days=30)
    known = frame.filter(pl.col("opened_at") <= naive_utc(at))
    later = pl.col("escalated_at") > naive_utc(at)
    desk.add_frame(known.with_columns(escalated=pl.col("escalated") & ~later.fill_null(value=False)))
    before = gate(desk, plan_of(), "w", at).to_json()["integrity"]["contamination"]
    whole = Desk()
    whole.add_frame(frame)
    assert gate(whole, plan_of(), "w", at).to_json()["integrity"]["contamination"] == before
    whole.close()


def test_an_escalation_after_the_look_has_not_happened_yet(desk: Desk) -> None:
    frame = busy()
    desk.add_frame(frame.with_columns(escalated_at=pl.lit(AT + timedelta(days=1))))
    row = look(desk)["by"]["escalation"]
    assert row["mean_agent"] == 0


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ("escalated_at", "it is not recorded when they were made"),
        ("first_response_seconds", "the wait is not recorded"),
    ],
)
def test_unknown_times_are_not_checked(desk: Desk, lost: str, words: str) -> None:
    desk.add_frame(busy(slower=1.5, n=4000).drop(lost))
    queue = queue_of(desk, scope_of(desk))
    assert queue.hours is None
    assert words in (queue.missing or "")


def test_days_of_no_consequence_and_shared_spikes_do_not_matter(desk: Desk) -> None:
    """A day on which everybody writes twice and everybody waits twice: both hours are comparable ones."""
    frame = busy()
    spike = frame.filter((pl.col("day").dt.day() % 5) == 0)
    copies = spike.with_columns(
        ticket_id="again-" + pl.col("ticket_id"), first_response_seconds=2 * pl.col("first_response_seconds")
    )
    desk.add_frame(pl.concat([frame, copies]))
    queue = queue_of(desk, scope_of(desk))
    assert queue.hours is not None
    assert check_contamination(queue.hours).standing is Standing.PASS
