"""A gate that its step can never decide is refused, and each remedy named does help."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policies.load import load_plan
from policies.plan import plan_from_json, plan_to_json
from rollout.cli import app
from rollout.planning.desk import desk_of
from rollout.planning.feasibility import Feasibility
from rollout.planning.forecast import forecast
from rollout.planning.words import days, margin_up

SHIPPED = Path(__file__).parents[2] / "policies" / "rollouts"
STEPS = [
    {"name": "ten", "set_weight": 10, "min_duration": "7d", "max_duration": "14d"},
    {"name": "half", "set_weight": 50},
]
METRICS = {"csat": {"margin": "0.2"}, "escalation": {"margin": "10pp"}}
VOLUME = {"tickets_per_day": 3000}

PLAN = """\
workflow: w
owners: {workflow: a, technical: b, escalation: c}
unit: customer
salt: w-1
agent: resolution@1.2.0
steps:
  - name: ten
    set_weight: 10
    max_duration: 14d
    gate: [escalation, csat]
  - {name: half, set_weight: 50}
metrics:
  csat: {margin: 0.2}
  escalation: {margin: 10pp}
inference: {alpha: 0.05, power: 0.8}
VOLUME
"""


def refused(plan, monday):
    return forecast(plan, desk_of(plan), monday).undecidable


def changed(plan, **step):
    form = plan_to_json(plan)
    form["steps"][0] |= step
    return plan_from_json(form)


@pytest.fixture
def written(tmp_path):
    def write(volume="volume: {tickets_per_day: 3000}", **replaced):
        text = PLAN.replace("VOLUME", volume)
        for old, new in replaced.items():
            text = text.replace(old, new)
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        return path

    return write


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_each_remedy_alone_makes_the_gate_decidable(plan_of, monday):
    plan = plan_of(steps=STEPS, metrics=METRICS, volume=VOLUME)
    (each,) = refused(plan, monday)
    remedies = each.remedies
    assert each.demand.metric == "csat"
    assert each.days > 14
    cures = {
        "weight": changed(plan, set_weight=remedies.weight),
        "days": changed(plan, max_duration=days(remedies.days)),
        "margin": plan.model_copy(
            update={
                "metrics": {
                    **plan.metrics,
                    "csat": plan.metrics["csat"].model_copy(
                        update={
                            "margin": plan.metrics["csat"].margin.model_copy(
                                update={"value": float(margin_up(remedies.margin, "csat", relative=False))}
                            )
                        }
                    ),
                }
            }
        ),
        "volume": plan_of(
            steps=STEPS, metrics=METRICS, volume={"tickets_per_day": remedies.tickets_per_day * 1.0001}
        ),
        "metric": changed(plan, gate=["escalation"]),
    }
    for name, cured in cures.items():
        assert not refused(cured, monday), name
    lighter = changed(plan, set_weight=remedies.weight - 1)
    assert refused(lighter, monday), "the weight named is the smallest"


def test_no_weight_is_named_that_the_ladder_does_not_allow(plan_of, monday):
    """The next step has 12 %, and steps may not fall."""
    steps = [STEPS[0], {"name": "next", "set_weight": 12}]
    (each,) = refused(plan_of(steps=steps, metrics=METRICS, volume=VOLUME), monday)
    assert each.remedies.weight is None


def test_a_step_without_max_duration_is_information_not_refusal(plan_of, monday):
    steps = [{"name": "ten", "set_weight": 10, "min_duration": "1d"}]
    assert refused(plan_of(steps=steps, metrics=METRICS, volume={"tickets_per_day": 1}), monday) == []


def test_the_refusal_stands_at_the_entry_of_the_gate(written):
    path = written()
    result = run("check", path)
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{path}:10:24: csat needs ")
    assert "at 10 % of 3,000 tickets a day (declared)" in line
    assert "max_duration 14d: its gate cannot be decided in time; decidable with set_weight ≥ " in line
    for part in ("max_duration ≥ ", "margin ≥ 0.", "eligible tickets a day"):
        assert part in line


def test_where_the_gate_is_left_out_the_step_is_pointed_at(written):
    path = written(**{"    gate: [escalation, csat]\n": ""})
    result = run("check", path)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{path}:7:11: csat needs ")


def test_more_tickets_make_it_fine_and_the_summary_says_how_long_it_takes(written):
    path = written("volume: {tickets_per_day: 20000}")
    result = run("check", path)
    assert result.exit_code == 0
    assert "  time:       ladder " in result.stdout
    told = json.loads(run("check", path, "--json").stdout)
    assert told["files"][0]["time"].startswith("ladder ")


def test_without_a_volume_nothing_is_refused_and_the_summary_says_so(written):
    result = run("check", written(""))
    assert result.exit_code == 0
    assert "  time:       not checked: declare volume" in result.stdout


def test_the_classic_canary_is_refused_whatever_the_volume(plan_of, tmp_path):
    text = (SHIPPED / "playbook-ladder.yaml").read_text()
    gate = "gate: [escalation, violations, errors, latency]"
    path = tmp_path / "plan.yaml"
    path.write_text(
        text.replace(gate, "gate: [csat, recontact_7d]").replace(
            "tickets_per_day: 2000", "tickets_per_day: 900000"
        )
    )
    result = run("check", path)
    assert result.exit_code == 1
    csat, recontact = result.stdout.splitlines()
    for line in (csat, recontact):
        assert "fast metrics judge a short step, slow ones only screen it" in line
        assert "`ridealong plan` says how large" in line


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_plans_can_be_decided(file):
    plan = load_plan(file)
    assert plan.volume is not None, "examples declare what they were planned for"
    assert list(Feasibility(start=datetime(2026, 1, 5, tzinfo=UTC))(plan)) == []
