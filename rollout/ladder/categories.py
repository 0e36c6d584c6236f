"""Which categories go back to humans: proven harm in one part of the work, whatever the whole says. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.judge import HARM_CLUSTERS
from experiments.multiplicity import LEVEL, category_harm
from experiments.samples import Comparison
from policies.vocabulary import METRICS, Role
from rollout.ladder.judge import Judgement, Task
from rollout.ladder.transition import Decision

CODE = "CATEGORY_HARMED"


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """One metric in one category; differences are agent minus human in the metric's own unit."""

    metric: str
    category: str
    estimate: float | None
    se: float | None
    shrunk: float | None
    """Pulled towards the other categories, for display only; None below the minimum cell size."""
    log_evidence: float
    """Of harm: log e-value, 0 below the minimum cell size."""
    n_treated: int
    n_control: int
    enough: bool
    harmed: bool
    sentence: str
    """Empty where nothing is proven."""


def asked_of(tasks: Sequence[Task], metrics: Sequence[str]) -> list[Task]:
    """The tasks whose categories are watched: those that compare the arms and may roll back."""
    return [
        task
        for task in tasks
        if task.metric in metrics and task.margin is not None and task.role != Role.GOAL
    ]


def judge_categories(
    tasks: Sequence[Task], comparisons: Mapping[str, Mapping[str, Comparison]]
) -> tuple[CategoryRow, ...]:
    """Harm per metric and category.

    e-BH runs per metric at an equal share of the level, so that needless fallbacks stay below the
    level over all metrics together. The margin is the plan's own, not scaled by the step.
    """
    level = LEVEL / max(len(tasks), 1)
    return tuple(row for task in tasks for row in _rows(task, comparisons.get(task.metric, {}), level))


def fallback_of(rows: Sequence[CategoryRow]) -> list[str]:
    """The categories to send back to humans, by name."""
    return sorted({row.category for row in rows if row.harmed})


def held_by(judgement: Judgement, rows: Sequence[CategoryRow]) -> Judgement:
    """The judgement, held where a category is harmed; a rollback stays what it is."""
    sentences = tuple(row.sentence for row in rows if row.harmed)
    if not sentences or judgement.decision is Decision.ROLL_BACK:
        return judgement
    if judgement.decision is Decision.PROMOTE:
        return Judgement(judgement.rows, Decision.HOLD, CODE, sentences)
    return Judgement(judgement.rows, judgement.decision, judgement.code, judgement.reasons + sentences)


def _rows(task: Task, comparisons: Mapping[str, Comparison], level: float) -> list[CategoryRow]:
    known, margin = METRICS[task.metric], _margin(task, comparisons)
    if margin is None:
        return []
    found = category_harm(comparisons, better=known.better, margin=margin, level=level)
    sign = -1.0 if known.better == "lower" else 1.0
    rows = []
    for name, harm in found.items():
        sums = comparisons[name]
        # A handful of customers is an incident, not a trend.
        many = sums.sum_bb > 0 and sums.sum_b**2 / sums.sum_bb >= HARM_CLUSTERS
        harmed = harm.fallback and many
        rows.append(
            CategoryRow(
                metric=task.metric,
                category=name,
                estimate=_finite(sign * harm.effect),
                se=_finite(harm.se),
                shrunk=_finite(sign * harm.shrunk),
                log_evidence=harm.log_evidence,
                n_treated=round(sums.n_treated),
                n_control=round(sums.n_control),
                enough=harm.enough,
                harmed=harmed,
                sentence=f"{name}: harmed ({known.title}, {sums.n_treated:,.0f} of the agent's tickets); "
                f"send {name} back to humans."
                if harmed
                else "",
            )
        )
    return rows


def _margin(task: Task, comparisons: Mapping[str, Comparison]) -> float | None:
    """In the metric's unit; a share is taken of the human mean over all categories."""
    assert task.margin is not None  # by ``asked_of``
    if not task.margin.relative:
        return task.margin.value
    n = sum(each.n_control for each in comparisons.values())
    total = sum(each.mean_control * each.n_control for each in comparisons.values() if each.n_control > 0)
    return task.margin.value * total / n if n > 0 and total > 0 else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
