"""Steps that do not follow from each other: names, weights, holdout, margin scales."""

from collections.abc import Iterator
from decimal import Decimal

from policies.checks.draft import Draft
from policies.plan import Step
from policies.problems import Finding, Location
from policies.vocabulary import Mode


def check_steps(draft: Draft) -> Iterator[Finding]:
    yield from _names(draft)
    ladder = _placed(draft.steps, ("steps",))
    canary = _placed(draft.canary_steps, ("canary", "steps"))
    for track in (ladder, canary):
        yield from _rising(track)
        yield from _scales(track)
    yield from _holdout(draft, ladder)
    yield from _canary(canary)


def _placed(steps: tuple[Step | None, ...], at: Location) -> list[tuple[Step, Location]]:
    return [(step, (*at, index)) for index, step in enumerate(steps) if step is not None]


def _names(draft: Draft) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for step, at in (*_placed(draft.steps, ("steps",)), *_placed(draft.canary_steps, ("canary", "steps"))):
        track = "the canary's steps" if at[0] == "canary" else "the ladder"
        if step.name in seen:
            yield Finding(
                (*at, "name"),
                f"step name {step.name!r} is already used in {seen[step.name]}",
                "give every step its own name: reports and commands refer to it",
            )
        seen.setdefault(step.name, track)


def _rising(track: list[tuple[Step, Location]]) -> Iterator[Finding]:
    highest, name = Decimal(0), ""
    for step, at in track:
        if step.mode is Mode.SHADOW and highest > 0:
            yield Finding(
                (*at, "mode"),
                f"shadow step {step.name!r} follows {name!r} ({highest:g} percent): the weight would fall",
                "put shadow steps first",
            )
        elif step.mode is not Mode.SHADOW and step.weight == 0:
            yield Finding(
                (*at, "set_weight"),
                "set_weight 0 gives the agent nobody, so the step yields no evidence",
                "give it a weight, or use mode: shadow",
            )
        elif step.mode is not Mode.SHADOW and step.weight < highest:
            yield Finding(
                (*at, "set_weight"),
                f"set_weight falls from {highest:g} in step {name!r} to {step.weight:g}",
                f"write {highest:g} or more: steps climb, and going back is what abort and roll back do",
            )
        if step.weight > highest:
            highest, name = step.weight, step.name


def _holdout(draft: Draft, ladder: list[tuple[Step, Location]]) -> Iterator[Finding]:
    holdout = draft.holdout or Decimal(0)
    for step, at in ladder:
        if step.weight + holdout > 100:
            yield Finding(
                (*at, "set_weight"),
                f"set_weight {step.weight:g} and holdout {holdout:g} are more than 100 percent together",
                f"write at most {100 - holdout:g}",
            )


def _scales(track: list[tuple[Step, Location]]) -> Iterator[Finding]:
    strictest: float | None = None
    for step, at in track:
        if step.mode is Mode.SHADOW:
            if step.margin_scale != 1:
                yield Finding(
                    (*at, "margin_scale"),
                    "margin_scale has no meaning in a shadow step: it compares no arms",
                    "remove it",
                )
            continue
        if step.mode is not Mode.LIVE:
            continue
        if strictest is not None and step.margin_scale > strictest:
            stated = "margin_scale" in step.model_fields_set
            yield Finding(
                (*at, "margin_scale") if stated else at,
                f"margin_scale {step.margin_scale:g} is looser than {strictest:g} of an earlier step",
                "evidence grows with the weight: keep it or lower it from step to step",
            )
        strictest = step.margin_scale if strictest is None else min(strictest, step.margin_scale)


def _canary(track: list[tuple[Step, Location]]) -> Iterator[Finding]:
    for step, at in track:
        if step.mode is not Mode.LIVE:
            yield Finding(
                (*at, "mode"),
                f"a canary step cannot be {step.mode}: it takes its share of what the agent already serves",
                "remove mode, or climb a ladder of its own with the new version",
            )
        if step.eligible is not None:
            yield Finding(
                (*at, "eligible"),
                "'eligible' has no meaning in a canary step: it splits the units the agent already has",
                "remove it",
                on_key=True,
            )
