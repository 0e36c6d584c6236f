"""Which customers a step moves. Weights only grow and the salt stays, so nobody is moved back."""

from collections.abc import Sequence
from dataclasses import dataclass

from policies.plan import Plan, Step
from policies.vocabulary import Mode


@dataclass(frozen=True, slots=True)
class Moves:
    """Percent of eligible customers (of a canary: of the agent's customers)."""

    entering: float
    """Go to the agent with this step."""
    staying: float
    """Were with it before, and stay."""
    leaving: float
    """Go back to people: 0, unless the step's eligibility is narrower than before."""
    people: float
    """Stay with people (of a canary: with the stable version), the holdout among them."""
    holdout: float
    widened: tuple[str, ...]
    """Attributes by which more tickets become eligible."""
    narrowed: tuple[str, ...]
    """Attributes by which fewer do: the agent's customers keep their arm, those tickets do not."""


def moves(plan: Plan, steps: Sequence[Step], index: int, *, track: str) -> Moves:
    """What entering a step changes against the one before it."""
    step = steps[index]
    weight = 0.0 if step.mode is Mode.SHADOW else float(step.weight)
    earlier = [each for each in steps[:index] if each.mode is not Mode.SHADOW]
    before = float(earlier[-1].weight) if earlier else 0.0
    widened, narrowed = _eligibility(plan, steps[index - 1] if index else None, step)
    return Moves(
        entering=max(weight - before, 0.0),
        staying=min(before, weight),
        leaving=max(before - weight, 0.0),
        people=100.0 - weight,
        holdout=float(plan.holdout) if track == "ladder" else 0.0,
        widened=widened if track == "ladder" else (),
        narrowed=narrowed if track == "ladder" else (),
    )


def _eligibility(plan: Plan, before: Step | None, now: Step) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if before is None:
        return (), ()
    old, new = dict(plan.eligibility_of(before)), dict(plan.eligibility_of(now))
    widened = [key for key in new if _more(new[key], old[key])]
    narrowed = [key for key in new if _more(old[key], new[key])]
    return tuple(widened), tuple(narrowed)


def _more(these: list[str] | None, those: list[str] | None) -> bool:
    """Whether ``these`` admit a value that ``those`` do not; None admits every value."""
    if those is None:
        return False
    return these is None or bool(set(these) - set(those))
