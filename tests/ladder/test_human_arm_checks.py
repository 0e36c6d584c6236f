"""A finding about the human arm forbids a pass where it applies, and hides no harm."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from experiments.control import ControlCheck, Standing
from experiments.integrity import Finding
from experiments.rows import comparison_from_rows
from experiments.samples import Comparison
from experiments.verdict import Reason, State
from policies.plan import Plan, plan_from_json
from rollout.evidence import Erosion, GateEvidence, MetricEvidence, Queue
from rollout.ladder.control import ControlChecks, check_control, guarded, standing_of, unchecked
from rollout.ladder.judge import judge, tasks_of
from rollout.ladder.transition import Decision

DRIFT = Finding(Reason.CONTROL_DRIFT, "worse than before", ("a release",), "csat", flatters=True)
QUEUE = Finding(Reason.CONTAMINATION, "waits longer", ("one queue",), flatters=True)


def plan_of(**changes: Any) -> Plan:
    return plan_from_json(
        {
            "workflow": "w",
            "owners": {"workflow": "a", "technical": "b", "escalation": "c"},
            "unit": "customer",
            "salt": "w-1",
            "agent": "resolution@1.2.0",
            "steps": [
                {"name": "ten", "set_weight": 10, "margin_scale": 2.0},
                {"name": "full", "set_weight": 95, "gate": ["csat"]},
            ],
            "metrics": {"csat": {"margin": "0.2"}, "escalation": {"margin": "5pp"}},
            "inference": {"alpha": 0.05, "power": 0.8},
        }
        | changes
    )


def rated(effect: float, n: int = 6000) -> Comparison:
    """Ratings of n customers, one each, a third of them the agent's."""
    random = np.random.default_rng(7)
    treated = random.random(n) < 1 / 3
    score = np.clip(np.round(4 + effect * treated + random.normal(0, 0.8, n)), 1, 5)
    return comparison_from_rows(np.zeros(n), np.arange(n), treated, score, np.ones(n))


def evidence(**sums: Comparison) -> GateEvidence:
    found = {name: MetricEvidence(name, difference=each) for name, each in sums.items()}
    return GateEvidence("w", "ladder", "ten", "live", "v@1", datetime(2026, 5, 1, tzinfo=UTC), found)


def test_drift_of_one_metric_leaves_the_others_standing() -> None:
    plan = plan_of()
    found = judge(plan, plan.steps[0], evidence(csat=rated(0), escalation=rated(0)), [DRIFT])
    csat, escalation = found.rows
    assert (csat.verdict.state, csat.verdict.reason) == (State.INVALID, Reason.CONTROL_DRIFT)
    assert csat.verdict.causes == ("a release",)
    assert escalation.verdict.passed
    assert (found.decision, found.code) == (Decision.HOLD, "CONTROL_DRIFT")


def test_contamination_is_about_every_comparison() -> None:
    plan = plan_of()
    found = judge(plan, plan.steps[0], evidence(csat=rated(0), escalation=rated(0)), [QUEUE])
    assert {row.verdict.reason for row in found.rows} == {Reason.CONTAMINATION}
    assert found.decision is Decision.HOLD


@pytest.mark.parametrize("flattering", [DRIFT, QUEUE])
def test_an_agent_worse_than_a_worn_out_desk_is_worse(flattering: Finding) -> None:
    plan = plan_of()
    found = judge(plan, plan.steps[0], evidence(csat=rated(-0.6), escalation=rated(0)), [flattering])
    assert (found.decision, found.code) == (Decision.ROLL_BACK, "INFERIOR")


def test_a_broken_split_still_hides_harm_that_cannot_be_read() -> None:
    plan = plan_of()
    split = Finding(Reason.SRM, "lopsided", ("rows are lost",))
    found = judge(plan, plan.steps[0], evidence(csat=rated(-0.6), escalation=rated(0)), [split, DRIFT])
    assert (found.decision, found.code) == (Decision.HOLD, "SRM")


def test_only_guardrails_with_the_plans_own_margin_are_watched() -> None:
    plan = plan_of(
        metrics={
            "csat": {"margin": "0.2"},
            "first_response": {"role": "goal", "improve": "40%"},
        },
        monitors=["recontact_2d", "violations"],
    )
    assert [task.metric for task in guarded(plan, tasks_of(plan, plan.steps[0]))] == ["csat"]


def test_the_plans_guardrails_share_the_chance_of_a_false_alarm() -> None:
    """One more guardrail makes every bound more careful, also at a step that asks for one metric."""
    sums = rated(-0.5)
    one, two = plan_of(metrics={"csat": {"margin": "0.2"}}), plan_of()
    bounds = []
    for plan in (one, two):
        tasks = tasks_of(plan, plan.steps[1])
        checks = check_control(plan, tasks, Erosion("before", {"csat": sums}), Queue(missing="no waits"))
        bounds.append(checks.drift["csat"].lower)
        assert checks.contamination is None
        assert checks.contamination_missing == "no waits"
    assert bounds[0] is not None
    assert bounds[1] is not None
    assert bounds[1] < bounds[0]


def test_the_worst_of_several_checks_counts_and_none_is_not_checked() -> None:
    made = {standing: ControlCheck(standing, "") for standing in Standing}
    assert standing_of([]) is Standing.NOT_CHECKED
    assert standing_of([made[Standing.PASS]]) is Standing.PASS
    assert standing_of([made[Standing.PASS], made[Standing.NOT_CHECKED]]) is Standing.NOT_CHECKED
    assert standing_of(list(made.values())) is Standing.INVALID
    assert unchecked("why").findings == ()
    both = ControlChecks({"csat": replace(made[Standing.INVALID], finding=DRIFT)})
    assert both.findings == (DRIFT,)
