"""A changed plan under a running rollout: what changed, whether it only restricts, and adopting it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from policies.plan import Plan, plan_to_json
from policies.values import parse_duration
from rollout.errors import TransitionRefused
from rollout.ladder.state import LadderState, Track, TrackName, moved, steps_of
from rollout.ladder.steps import over_again
from rollout.ladder.transition import Order, Transition

_FEWER: Final = frozenset({"set_weight", "margin", "margin_scale", "alpha", "harm_alpha"})
"""Keys whose lower value gives the agent less."""
_MORE: Final = frozenset({"holdout", "min_duration", "consecutive_passes", "approval", "power"})
_MORE_OF: Final = frozenset({"freeze", "monitors"})
_EVIDENCE: Final = ("eligible", "holdout", "metrics", "inference", "categories")
"""A change here makes evidence before and after it answers to different questions."""
_STEP_EVIDENCE: Final = frozenset({"set_weight", "eligible", "gate", "margin_scale", "mode"})


@dataclass(frozen=True, slots=True)
class Change:
    """One key of the plan, before and after; ``None`` where it was or is absent."""

    path: str
    before: Any
    after: Any
    restricts: bool
    """It can only take authority or traffic away from the agent."""
    restarts: bool
    """The running step's evidence starts over."""

    def __str__(self) -> str:
        return f"{self.path}: {_shown(self.before)} → {_shown(self.after)}"


def changes(pinned: Plan, plan: Plan, state: LadderState) -> list[Change]:
    """What ``plan`` changes of ``pinned``, by path."""
    before, after = (dict(_leaves(_by_name(plan_to_json(each)))) for each in (pinned, plan))
    running = {f"steps.{state.ladder.step}."}
    if state.canary is not None and state.canary.climbing:
        running.add(f"canary.steps.{state.canary.step}.")
    return [
        Change(
            path,
            before.get(path),
            after.get(path),
            restricts=(path.startswith("canary.") and plan.canary is None)
            or _restricts(path, before.get(path), after.get(path)),
            restarts=_restarts(path, running),
        )
        for path in dict.fromkeys((*before, *after))
        if before.get(path) != after.get(path)
    ]


def adopt(plan: Plan, digest: str, pinned: Plan, state: LadderState, order: Order) -> Transition:
    """Put ``plan`` in force in place of ``pinned``.

    A change that only restricts is applied at once. Any other needs ``order.override``: a person has
    seen the changes and wants them.

    Raises:
        TransitionRefused: the change widens and is not confirmed, or it cannot be made while the
            rollout runs (workflow, salt, the running step, the climbing version).

    """
    _refuse_unadoptable(plan, pinned, state)
    made = changes(pinned, plan, state)
    widening = [change for change in made if not change.restricts]
    if widening and not order.override:
        raise TransitionRefused(
            f"{plan.workflow} runs under a pinned plan, and the new one does more than restrict: "
            f"{'; '.join(map(str, widening))}. Apply it with --apply and a reason"
        )
    ladder = _relocated(plan, state.ladder, TrackName.LADDER)
    canary = state.canary
    if canary is not None:
        same = plan.canary is not None and plan.canary.agent == canary.version
        canary = _relocated(plan, canary, TrackName.CANARY) if same and canary.open else None
    if any(change.restarts for change in made):
        ladder = over_again(ladder, order.at)
        canary = None if canary is None else over_again(canary, order.at)
    widened_by = (order.actor,) if widening and order.person else ()
    authors = tuple(dict.fromkeys((*state.authors, *widened_by)))
    return Transition(
        action="adopt",
        track=TrackName.LADDER,
        from_step=state.ladder.step,
        to_step=ladder.step,
        reason="REVISION" if widening else "RESTRICT_ONLY",
        sentence=f"a revised plan is in force ({'; '.join(map(str, made)) or 'nothing that counts'}): "
        f"{order.reason}",
        state=moved(plan, state, order.at, plan_digest=digest, ladder=ladder, canary=canary, authors=authors),
        at=order.at,
        actor=order.actor,
        evidence={"ordered": order.reason, "changes": [str(change) for change in made]},
    )


def _refuse_unadoptable(plan: Plan, pinned: Plan, state: LadderState) -> None:
    if (plan.workflow, plan.tenant) != (state.workflow, state.tenant):
        raise TransitionRefused(
            f"the plan is for {plan.tenant}/{plan.workflow}, not for {state.tenant}/{state.workflow}"
        )
    if not state.ladder.open:
        raise TransitionRefused(f"{plan.workflow} does not run; start the plan instead of adopting it")
    if plan.salt != pinned.salt:
        raise TransitionRefused(
            f"salt {pinned.salt} → {plan.salt} would put every customer into a new arm; "
            f"keep it, or abort {plan.workflow} and start over"
        )
    if plan.agent not in (pinned.agent, state.ladder.version):
        raise TransitionRefused(
            f"{state.ladder.version} is climbing; put {plan.agent} under 'canary', or abort and start over"
        )


def _relocated(plan: Plan, track: Track, name: TrackName) -> Track:
    for index, step in enumerate(steps_of(plan, name)):
        if step.name == track.step:
            return replace(track, index=index, requested=None)  # it was asked for under the old plan
    raise TransitionRefused(
        f"the {name} stands at step {track.step}, which the new plan does not have; keep its name"
    )


def _by_name(value: Any) -> Any:
    """Lists of steps as mappings by name, so that a step inserted before does not shift the paths."""
    if isinstance(value, Mapping):
        return {key: _by_name(each) for key, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return {each["name"]: _by_name({**each, "name": index}) for index, each in enumerate(value)}
    return value


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _restricts(path: str, before: Any, after: Any) -> bool:
    parts = path.split(".")
    key = parts[-1]
    if "eligible" in parts:
        # A step's list takes the place of the plan's, so a new one there may widen as well.
        known = before is not None or parts[0] == "eligible"
        return known and after is not None and (before is None or set(after) <= set(before))
    if key in _MORE_OF:
        return set(before or ()) <= set(after or ())
    if key == "min_duration":
        return _seconds(before) <= _seconds(after)
    if isinstance(before, int | float) and isinstance(after, int | float):
        return (key in _FEWER and after <= before) or (key in _MORE and after >= before)
    if key == "tools":
        return bool(after != "write")
    return key == "on_fail" and bool(after == "roll_back")


def _restarts(path: str, running: set[str]) -> bool:
    if path.partition(".")[0] in _EVIDENCE:
        return True
    return any(
        path.startswith(step) and path.removeprefix(step).partition(".")[0] in _STEP_EVIDENCE
        for step in running
    )


def _seconds(duration: str | None) -> float:
    return 0.0 if duration is None else float(parse_duration(duration).total_seconds())


def _shown(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(str, value)) + "]"
    return "absent" if value is None else str(value)
