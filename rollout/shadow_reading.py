"""What a shadow teaches about escalation and confidence. It is shown beside the gate and decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from experiments.agreement import Agreement, Coefficient, agreement, between_raters
from experiments.calibration import Calibration, calibrate
from experiments.thresholds import EscalationMatrix, Sweep, escalation_matrix, sweep
from policies.plan import Plan, Step
from rollout.measure.calibration_query import Ratings, ShadowLabels, reviewed, shadow_labels
from rollout.measure.query import Source

MISSED_COST: Final = 5.0
"""Needless escalations that one missed escalation is taken to cost where the plan states nothing."""


@dataclass(frozen=True, slots=True)
class RaterAgreement:
    """Two sides that spoke of the same replies."""

    between: str
    on: str
    """``escalation`` or ``answer``."""
    coefficient: Coefficient
    found: Agreement


@dataclass(frozen=True, slots=True)
class ShadowReading:
    """Everything is for one look; without people's labels it repeats what rules guessed."""

    version: str | None
    labels: ShadowLabels
    missed_cost: float
    declared: bool
    """Whether the plan states that cost; otherwise it is assumed."""
    matrix: EscalationMatrix
    calibration: Calibration
    thresholds: Sweep
    agreement: tuple[RaterAgreement, ...]

    def to_json(self) -> dict[str, Any]:
        from rollout.shadow_json import shadow_to_json

        return shadow_to_json(self)


def cost_of(plan: Plan | None, step: Step | None = None) -> float | None:
    """The price of a missed escalation that the plan declares: the step's, or the first shadow step's."""
    steps = [step] if step is not None else list(plan.steps) if plan is not None else []
    settings = (each.shadow for each in steps if each.shadow is not None)
    return next((each.missed_cost for each in settings), None)


def read_shadow(source: Source, params: Mapping[str, Any], missed_cost: float | None) -> ShadowReading:
    """Read one version's shadow as of a moment.

    Args:
        source: who answers SQL.
        params: tenant, workflow, as_of, version (None: all of them) and since.
        missed_cost: as the plan declares it; None where it does not.

    """
    labels = shadow_labels(source, params)
    rows = reviewed(labels.ratings, by_people=labels.by_people)
    price = MISSED_COST if missed_cost is None else missed_cost
    return ShadowReading(
        version=params["version"],
        labels=labels,
        missed_cost=price,
        declared=missed_cost is not None,
        matrix=escalation_matrix(rows),
        calibration=calibrate(rows),
        thresholds=sweep(rows, missed_cost=price),
        agreement=_agreements(labels.ratings) if labels.by_people else (),
    )


def _agreements(ratings: Ratings) -> tuple[RaterAgreement, ...]:
    found = [
        RaterAgreement("agent and people", "escalation", coefficient, _with_agent(ratings, coefficient))
        for coefficient in (Coefficient.KAPPA, Coefficient.AC1)
    ]
    for machine in sorted(set(ratings.rater[~ratings.by_person].tolist())):
        found += [
            RaterAgreement(f"{machine} and people", "answer", coefficient, both)
            for coefficient in (Coefficient.KAPPA, Coefficient.AC1)
            if (both := _with_machine(ratings, machine, coefficient)).n
        ]
    for on, labels in (("escalation", ratings.needs_human), ("answer", ratings.good)):
        keep = ratings.by_person & ~np.isnan(labels)
        among = between_raters(
            ratings.reply[keep],
            labels[keep] >= 0.5,
            labels=2,
            weight=ratings.weight[keep],
            cluster=ratings.customer[keep],
        )
        found.append(RaterAgreement("people", on, Coefficient.ALPHA, among))
    return tuple(found)


def _with_agent(ratings: Ratings, coefficient: Coefficient) -> Agreement:
    """The agent's decision beside each person's; a reply counts once, shared by those who rated it."""
    keep = ratings.by_person & ~np.isnan(ratings.handed_over) & ~np.isnan(ratings.needs_human)
    raters = np.bincount(ratings.reply[keep], minlength=1)[ratings.reply[keep]]
    return agreement(
        ratings.handed_over[keep] >= 0.5,
        ratings.needs_human[keep] >= 0.5,
        labels=2,
        weight=ratings.weight[keep] / raters,
        cluster=ratings.customer[keep],
        coefficient=coefficient,
    )


def _with_machine(ratings: Ratings, machine: str, coefficient: Coefficient) -> Agreement:
    """An automatic rater's word on an answer beside each person's."""
    known = ~np.isnan(ratings.good)
    said = np.full(int(ratings.reply.max()) + 1, np.nan)
    by_machine = known & (ratings.rater == machine)
    said[ratings.reply[by_machine]] = ratings.good[by_machine]
    keep = known & ratings.by_person & ~np.isnan(said[ratings.reply])
    raters = np.bincount(ratings.reply[keep], minlength=1)[ratings.reply[keep]]
    return agreement(
        said[ratings.reply[keep]] >= 0.5,
        ratings.good[keep] >= 0.5,
        labels=2,
        weight=ratings.weight[keep] / raters,
        cluster=ratings.customer[keep],
        coefficient=coefficient,
    )
