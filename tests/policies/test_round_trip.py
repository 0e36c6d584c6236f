"""What is pinned in the journal is the plan that was read, whole and exact."""

import hashlib
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import checks
from policies.digest import plan_digest
from policies.plan import Plan, plan_from_json, plan_to_json
from policies.values import (
    format_duration,
    format_margin,
    format_percent,
    parse_band,
    parse_duration,
    parse_margin,
    parse_percent,
)

SLUGS = st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True)
NUMBERS = st.integers(1, 9999).map(lambda n: n / 100)
DURATIONS = st.builds(lambda n, unit: f"{n}{unit}", st.integers(1, 50), st.sampled_from("smhd"))
OUTCOMES = {
    "csat": NUMBERS.map(lambda n: min(n, 3.99)),
    "recontact_7d": st.integers(1, 99).map(lambda n: f"{n}pp"),
    "escalation": st.one_of(st.integers(1, 99).map(lambda n: f"{n}%"), NUMBERS.map(lambda n: n / 100)),
    "cost": NUMBERS,
    "handle_time": NUMBERS.map(lambda n: f"{n}%"),
}
LIMITS = {
    "errors": {"ceiling": "3%"},
    "latency": {"ceiling": "20s"},
    "agreement": {"floor": 75.5},
    "violations": {},
}
ELIGIBLE = st.fixed_dictionaries(
    {},
    optional={
        "complexity": st.just(["simple", "moderate"]),
        "urgency": st.just(["low"]),
        "category": st.lists(st.sampled_from(["billing", "returns"]), min_size=1, unique=True),
        "language": st.just(["no", "en"]),
    },
)


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    """Plans as YAML would give them: valid, and of every shape."""
    holdout = draw(st.integers(0, 40))
    weights = sorted(draw(st.lists(st.integers(1, 99 - holdout), min_size=1, max_size=4)))
    scales = sorted(draw(st.lists(st.sampled_from([1, 1.5, 2.5]), min_size=4, max_size=4)), reverse=True)
    steps: list[dict[str, Any]] = [
        {"name": f"step{index}", "set_weight": weight, "margin_scale": scales[index]}
        | draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "min_duration": DURATIONS,
                    "approval": st.booleans(),
                    "eligible": ELIGIBLE,
                    "consecutive_passes": st.integers(1, 5),
                    "gate": st.lists(st.sampled_from(["errors", "violations"]), min_size=1, unique=True),
                },
            )
        )
        for index, weight in enumerate(weights)
    ]
    if draw(st.booleans()):
        shadow = {
            "percentage": "12.5%",
            "budget_usd_per_day": draw(NUMBERS),
            "concurrency": 3,
            "deadline": "9s",
        }
        steps.insert(0, {"name": "shadow", "mode": "shadow", "gate": ["agreement"], "shadow": shadow})
    margins = {name: {"margin": draw(values)} for name, values in OUTCOMES.items() if draw(st.booleans())}
    rules = margins | {name: rule for name, rule in LIMITS.items() if draw(st.booleans())}
    rules = rules or {"csat": {"margin": 0.1}}
    if not any(name in rules for name in (*OUTCOMES, "errors", "latency", "violations")):
        rules["violations"] = {}
    if "escalation" in rules and draw(st.booleans()):
        rules["escalation"] |= {"by": "category", "band": {"billing": ["5%", 33.3]}}
    plan = {
        "workflow": draw(SLUGS),
        "owners": {"workflow": "a", "technical": "b", "escalation": "c"},
        "unit": "customer",
        "salt": draw(SLUGS),
        "holdout": draw(st.sampled_from([holdout, f"{holdout}%", float(holdout)])),
        "agent": "answers@1.0.0",
        "steps": steps,
        "metrics": rules | {"first_response": {"role": "goal", "improve": "40%"}},
        "inference": {"alpha": draw(st.sampled_from([0.01, 0.05])), "power": 0.8},
    }
    extra = {
        "tenant": SLUGS,
        "eligible": ELIGIBLE,
        "monitors": st.lists(st.sampled_from(["errors", "csat"]), unique=True),
        "on_fail": st.sampled_from(["roll_back", "pause"]),
        "open_conversations": st.sampled_from(["keep", "release"]),
        "freeze": st.just(["2026-12-18/2027-01-04"]),
        "volume": st.just({"tickets_per_day": 2000}),
        "cost": st.just({"human_usd_per_hour": 30.5}),
        "canary": st.just(
            {"agent": "answers@1.1.0", "steps": [{"name": "canary", "set_weight": 5, "gate": ["errors"]}]}
        ),
    }
    return plan | draw(st.fixed_dictionaries({}, optional=extra))


@settings(max_examples=60)
@given(plans())
def test_a_valid_plan_comes_back_equal(raw: dict[str, Any]):
    assert list(checks.check(checks.Draft.of(raw), ["answers@1.0.0", "answers@1.1.0"])) == []
    plan = Plan.model_validate(raw)
    pinned = json.loads(json.dumps(plan_to_json(plan)))
    assert plan_from_json(pinned) == plan
    assert plan_to_json(plan_from_json(pinned)) == pinned
    assert plan_digest(plan_from_json(pinned)) == plan_digest(plan)


@settings(max_examples=60)
@given(plans())
def test_the_pinned_plan_is_a_valid_file_too(raw: dict[str, Any]):
    """So that a plan can be taken out of the journal, edited and proposed again."""
    pinned = plan_to_json(Plan.model_validate(raw))
    assert list(checks.check(checks.Draft.of(pinned), None)) == []


@given(st.timedeltas(timedelta(0), timedelta(days=3650)))
def test_a_duration_comes_back_to_the_microsecond(value: timedelta):
    assert parse_duration(format_duration(value)) == value


@given(st.decimals(0, 100, places=4))
def test_a_percentage_is_exact(value: Decimal):
    assert parse_percent(format_percent(value)) == value


@given(st.integers(1, 10**9).map(lambda n: f"{Decimal(n) / 10**6:f}"), st.sampled_from(["", "%", "pp"]))
def test_a_margin_comes_back_exactly(number: str, unit: str):
    margin = parse_margin(number + unit)
    assert parse_margin(format_margin(margin)) == margin
    expected = float(Decimal(number) / 100) if unit else float(number)
    assert (margin.value, margin.relative) == (expected, unit == "%")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("48h", 172800), ("14d", 1209600), ("2w", 1209600), ("1.5h", 5400)],
)
def test_durations_people_write(text: str, seconds: float):
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "wrong", ["5", 5, "5 days", "-5d", "5D", "d", "", "1e3s", "٣d", True, None, [], "5d5h", "9" * 40 + "s"]
)
def test_what_is_no_duration(wrong: object):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(wrong)


@pytest.mark.parametrize(
    "wrong", ["NaN", "inf", "1e1", "1_0", "٥", "-5", -5, 100.5, "101%", "5%%", "", None, float("nan")]
)
def test_what_is_no_percentage(wrong: object):
    with pytest.raises(ValueError, match=r"percent"):
        parse_percent(wrong)


@pytest.mark.parametrize("wrong", [["5%"], ["5%", "5%"], ["9%", "5%"], "5%", ["a", "b"], [True, 5], {}])
def test_what_is_no_band(wrong: object):
    with pytest.raises(ValueError, match=r"band|percent"):
        parse_band(wrong)


def test_spellings_and_order_do_not_change_the_digest():
    from policies.reader import parse

    def digest(text: str) -> str:
        root = parse(text.encode(), "x.yaml").root
        assert root is not None
        return plan_digest(Plan.model_validate(root.plain()))

    start = "workflow: w\nowners: {workflow: a, technical: b, escalation: c}\nunit: customer\nsalt: s\n"
    rest = "agent: a@1\ninference: {alpha: 0.05, power: 0.8}\n"
    one = (
        start
        + "holdout: 5\nsteps: [{name: x, set_weight: 10, min_duration: 2w}]\nmetrics: {csat: {margin: 0.1}}\n"
        + rest
    )
    other = (
        "# a comment\n" + rest + "metrics: {csat: {role: guardrail, margin: 0.10}}\n"
        "steps:\n  - {min_duration: 14d, set_weight: '10%', name: x, mode: live}\nholdout: 5.0%\n" + start
    )
    changed = one.replace("margin: 0.1", "margin: 0.11")
    assert digest(one) == digest(other)
    assert digest(one) != digest(changed)


def test_the_digest_of_a_plan_never_changes_between_releases():
    """A running rollout is recognised by it: defaults stand in it as they were when it was pinned."""
    canonical = (
        '{"agent":"a@1","categories":["billing","technical","account","shipping","returns","general"],'
        '"eligible":{},"freeze":[],"holdout":0,"inference":{"alpha":0.05,"method":"sequential","power":0.8},'
        '"metrics":{"csat":{"margin":0.15,"role":"guardrail"}},"monitors":[],"on_fail":"roll_back",'
        '"open_conversations":"keep","owners":{"escalation":"c","technical":"b","workflow":"a"},"salt":"s",'
        '"steps":[{"approval":false,"consecutive_passes":1,"margin_scale":1.0,"min_duration":"0s",'
        '"mode":"live","name":"x","set_weight":10}],"tenant":"default","unit":"customer","workflow":"w"}'
    )
    plan = Plan.model_validate(
        {
            "workflow": "w",
            "owners": {"workflow": "a", "technical": "b", "escalation": "c"},
            "unit": "customer",
            "salt": "s",
            "agent": "a@1",
            "steps": [{"name": "x", "set_weight": 10}],
            "metrics": {"csat": {"margin": 0.15}},
            "inference": {"alpha": 0.05, "power": 0.8},
        }
    )
    assert plan_digest(plan) == hashlib.sha256(canonical.encode()).hexdigest()
