"""Whether the plan lets a version write for a ticket now. Pure."""

from collections.abc import Iterator

from policies.plan import Plan, Step
from policies.vocabulary import Arm
from rollout.ladder.state import LadderState
from rollout.records import Assigned


def lets_write(plan: Plan, state: LadderState, assigned: Assigned) -> bool:
    """Whether every step in force for the ticket lets its version write.

    The step it was assigned in, the one the ladder is in now, and of a canary the canary's: whoever takes
    authority away, takes it from open conversations too.
    """
    return all(step is not None and step.tools == "write" for step in _in_force(plan, state, assigned))


def _in_force(plan: Plan, state: LadderState, assigned: Assigned) -> Iterator[Step | None]:
    ladder = {step.name: step for step in plan.steps}
    yield ladder.get(assigned.step)
    yield ladder.get(state.ladder.step)
    if assigned.arm == Arm.CANARY:
        steps = {} if plan.canary is None else {step.name: step for step in plan.canary.steps}
        yield None if state.canary is None else steps.get(state.canary.step)
