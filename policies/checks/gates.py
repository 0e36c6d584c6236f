"""Gates that could never be decided, or that would let anything pass."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from policies.checks.draft import Draft
from policies.checks.metrics import compares_arms
from policies.plan import Step
from policies.problems import Finding, Location
from policies.values import format_duration
from policies.vocabulary import METRICS, Metric, Mode, Role

_IN_SHADOW: Final = {"violations": "shadow_violations"}
"""Names that mean another metric in a shadow step."""

_NOT_PRODUCED: Final = {
    ("outcome", Mode.SHADOW): "customers never see a shadow reply, so it has no outcome",
    ("assist", Mode.SHADOW): "nobody sends a shadow reply, so no draft is accepted",
    ("shadow", Mode.ASSIST): "it is measured where a shadow reply stands beside the human's",
    ("shadow", Mode.LIVE): "it is measured where a shadow reply stands beside the human's",
    ("assist", Mode.LIVE): "a live agent answers by itself, it writes no drafts",
}


def check_gates(draft: Draft) -> Iterator[Finding]:
    for index, step in enumerate(draft.steps):
        if step is not None:
            yield from _gate(draft, step, ("steps", index))
    for index, step in enumerate(draft.canary_steps):
        if step is not None and step.mode is Mode.LIVE:
            yield from _gate(draft, step, ("canary", "steps", index))


def _gate(draft: Draft, step: Step, at: Location) -> Iterator[Finding]:
    if step.gate is None and step.mode is Mode.SHADOW:
        yield Finding(
            at,
            f"shadow step {step.name!r} needs a gate: the guardrails it would default to are outcomes of live"
            " steps",
            "add gate: [agreement, violations, missed_escalation]",
            on_key=True,
        )
        return
    if step.gate is None and not _guardrails(draft):
        if all(rule is not None for rule in draft.rules.values()):
            yield Finding(
                at,
                f"nothing would have to pass to leave step {step.name!r}: the plan has no guardrail",
                "add a gate, or guardrails under 'metrics'",
                on_key=True,
            )
        return
    for name, place in _metrics_of(draft, step, at):
        metric = METRICS[name]
        yield from _produced(metric, step, place)
        if metric.evidence == "outcome":
            yield from _decidable(draft, metric, step, place)
            yield from _in_time(metric, step, place, canary=at[0] == "canary")


def _guardrails(draft: Draft) -> list[str]:
    return [
        name
        for name, rule in draft.rules.items()
        if rule and rule.role is Role.GUARDRAIL and name in METRICS and METRICS[name].evidence == "outcome"
    ]


def _metrics_of(draft: Draft, step: Step, at: Location) -> Iterator[tuple[str, Location]]:
    """The metrics of a gate, each with the place to point at: the step where the gate is left out."""
    if step.gate is None:
        for name in _guardrails(draft):
            yield name, (*at, "name")
        return
    for index, name in enumerate(step.gate):
        meant = _IN_SHADOW.get(name, name) if step.mode is Mode.SHADOW else name
        yield meant, (*at, "gate", index)


def _produced(metric: Metric, step: Step, at: Location) -> Iterator[Finding]:
    reason = _NOT_PRODUCED.get((metric.evidence, step.mode))
    if reason is not None:
        yield Finding(
            at,
            f"a {step.mode} step cannot produce {metric.name}: {reason}",
            f"gate on {_listed(_producible(step.mode))}",
        )


def _producible(mode: Mode) -> list[str]:
    if mode is Mode.SHADOW:
        return ["agreement", "violations", "missed_escalation"]
    wanted = {"outcome", "assist"} if mode is Mode.ASSIST else {"outcome"}
    return [name for name, metric in METRICS.items() if metric.evidence in wanted]


def _decidable(draft: Draft, metric: Metric, step: Step, at: Location) -> Iterator[Finding]:
    if not compares_arms(metric) or step.mode is Mode.SHADOW:
        return
    if metric.name not in draft.rules:
        yield Finding(
            at,
            f"{metric.name} compares the arms and has no margin",
            f"add metrics.{metric.name} with a margin, or gate on metrics that have one",
        )
    if step.weight == 100:
        yield Finding(
            at,
            f"{metric.name} cannot be judged in step {step.name!r}: at 100 percent nobody is left to compare"
            " with",
            "keep a holdout (holdout: 5, set_weight: 95), or gate on metrics that compare no arms",
        )


def _in_time(metric: Metric, step: Step, at: Location, *, canary: bool) -> Iterator[Finding]:
    """A metric that is known only after the step has to be decided.

    A canary step without ``max_duration`` is read as meant to last ``min_duration``.
    """
    lag = timedelta(hours=metric.lag_hours)
    if step.max_duration is not None:
        key, time = "max_duration", step.max_duration
        late = lag > timedelta(0) and time <= lag
    elif canary and step.min_duration:
        key, time = "min_duration", step.min_duration
        late = time < lag
    else:
        return
    if late:
        fast = [name for name in _fast(time) if name != metric.name]
        yield Finding(
            at,
            f"{metric.name} takes {_words(lag)} to be known, step {step.name!r} has {key} {_words(time)}:"
            " its gate could never be decided in time",
            f"gate on {_listed(fast)}, or give the step more than {_words(lag)};"
            f" fast metrics judge a short step, slow ones only screen it: as a monitor {metric.name} still"
            " screens for large harm, and `ridealong plan` says how large",
        )


def _fast(time: timedelta) -> list[str]:
    return [
        name
        for name, metric in METRICS.items()
        if metric.evidence == "outcome" and timedelta(hours=metric.lag_hours) < time
    ]


def _words(time: timedelta) -> str:
    """Hours up to three days, as canaries are spoken of."""
    hours = time.total_seconds() / 3600
    return f"{hours:g}h" if hours <= 72 else format_duration(time)


def _listed(names: list[str]) -> str:
    return ", ".join(names)
