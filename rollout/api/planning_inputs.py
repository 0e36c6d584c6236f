"""What ``/v1/plans/what-if`` and ``/v1/plans/backtest`` accept: changes to a plan, few and bounded."""

from typing import TYPE_CHECKING, Annotated, Literal

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


class _OnPaper(Input):
    """A plan on paper. Nothing is recorded."""

    workflow: Workflow
    steps: dict[Label, StepInput] = Field(default_factory=dict, max_length=_MOST)
    """By the name of the step."""
    margins: dict[Label, Positive] = Field(default_factory=dict, max_length=_MOST)
    """By metric, in its own unit (a rate as a share: 0.02 is 2 pp); of a relative margin the share."""

    def _changes(self, tickets_per_day: float | None) -> "Changes":
        # Here and not above: the router describes this door, and would load the statistics with it.
        from rollout.what_if import Changes, StepChange

        steps = {name: StepChange(**dict(step)) for name, step in self.steps.items()}
        return Changes(steps, dict(self.margins), tickets_per_day)


class WhatIfRequest(_OnPaper):
    """A plan on paper, to be forecast."""

    tickets_per_day: Positive | None = None
    """Eligible ones; what was observed or declared where left out."""

    def changes(self) -> "Changes":
        return self._changes(self.tickets_per_day)


class BacktestRequest(_OnPaper):
    """A plan on paper, to be held against what is recorded."""

    every: Literal["1d", "1w"] = "1d"
    """Distance of the looks."""

    def changes(self) -> "Changes":
        return self._changes(None)
