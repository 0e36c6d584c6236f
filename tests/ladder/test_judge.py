"""Rows and decisions from evidence alone: no desk, no clock, no SQL."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from experiments.integrity import Finding
from experiments.rows import comparison_from_rows, one_sample_from_rows
from experiments.samples import Comparison, OneSample
from experiments.verdict import Reason
from policies.plan import Plan, plan_from_json
from policies.vocabulary import LARGE_HARM
from rollout.evidence import GateEvidence, IntegrityCounts, MetricEvidence, NewUnits
from rollout.ladder.findings import findings_of
from rollout.ladder.judge import judge, tasks_of
from rollout.ladder.transition import Decision

SHADOW = {"budget_usd_per_day": 40.0, "concurrency": 8, "deadline": "20s"}
BROKEN = (Finding(Reason.SRM, "lopsided", ("rows are lost",)),)


def plan_of(**changes: Any) -> Plan:
    return plan_from_json(
        {
            "workflow": "w",
            "owners": {"workflow": "a", "technical": "b", "escalation": "c"},
            "unit": "customer",
            "salt": "w-1",
            "agent": "resolution@1.2.0",
            "steps": [
                {"name": "shadow", "mode": "shadow", "gate": ["agreement", "violations"], "shadow": SHADOW},
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


def rate(share: float, n: int = 4000) -> OneSample:
    events = np.arange(n) < share * n
    return one_sample_from_rows(np.arange(n), events.astype(float), np.ones(n))


def evidence(**metrics: Comparison | OneSample) -> GateEvidence:
    found = {
        name: MetricEvidence(
            name,
            difference=sums if isinstance(sums, Comparison) else None,
            level=sums if isinstance(sums, OneSample) else None,
        )
        for name, sums in metrics.items()
    }
    return GateEvidence("w", "ladder", "ten", "live", "v@1", datetime(2026, 5, 1, tzinfo=UTC), found)


def test_every_metric_of_the_gate_must_pass() -> None:
    plan = plan_of()
    alone = judge(plan, plan.steps[1], evidence(csat=rated(0)))
    both = judge(plan, plan.steps[1], evidence(csat=rated(0), escalation=rated(0)))
    assert (alone.decision, alone.code) == (Decision.HOLD, "NO_DATA")
    assert (both.decision, both.code) == (Decision.PROMOTE, "GATES_PASSED")


def test_one_harmful_metric_is_enough_to_roll_back() -> None:
    plan = plan_of()
    found = judge(plan, plan.steps[1], evidence(csat=rated(-0.6), escalation=rated(0)))
    assert (found.decision, found.code) == (Decision.ROLL_BACK, "INFERIOR")
    assert len(found.reasons) == 1


def test_a_broken_comparison_neither_promotes_nor_rolls_back() -> None:
    plan = plan_of()
    for effect in (0.0, -0.6):
        found = judge(plan, plan.steps[2], evidence(csat=rated(effect)), BROKEN)
        assert (found.decision, found.code) == (Decision.HOLD, "SRM")
        assert found.rows[0].verdict.causes == ("rows are lost",)


def test_a_limit_on_the_agents_conduct_needs_no_comparison() -> None:
    plan = plan_of(monitors=["violations"])
    found = judge(plan, plan.steps[2], evidence(csat=rated(0), violations=rate(0.05)), BROKEN)
    assert (found.decision, found.code) == (Decision.ROLL_BACK, "BEYOND_LIMIT")


def test_a_monitor_that_is_undecided_blocks_nobody() -> None:
    plan = plan_of(monitors=["violations", "escalation"])
    found = judge(plan, plan.steps[2], evidence(csat=rated(0), violations=rate(0.0, 10)))
    assert found.decision is Decision.PROMOTE
    assert [(row.metric, row.role, row.required) for row in found.rows] == [
        ("csat", "guardrail", True),
        ("violations", "monitor", False),
        ("escalation", "monitor", False),
    ]


def test_a_monitor_without_a_margin_screens_for_large_harm_only() -> None:
    plan = plan_of(monitors=["cost"])
    (task,) = [task for task in tasks_of(plan, plan.steps[2]) if task.metric == "cost"]
    assert task.margin is not None
    assert (task.margin.value, task.margin.relative) == (LARGE_HARM, True)


def test_a_failed_goal_is_shown_and_does_not_count() -> None:
    metrics = {"csat": {"margin": "0.2"}, "first_response": {"role": "goal", "improve": "40%"}}
    plan = plan_of(metrics=metrics)
    same = comparison_from_rows(
        np.zeros(4000), np.arange(4000), np.arange(4000) % 3 == 0, np.linspace(1, 9, 4000), np.ones(4000)
    )
    found = judge(plan, plan.steps[2], evidence(csat=rated(0), first_response=same))
    goal = found.rows[1]
    assert (goal.role, goal.required, goal.verdict.failed) == ("goal", False, True)
    assert found.decision is Decision.PROMOTE


def test_the_step_scales_the_margin() -> None:
    plan = plan_of()
    early, late = (judge(plan, step, evidence(csat=rated(0), escalation=rated(0))) for step in plan.steps[1:])
    assert early.rows[0].verdict.margin == pytest.approx(0.4)
    assert late.rows[0].verdict.margin == pytest.approx(0.2)


def test_in_shadow_violations_are_those_of_shadow_replies() -> None:
    plan = plan_of()
    found = judge(plan, plan.steps[0], evidence(agreement=rate(0.9), shadow_violations=rate(0.0)))
    assert [row.metric for row in found.rows] == ["agreement", "shadow_violations"]
    assert found.decision is Decision.PROMOTE


def test_a_category_outside_its_band_blocks_but_does_not_roll_back() -> None:
    metrics = {"escalation": {"margin": "5pp", "by": "category", "band": {"billing": ["5%", "45%"]}}}
    plan = plan_of(metrics=metrics, steps=[{"name": "ten", "set_weight": 10}])
    found = evidence(escalation=rated(0))
    quiet = replace(found.metrics["escalation"], by_category={"billing": rate(0.01)})
    judged = judge(plan, plan.steps[0], replace(found, metrics={"escalation": quiet}))
    assert judged.rows[1].category == "billing"
    assert (judged.decision, judged.code) == (Decision.HOLD, "OUTSIDE_BAND")


def test_the_ruling_speaks_for_the_gate() -> None:
    plan = plan_of()
    ruling = judge(plan, plan.steps[2], evidence(csat=rated(0))).ruling({"n": 1})
    assert (ruling.decision, ruling.reason, ruling.evidence) == (Decision.PROMOTE, "GATES_PASSED", {"n": 1})
    assert not ruling.sentence.endswith(".")


def test_findings_come_in_order_of_weight() -> None:
    counts = IntegrityCounts(
        new_units=(NewUnits("ten", 0.5, 300, 1000),),
        units=1000,
        crossed=200,
        tickets=1000,
        double_assigned=100,
    )
    assert [finding.reason for finding in findings_of(counts)] == [
        Reason.SRM,
        Reason.DOUBLE_ASSIGNMENT,
        Reason.CROSSOVER,
    ]


def test_a_split_without_recorded_weights_raises_no_alarm() -> None:
    assert findings_of(IntegrityCounts(new_units=(NewUnits("ten", None, 300, 1000),), units=1000)) == ()


def test_history_without_an_agent_arm_has_nothing_to_cross() -> None:
    counts = IntegrityCounts(
        new_units=(NewUnits("old", None, 0, 500),), units=500, control_tickets=900, served_across=800
    )
    assert findings_of(counts) == ()
