"""Dates that follow from volume, weight, margin and lag, and from nothing else."""

import math
from datetime import timedelta

import pytest

from experiments.power import BURN_IN, information_per_ticket, needed_information
from experiments.verdict import Rules, Traffic
from policies.vocabulary import METRICS
from rollout.errors import UsageError
from rollout.planning.accrual import Stretch, accrued, first_day
from rollout.planning.demands import per_metric
from rollout.planning.desk import desk_of
from rollout.planning.figures import ASSUMED, Origin
from rollout.planning.forecast import forecast
from rollout.planning.public import to_json

ONE_STEP = [{"name": "only", "set_weight": 10, "min_duration": "1d"}]


def told(plan, monday, volume=2000.0):
    return forecast(plan, desk_of(plan, volume=volume), monday)


def test_a_single_step_takes_the_days_of_the_textbook(plan_of, monday):
    """Tickets = I*·σ²·deff / (q·p(1−p)); days = tickets / volume + maturity."""
    plan = plan_of(steps=ONE_STEP, metrics={"csat": {"margin": "0.2"}})
    stay = told(plan, monday).tracks[0].steps[0].stay
    needed = needed_information(0.2, Rules(alpha=0.05, power=0.8))
    gain = information_per_ticket(Traffic(2000, 0.1, 0.12), 1.1**2 * 1.3)
    assert stay.waits["csat"] == pytest.approx(needed / gain / 2000 + 3, rel=1e-4)


def test_every_metric_of_a_gate_is_planned_so_that_all_pass_together():
    assert per_metric(0.8, 4) == pytest.approx(0.95)
    assert per_metric(0.8, 1) == 0.8


def test_more_assurance_takes_longer(plan_of, monday):
    found = told(plan_of(), monday, 600)
    totals = [found.tracks[0].total(assurance) for assurance in (0.5, 0.8, 0.9)]
    assert totals[0] < totals[1] < totals[2] < math.inf


def test_more_tickets_never_take_longer(plan_of, monday):
    waits = [told(plan_of(), monday, volume).tracks[0].steps[0].stay.waits for volume in (200, 600, 5000)]
    for metric in waits[0]:
        assert waits[0][metric] > waits[1][metric] > waits[2][metric]
        assert waits[2][metric] >= METRICS[metric].lag_hours / 24


def test_a_small_holdout_counts_for_as_little_as_it_is(plan_of, monday):
    """95/5 brings .0475 per ticket where 50/50 brings .25: it takes 5.26 times as many."""

    def wait(weight):
        steps = [{"name": "only", "set_weight": weight}]
        plan = plan_of(steps=steps, metrics={"csat": {"margin": "0.2"}})
        return told(plan, monday).tracks[0].steps[0].stay.waits["csat"] - 3

    assert wait(95) / wait(50) == pytest.approx(0.25 / 0.0475, rel=1e-3)
    assert wait(95) == pytest.approx(wait(5), rel=1e-6)


def test_evidence_of_earlier_steps_counts_and_matures_later(plan_of, monday):
    first, second, _ = told(plan_of(), monday).tracks[0].steps
    alone = plan_of(steps=[{"name": "thirty", "set_weight": 30, "min_duration": "7d"}])
    fresh = told(alone, monday).tracks[0].steps[0]
    assert second.stay.waits["recontact_7d"] < fresh.stay.waits["recontact_7d"]
    assert second.stay.entered == first.stay.left


def test_a_shadow_step_is_no_evidence_for_a_live_one(plan_of, monday):
    shadow = {
        "name": "shadow",
        "mode": "shadow",
        "min_duration": "14d",
        "gate": ["agreement"],
        "shadow": {"budget_usd_per_day": 1, "concurrency": 1, "deadline": "20s"},
    }
    plan = plan_of(steps=[shadow, *ONE_STEP], metrics={"csat": {"margin": "0.2"}})
    after = told(plan, monday).tracks[0].steps[1].stay
    alone = told(plan_of(steps=ONE_STEP, metrics={"csat": {"margin": "0.2"}}), monday).tracks[0].steps[0].stay
    assert after.waits["csat"] == pytest.approx(alone.waits["csat"], rel=1e-6)


def test_outcomes_are_known_only_after_their_lag():
    stretch = [Stretch(0, 10, 100, 0.5)]
    assert accrued(stretch, 7, carried=1, lag_days=7).treated == 0
    assert accrued(stretch, 12, carried=1, lag_days=7).treated == pytest.approx(250)
    assert accrued(stretch, 99, carried=0.1, lag_days=7).contrast == pytest.approx(25)


def test_the_first_day_is_found_wherever_it_lies():
    for truth in (0.0, 0.3, 5.0, 700.0):
        assert first_day(lambda day, truth=truth: day >= truth, 0.0) == pytest.approx(truth, abs=1e-6)
    assert first_day(lambda _: False, 0.0) == math.inf


def test_the_burn_in_counts_even_where_the_margin_is_wide(plan_of, monday):
    plan = plan_of(steps=ONE_STEP, metrics={"csat": {"margin": "2.5"}})
    stay = told(plan, monday).tracks[0].steps[0].stay
    assert stay.waits["csat"] == pytest.approx(BURN_IN / (2000 * 0.12 * 0.1) + 3, rel=1e-4)


def test_nobody_is_promoted_in_a_freeze(plan_of, monday):
    plan = plan_of(steps=ONE_STEP, freeze=["2026-03-05/2026-04-30"])
    step = told(plan, monday).tracks[0].steps[0]
    assert monday + timedelta(days=step.stay.left) == monday.replace(month=5, day=1)
    assert step.stay.gate_days < step.stay.left


def test_consecutive_passes_add_a_day_each(plan_of, monday):
    once = told(plan_of(steps=ONE_STEP), monday).tracks[0].steps[0].stay
    thrice = told(plan_of(steps=[ONE_STEP[0] | {"consecutive_passes": 3}]), monday).tracks[0].steps[0].stay
    assert thrice.gate_days == pytest.approx(once.gate_days + 2)


def test_what_if_is_the_same_step_at_the_next_weight(plan_of, monday):
    found = told(plan_of(), monday, 600)
    heavier = [{"name": "ten", "set_weight": 30, "margin_scale": 2.0, "min_duration": "7d"}]
    there = told(plan_of(steps=heavier), monday, 600).tracks[0].steps[0].stay
    what_if = found.tracks[0].steps[0].what_if
    assert what_if.weight == 30
    assert what_if.days == pytest.approx(there.gate_days, rel=1e-6)
    assert found.tracks[0].steps[-1].what_if is None


def test_a_relative_margin_knows_that_its_mean_is_estimated(plan_of, monday):
    """ȳ_t − 1.2·ȳ_c varies more than ȳ_t − ȳ_c: at 50/50 by (1 + 1.2²)/2."""
    steps = [{"name": "only", "set_weight": 50}]
    relative = plan_of(steps=steps, metrics={"cost": {"margin": "20%"}})
    absolute = plan_of(steps=steps, metrics={"cost": {"margin": str(ASSUMED["cost"].mean / 5)}})
    waits = [told(plan, monday, 60).tracks[0].steps[0].stay.waits["cost"] for plan in (relative, absolute)]
    assert waits[0] / waits[1] == pytest.approx(1.22, rel=1e-6)


def test_the_canary_splits_the_agents_own_share(plan_of, monday):
    plan = plan_of(canary={"agent": "resolution@1.3.0", "steps": [{"name": "canary", "set_weight": 20}]})
    found = forecast(plan, desk_of(plan, volume=1000), monday, beside="thirty")
    rung = found.tracks[1].steps[0].rung
    assert (rung.tickets_per_day, rung.share) == (pytest.approx(300), pytest.approx(0.2))
    with pytest.raises(UsageError, match="live steps are ten, thirty, full"):
        forecast(plan, desk_of(plan, volume=1000), monday, beside="nowhere")


def test_nobody_moves_back_and_the_holdout_stays(plan_of, monday):
    steps = told(plan_of(), monday).tracks[0].steps
    assert [step.moves.entering for step in steps] == [10, 20, 65]
    assert [step.moves.staying for step in steps] == [0, 10, 30]
    assert all(step.moves.leaving == 0 and step.moves.people >= step.moves.holdout == 5 for step in steps)


def test_eligibility_says_whose_tickets_come_and_go(plan_of, monday):
    steps = [
        {"name": "a", "set_weight": 10, "eligible": {"complexity": ["simple"]}},
        {"name": "b", "set_weight": 20, "eligible": {"complexity": ["simple", "moderate"], "tier": ["free"]}},
    ]
    moves = told(plan_of(steps=steps), monday).tracks[0].steps[1].moves
    assert (moves.widened, moves.narrowed) == (("complexity",), ("tier",))


def test_without_a_volume_there_is_no_date(plan_of, monday):
    with pytest.raises(UsageError, match="declare volume"):
        forecast(plan_of(), desk_of(plan_of()), monday)


def test_the_public_form_has_every_figure_with_its_origin(plan_of, monday):
    plan = plan_of(volume={"tickets_per_day": 900, "csat_response": 20})
    form = to_json(forecast(plan, desk_of(plan), monday), "x.yaml")
    assert form["figures"]["metrics"]["csat"]["carried"]["origin"] == Origin.DECLARED
    assert form["figures"]["metrics"]["csat"]["carried"]["value"] == pytest.approx(0.2)
    assert form["figures"]["metrics"]["escalation"]["mean"]["origin"] == Origin.ASSUMED
    assert {each["origin"] for each in form["figures"]["tickets_per_day"].values()} == {"declared"}
    step = form["tracks"][0]["steps"][0]
    assert set(step["left"]) == {"0.5", "0.8", "0.9"}
    assert step["slowest"] in {row["metric"] for row in step["metrics"]}


def test_every_metric_of_the_vocabulary_has_its_line_of_assumptions():
    assert set(ASSUMED) == set(METRICS)


def test_the_detectable_effect_shrinks_with_time_and_meets_the_margin_in_the_end(plan_of, monday):
    plan = plan_of(steps=ONE_STEP, metrics={"escalation": {"margin": "3pp"}})
    step = told(plan, monday, 600).tracks[0].steps[0]
    (demand,) = step.rung.gate
    mdes = [step.mde(demand, days) for days in (5, 20, 80)]
    assert mdes[0] > mdes[1] > mdes[2]
    assert step.mde(demand, step.stay.waits["escalation"]) == pytest.approx(0.03, rel=1e-6)


@pytest.mark.parametrize("volume", [50, 600, 20_000])
def test_a_limit_is_shown_sooner_where_more_tickets_come(plan_of, monday, volume):
    steps = [{"name": "only", "set_weight": 50, "gate": ["violations", "latency"]}]
    waits = told(plan_of(steps=steps), monday, volume).tracks[0].steps[0].stay.waits
    half = told(plan_of(steps=steps), monday, volume / 2).tracks[0].steps[0].stay.waits
    assert waits["violations"] == pytest.approx(half["violations"] / 2, rel=1e-6)
    assert 0 < waits["latency"] < waits["violations"] < math.inf
