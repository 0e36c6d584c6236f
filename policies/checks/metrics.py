"""Rules that do not fit what their metric measures, and monitors that nothing would feed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from policies.checks.draft import Draft
from policies.plan import MetricRule
from policies.problems import Finding, Location
from policies.values import Margin
from policies.vocabulary import METRICS, Metric, Mode, Role


def compares_arms(metric: Metric) -> bool:
    """Whether the metric is judged against the humans' (by a margin) or against a fixed limit."""
    return metric.limit is None


def check_metrics(draft: Draft) -> Iterator[Finding]:
    for name, rule in draft.rules.items():
        if rule is not None and name in METRICS:
            metric, at = METRICS[name], ("metrics", name)
            yield from _role(metric, rule, at)
            yield from _limits(metric, rule, at)
            yield from _range(metric, rule, at)
            raw = draft.raw["metrics"][name]
            for key, margin in (("margin", rule.margin), ("improve", rule.improve)):
                if margin is not None:
                    yield from _unit(metric, margin, raw[key], (*at, key))
    yield from _monitors(draft)


def _role(metric: Metric, rule: MetricRule, at: Location) -> Iterator[Finding]:
    if not compares_arms(metric):
        if rule.role is Role.GOAL:
            yield Finding(
                (*at, "role"),
                f"{metric.name} cannot be a goal: there is no human arm to improve on",
                "make it a guardrail, with a floor or ceiling of its own if need be",
            )
        elif rule.margin is not None:
            other = "floor" if metric.better == "higher" else "ceiling"
            yield Finding(
                (*at, "margin"),
                f"{metric.name} has no human arm to compare with, so it cannot have a margin",
                f"write {other}, or leave it out for {_default_limit(metric)}",
                on_key=True,
            )
    elif rule.role is Role.GUARDRAIL and rule.margin is None:
        yield Finding(
            at,
            f"guardrail {metric.name} needs a margin: how much worse than the humans is still tolerable",
            f"write margin: {_example(metric)}",
            on_key=True,
        )
    elif rule.role is Role.GOAL and rule.improve is None:
        yield Finding(at, f"goal {metric.name} does not say what it is for", "add improve: 40%", on_key=True)
    wrong = "improve" if rule.role is Role.GUARDRAIL else "margin"
    if compares_arms(metric) and getattr(rule, wrong) is not None:
        yield Finding(
            (*at, wrong),
            f"'{wrong}' has no meaning for a {rule.role}",
            "a guardrail has a margin, a goal has improve",
            on_key=True,
        )


def _limits(metric: Metric, rule: MetricRule, at: Location) -> Iterator[Finding]:
    fitting = "floor" if metric.better == "higher" else "ceiling"
    for key, limit in (("floor", rule.floor), ("ceiling", rule.ceiling)):
        if limit is None:
            continue
        if compares_arms(metric):
            yield Finding(
                (*at, key),
                f"{metric.name} is judged against the humans, not against a fixed {key}",
                "write margin",
                on_key=True,
            )
        elif key != fitting:
            yield Finding(
                (*at, key), f"{metric.name} is better {metric.better}", f"write {fitting}", on_key=True
            )
        elif isinstance(limit, timedelta) != (metric.unit == "seconds"):
            form = "a duration such as 30s" if metric.unit == "seconds" else "a percentage such as 80%"
            yield Finding((*at, key), f"{metric.name} is not measured like that", f"write {form}")


def _range(metric: Metric, rule: MetricRule, at: Location) -> Iterator[Finding]:
    if rule.estimator is not None and not metric.name.startswith("recontact"):
        yield Finding(
            (*at, "estimator"),
            f"{rule.estimator} is for outcomes with a window that is still open; {metric.name} has none",
            "remove it",
            on_key=True,
        )
    if rule.band is not None and metric.unit != "rate":
        yield Finding(
            (*at, "band"), f"a band is for rates; {metric.name} is in {metric.unit}", "remove it", on_key=True
        )
    if rule.cap is not None and metric.unit not in {"usd", "seconds"}:
        yield Finding(
            (*at, "cap"),
            f"a cap is for costs and times; {metric.name} is a {metric.unit} metric",
            "remove it",
            on_key=True,
        )


def _unit(metric: Metric, margin: Margin, raw: Any, at: Location) -> Iterator[Finding]:
    points = isinstance(raw, str) and raw.strip().endswith("pp")
    if points and metric.unit != "rate":
        yield Finding(
            at,
            f"percentage points are for rates; {metric.name} is in {metric.unit}",
            f"write {_example(metric)}",
        )
    elif margin.relative and metric.unit == "points":
        yield Finding(
            at,
            f"a percentage of {metric.name} says little: its scale begins at 1, not at 0",
            f"write points, e.g. {_example(metric)}",
        )
    elif not margin.relative and metric.unit == "rate" and margin.value >= 1:
        yield Finding(
            at,
            f"{raw} is the whole range of {metric.name}, which is a share between 0 and 1",
            f"did you mean {raw}pp?" if not points and margin.value < 100 else "write e.g. 2pp",
        )
    elif not margin.relative and metric.unit == "points" and margin.value >= 4:
        yield Finding(at, f"{raw} is the whole range of {metric.name}, 1 to 5", f"write {_example(metric)}")
    elif margin.relative and margin.value >= 1 and _would_reach_zero(metric, at):
        yield Finding(at, f"{raw} of {metric.name} would allow for nothing at all", "write less than 100%")


def _would_reach_zero(metric: Metric, at: Location) -> bool:
    """A decrease by all there is: the worsening of what is better high, the gain of what is better low."""
    return (at[-1] == "margin") == (metric.better == "higher")


def _monitors(draft: Draft) -> Iterator[Finding]:
    modes = {step.mode for step in draft.steps if step is not None}
    complete = all(step is not None for step in draft.steps)
    for index, name in enumerate(draft.monitors):
        evidence = METRICS[name].evidence if name in METRICS else "outcome"
        if complete and evidence != "outcome" and Mode(evidence) not in modes:
            yield Finding(
                ("monitors", index),
                f"no step yields {name}: it comes from {evidence} steps, and the ladder has none",
                "remove it",
            )


def _example(metric: Metric) -> str:
    return {"points": "0.15", "rate": "2pp", "usd": "10%", "seconds": "10%", "count": "10%"}[metric.unit]


def _default_limit(metric: Metric) -> str:
    limit = metric.limit or 0.0
    return f"{limit:g} s" if metric.unit == "seconds" else f"{limit:.0%}"
