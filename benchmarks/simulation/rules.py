"""One-metric rules on simulated paths: who promotes at the margin, how soon, on how much information."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from experiments.alternatives import spending_boundary
from experiments.power import fixed_information
from experiments.sequential import best_rho
from simulation.gates import CADENCES, DAYS, MARGIN, REMEMBERED, Path

FIXED = fixed_information(MARGIN, alpha=0.05, power=0.9)
"""Information at which a single look has 90 % power: the yardstick."""
LOOKS = 20


@dataclass(frozen=True)
class Summary:
    """One rule over many runs."""

    rule: str
    runs: int
    promoted: float
    """Share that ever promoted within the days simulated."""
    promoted_by_fixed: float
    """Share that had promoted by the time a fixed design would look."""
    promoted_by_half_more: float
    promoted_by_four: float
    information: float
    """Mean information spent until promotion or the end, over ``FIXED``."""
    information_se: float
    days: float
    """Mean days until promotion or the end."""


def summaries(paths: list[Path]) -> list[Summary]:
    """Our rule at each cadence, then the others at daily looks."""
    end = np.array([path.information[-1] for path in paths])
    found = []
    for cadence in (*CADENCES, REMEMBERED):
        at = np.array([path.passed_information[cadence] for path in paths])
        day = np.array([path.passed_day[cadence] for path in paths])
        found.append(_summary(f"ridealong, {cadence}", at, day + 1, end))
    for name, first in _others(paths).items():
        day = np.where(first < 0, np.inf, first + 1.0)
        at = np.array(
            [
                path.information[place] if place >= 0 else np.inf
                for path, place in zip(paths, first, strict=True)
            ]
        )
        found.append(_summary(name, at, day, end))
    return found


def _summary(rule: str, at: np.ndarray, day: np.ndarray, end: np.ndarray) -> Summary:
    spent = np.minimum(at, end) / FIXED
    return Summary(
        rule,
        len(at),
        float(np.isfinite(at).mean()),
        float((at <= FIXED).mean()),
        float((at <= 1.5 * FIXED).mean()),
        float((at <= 4 * FIXED).mean()),
        float(spent.mean()),
        float(spent.std() / np.sqrt(len(at))),
        float(np.minimum(day, DAYS).mean()),
    )


def _others(paths: list[Path]) -> dict[str, np.ndarray]:
    """The day each rule first promotes, −1 if never; arrays of shape (runs,)."""
    effect, robust, smaller = (
        np.array([getattr(p, name) for p in paths]) for name in ("effect", "robust", "smaller")
    )
    information, se = 1 / robust, np.sqrt(robust)
    distance = np.nan_to_num(effect) + MARGIN
    z = float(ndtri(0.95))
    one_look = _first(information >= FIXED)
    rho = best_rho(FIXED, alpha=0.05)
    with np.errstate(invalid="ignore"):
        reach = np.sqrt((information + rho) * np.log((information + rho) / (rho * 0.05**2))) / information
    return {
        "naive z, daily": _first((distance > z * se) & (smaller >= 30)),
        "fixed horizon": np.where(
            (one_look >= 0)
            & (np.take_along_axis(distance - z * se, np.maximum(one_look, 0)[:, None], 1)[:, 0] > 0),
            one_look,
            -1,
        ),
        "O'Brien-Fleming spending, daily": _first(_spending(distance, se, information)),
        "two-sided confidence sequence, daily": _first((distance > reach) & (smaller >= 30)),
    }


def _spending(distance: np.ndarray, se: np.ndarray, information: np.ndarray) -> np.ndarray:
    """Looks at each new twentieth of the planned information; none after it."""
    critical = np.array(spending_boundary(tuple((k + 1) / LOOKS for k in range(LOOKS)), alpha=0.05))
    index = np.minimum((LOOKS * information / (1.03 * FIXED)).astype(int), LOOKS)
    before = np.maximum.accumulate(np.pad(index, ((0, 0), (1, 0)))[:, :-1], axis=1)
    return (index > before) & (distance > critical[np.maximum(index, 1) - 1] * se)


def _first(hit: np.ndarray) -> np.ndarray:
    return np.where(hit.any(axis=1), hit.argmax(axis=1), -1)
