"""What ``POST /v1/plans/what-if`` accepts: changes to a plan, few and bounded."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rollout.api.inputs import Input, Label, Workflow

if TYPE_CHECKING:
    from rollout.what_if import Changes

_MOST = 40
Positive = Annotated[float, Field(gt=0, le=1_000_000)]


class StepInput(Input):
    """Another shape of one step; what is left out stays as the plan says."""

    weight: Annotated[float, Field(gt=0, le=100)] | None = None
    """Percent of eligible customers; of a canary step, percent of the agent's."""
    min_days: Annotated[float, Field(ge=0, le=366)] | None = None
    margin_scale: Annotated[float, Field(ge=1, le=100)] | None = None


class WhatIfRequest(Input):
    """A plan on paper. Nothing is recorded."""

    workflow: Workflow
    steps: dict[Label, StepInput] = Field(default_factory=dict, max_length=_MOST)
    """By the name of the step."""
    margins: dict[Label, Positive] = Field(default_factory=dict, max_length=_MOST)
    """By metric, in its own unit (a rate as a share: 0.02 is 2 pp); of a relative margin the share."""
    tickets_per_day: Positive | None = None
    """Eligible ones; what was observed or declared where left out."""

    def changes(self) -> "Changes":
        # Here and not above: the router describes this door, and would load the statistics with it.
        from rollout.what_if import Changes, StepChange

        steps = {name: StepChange(**dict(step)) for name, step in self.steps.items()}
        return Changes(steps, dict(self.margins), self.tickets_per_day)
