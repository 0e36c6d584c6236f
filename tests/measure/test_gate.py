"""A gate finds what was planted, says so, and never looks ahead."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from desks_for_tests import END, START, Desk, fact, plan_of, world
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.plan import Plan
from rollout.errors import UnknownWorkflow, UsageError
from rollout.gating import gate, require_workflow
from rollout.ladder.transition import Decision

LARGE = {"tickets": 24_000, "customers": 8_000}


def look(desk: Desk, plan: Plan | None = None, at: datetime = END, **options: Any) -> dict[str, Any]:
    """The public form, with the metrics by name."""
    printed = gate(desk, plan or plan_of(), "w", at, **options).to_json()
    return printed | {"by": {row["metric"]: row for row in printed["metrics"]}}


def test_an_agent_as_good_as_the_humans_is_promoted(desk: Desk) -> None:
    desk.add_frame(world(**LARGE))
    found = look(desk)
    assert found["decision"] == "PROMOTE"
    assert found["step"] == "thirty"
    assert {row["verdict"] for row in found["metrics"]} == {"PASS"}
    assert abs(found["by"]["csat"]["estimate"]) < 0.1
    assert found["by"]["csat"]["margin"] == pytest.approx(0.2)
    assert found["valid"]
    assert found["integrity"]["srm"]["p_value"] > 0.01


def test_an_agent_that_satisfies_less_is_rolled_back(desk: Desk) -> None:
    desk.add_frame(world(**LARGE, csat=-0.6))
    found = look(desk)
    csat = found["by"]["csat"]
    assert found["decision"] == "ROLL_BACK"
    assert (csat["verdict"], csat["reason"]) == ("FAIL", "INFERIOR")
    assert -0.75 < csat["estimate"] < -0.4
    assert csat["upper"] < 0
    assert found["reasons"] == [csat["sentence"]]


def test_estimates_are_agent_minus_human_whichever_direction_is_better(desk: Desk) -> None:
    desk.add_frame(world(**LARGE, recontact=0.12))
    row = look(desk)["by"]["recontact_7d"]
    assert row["verdict"] == "FAIL"
    assert 0.05 < row["estimate"] < 0.13
    assert row["lower"] < row["estimate"] < row["upper"]
    assert row["margin"] == pytest.approx(0.04)
    assert row["mean_agent"] > row["mean_human"]


def test_few_tickets_hold_and_say_how_many_are_missing(desk: Desk) -> None:
    desk.add_frame(world(1500))
    found = look(desk)
    csat = found["by"]["csat"]
    assert found["decision"] == "HOLD"
    assert (csat["verdict"], csat["reason"]) == ("INCONCLUSIVE", "UNDERPOWERED")
    assert csat["needed_tickets"] > 0
    assert csat["needed_days"] > csat["needed_tickets"] / found["tickets_per_day"]
    assert csat["mde"] > csat["margin"]


def test_open_windows_make_a_verdict_immature(desk: Desk) -> None:
    desk.add_frame(world(days=6, weights=(("ten", 50.0),)))
    row = look(desk, at=datetime(2026, 3, 8, tzinfo=UTC))["by"]["recontact_7d"]
    assert (row["verdict"], row["reason"], row["n_agent"]) == ("INCONCLUSIVE", "IMMATURE", 0)
    assert row["immature"] > 5000
    assert row["mature_from"].startswith("2026-03-09")
    assert row["provisional_until"] > row["mature_from"]


def test_plain_history_has_no_agent_arm_and_says_so(desk: Desk) -> None:
    plain = world(500).with_columns(
        arm=pl.lit("human"),
        path=pl.lit("human"),
        step=pl.lit(None, pl.String),
        weight=pl.lit(None, pl.Float64),
    )
    desk.add_frame(plain)
    found = look(desk)
    assert found["decision"] == "HOLD"
    assert {row["reason"] for row in found["metrics"]} == {"NO_DATA"}
    assert all("no agent arm" in row["sentence"] for row in found["metrics"])


def test_an_empty_desk_promotes_nobody(desk: Desk) -> None:
    found = look(desk)
    assert (found["decision"], found["reason"], found["step"]) == ("HOLD", "NO_DATA", None)


def test_lost_assignments_make_every_comparison_invalid(desk: Desk) -> None:
    desk.add_frame(world(40_000, customers=20_000, lost=0.3))
    found = look(desk)
    assert found["decision"] == "HOLD"
    assert {(row["verdict"], row["reason"]) for row in found["metrics"]} == {("INVALID", "SRM")}
    assert found["integrity"]["srm"]["alarm"]
    assert found["by"]["csat"]["causes"]


def test_arms_drawn_per_ticket_are_a_crossover(desk: Desk) -> None:
    frame = world(4000, customers=400, weights=(("ten", 50.0),))
    desk.add_frame(frame.with_columns(arm=pl.Series(["agent", "human"] * 3000).head(len(frame))))
    found = look(desk)
    assert {row["reason"] for row in found["metrics"]} == {"CROSSOVER"}
    assert found["integrity"]["crossover"]["crossed"] > 300


def test_a_broken_split_does_not_hide_a_breach_of_policy(desk: Desk) -> None:
    frame = world(40_000, customers=20_000, lost=0.3)
    desk.add_frame(frame.with_columns(violations=pl.when(pl.col("arm") == "agent").then(1).otherwise(0)))
    found = look(desk, plan_of(monitors=["violations"]))
    assert found["decision"] == "ROLL_BACK"
    assert found["by"]["violations"]["role"] == "monitor"
    assert found["by"]["violations"]["reason"] == "BEYOND_LIMIT"
    assert not found["valid"]


def test_a_missed_goal_is_shown_and_does_not_block(desk: Desk) -> None:
    desk.add_frame(world(**LARGE))
    goal = plan_of().metrics["csat"].model_dump(mode="json", exclude_none=True)
    plan = plan_of(
        metrics={
            "csat": goal,
            "escalation": {"margin": "5pp"},
            "first_response": {"role": "goal", "improve": "40%"},
        }
    )
    found = look(desk, plan)
    assert found["by"]["first_response"]["verdict"] == "FAIL"
    assert found["by"]["first_response"]["role"] == "goal"
    assert found["decision"] == "PROMOTE"


def test_too_few_escalations_in_a_category_block_as_too_many_do(desk: Desk) -> None:
    desk.add_frame(world(**LARGE))
    metrics = {"escalation": {"margin": "5pp", "by": "category", "band": {"billing": ["60%", "90%"]}}}
    found = look(desk, plan_of(metrics=metrics))
    (band,) = found["bands"]
    assert (band["category"], band["reason"]) == ("billing", "OUTSIDE_BAND")
    assert found["by"]["escalation"]["verdict"] == "PASS"
    assert found["decision"] == "HOLD"


def test_a_silent_difference_in_answering_leaves_csat_unidentified(desk: Desk) -> None:
    frame = world(**LARGE)
    silent = (pl.col("arm") == "agent") & (pl.col("ticket_id").hash(1) % 2 == 0)
    hidden = [pl.when(~silent).then(pl.col(name)).alias(name) for name in ("csat", "csat_at")]
    desk.add_frame(frame.with_columns(hidden))
    row = look(desk)["by"]["csat"]
    assert row["response_rate_agent"] < 0.2 < row["response_rate_human"]
    assert (row["verdict"], row["reason"]) == ("INCONCLUSIVE", "NOT_IDENTIFIED")


def test_an_early_step_is_judged_by_its_scaled_margin_and_by_nothing_later(desk: Desk) -> None:
    desk.add_frame(world(**LARGE))
    early, late = look(desk, step="ten"), look(desk)
    assert early["by"]["csat"]["margin"] == pytest.approx(0.4)
    assert (early["margin_scale"], early["evidence_steps"]) == (2.0, ["ten"])
    assert late["evidence_steps"] == ["ten", "thirty"]
    assert early["by"]["csat"]["n_human"] < late["by"]["csat"]["n_human"]


def test_a_step_the_plan_does_not_know_is_judged_by_the_unscaled_margins(desk: Desk) -> None:
    desk.add_frame(world(3000, weights=(("pilot", 20.0),)))
    found = look(desk)
    assert (found["step"], found["margin_scale"], found["plan"]["knows_step"]) == ("pilot", 1.0, False)
    assert set(found["by"]) == {"csat", "recontact_7d", "escalation"}


def test_a_step_nobody_knows_is_refused_with_the_known_ones(desk: Desk) -> None:
    desk.add_frame(world(300))
    with pytest.raises(UsageError, match=r"'sixty'.*ten, thirty"):
        look(desk, step="sixty")


def test_an_unknown_workflow_is_refused_with_the_known_ones(desk: Desk) -> None:
    desk.add_frame(world(30))
    with pytest.raises(UnknownWorkflow, match=r"'nope'.*known: w"):
        require_workflow(desk, "nope")
    require_workflow(desk, "w")


def test_evidence_before_a_readmission_is_over(desk: Desk) -> None:
    desk.add_frame(world(2000))
    desk.add(
        [
            {
                "seq": 1,
                "event_id": "transition:1",
                "tenant": "default",
                "workflow": "w",
                "occurred_at": START + timedelta(days=50),
                "track": "ladder",
                "action": "readmit",
            }
        ],
        "transitions",
    )
    before = look(desk, at=datetime(2026, 4, 20, tzinfo=UTC))
    after = look(desk)
    assert after["tickets"] < before["tickets"] / 3


def test_excluded_tickets_change_nothing(desk: Desk) -> None:
    desk.add_frame(world(3000))
    before = look(desk)
    day = START + timedelta(days=40)
    bots = {"step": "thirty", "weight": 30.0, "escalated": True, "excluded": "bot"}
    desk.add([fact(f"a{n}", f"bot{n}", day, arm="agent", **bots) for n in range(90)])
    desk.add([fact(f"h{n}", f"bot{n}", day, arm="human", **bots) for n in range(90, 300)])
    for name, row in look(desk)["by"].items():
        numbers = {key: value for key, value in before["by"][name].items() if isinstance(value, int | float)}
        assert {key: row[key] for key in numbers} == pytest.approx(numbers, rel=1e-9)


def test_excluding_one_arm_more_than_the_other_is_found(desk: Desk) -> None:
    desk.add_frame(world(3000))
    bots = {"step": "thirty", "weight": 30.0, "excluded": "merged", "arm": "agent"}
    desk.add([fact(f"a{n}", f"bot{n}", START + timedelta(days=40), **bots) for n in range(200)])
    assert {row["reason"] for row in look(desk)["metrics"]} == {"UNEQUAL_ELIGIBILITY"}


@settings(max_examples=8)
@given(day=st.integers(8, 55), seed=st.integers(0, 50))
def test_what_happens_later_never_changes_an_earlier_verdict(day: int, seed: int) -> None:
    """A desk that stopped at T says the same as one that went on, as of T."""
    at = (START + timedelta(days=day)).replace(tzinfo=UTC)
    moment = at.replace(tzinfo=None)
    frame = world(600, seed=seed)
    known = frame.filter(pl.col("opened_at") <= moment).with_columns(
        [
            pl.when(pl.col(clock) <= moment).then(pl.col(name)).alias(name)
            for clock, names in {
                "resolved_at": ["resolution", "handle_seconds"],
                "csat_at": ["csat"],
            }.items()
            for name in names
        ]
        + [
            pl.when(pl.col(clock) <= moment).then(pl.col(clock)).alias(clock)
            for clock in ("csat_at", "csat_offered_at", "recontact_at")
        ]
    )
    went_on, stopped = Desk(), Desk()
    try:
        went_on.add_frame(frame)
        stopped.add_frame(known)
        later, then = look(went_on, at=at), look(stopped, at=at)
    finally:
        went_on.close()
        stopped.close()
    for name, row in later["by"].items():
        for part in ("verdict", "reason", "n_agent", "n_human", "immature"):
            assert then["by"][name][part] == row[part], (name, part)
        assert then["by"][name]["estimate"] == pytest.approx(row["estimate"], rel=1e-9, abs=1e-12)


def test_the_ruling_for_the_ladder_carries_the_printed_gate(desk: Desk) -> None:
    desk.add_frame(world(1500))
    report = gate(desk, plan_of(), "w", END)
    ruling = report.ruling
    assert (ruling.decision, ruling.reason) == (Decision.HOLD, "UNDERPOWERED")
    assert not ruling.sentence.endswith(".")
    assert ruling.evidence["metrics"] == report.to_json()["metrics"]
