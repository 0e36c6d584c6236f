"""Many categories, looked at all the time: which of them go back to humans?

The overall metric gates. Categories only decide a fallback, so what is controlled is the share of
false ones among them (the false discovery rate), and e-values allow it under peeking.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.estimate import Estimate, estimate_difference
from experiments.power import HARM_BURN_IN
from experiments.samples import Comparison
from experiments.sequential import log_evidence
from experiments.verdict import Better

LEVEL = 0.10
"""Largest expected share of needless fallbacks among all fallbacks."""


@dataclass(frozen=True, slots=True)
class CategoryHarm:
    effect: float
    """Oriented: larger is better for the treated arm."""
    se: float
    log_evidence: float
    """Against "no worse than the control arm"; 0 below the minimum cell size."""
    shrunk: float
    """Pulled towards the common mean, for display only."""
    enough: bool
    """Both arms reach the minimum cell size."""
    fallback: bool


def e_bh(log_evidence_values: Sequence[float], *, level: float = LEVEL) -> list[bool]:
    """Which e-values to act on: the e-BH procedure (Wang & Ramdas 2022).

    The k largest are taken for the largest k whose smallest member is at least n/(level·k). Holds
    under any dependence and, with e-processes, at every look.
    """
    n = len(log_evidence_values)
    order = sorted(range(n), key=lambda index: -log_evidence_values[index])
    taken = 0
    for rank, index in enumerate(order, start=1):
        if log_evidence_values[index] >= math.log(n / (level * rank)):
            taken = rank
    chosen = set(order[:taken])
    return [index in chosen for index in range(n)]


def category_harm(
    comparisons: Mapping[str, Comparison],
    *,
    better: Better,
    margin: float,
    level: float = LEVEL,
    minimum: float = HARM_BURN_IN,
) -> dict[str, CategoryHarm]:
    """Per category: effect, evidence of harm, and whether it falls back to humans.

    A category falls back when e-BH takes it and its estimate is beyond the margin.

    Raises:
        ValueError: the margin is not positive.

    """
    if not margin > 0:
        raise ValueError(f"margin == {margin}, must be > 0")
    estimates = {name: estimate_difference(sums, better=better) for name, sums in comparisons.items()}
    enough = {
        name: min(sums.n_treated, sums.n_control) >= minimum and estimates[name].information > 0
        for name, sums in comparisons.items()
    }
    evidence = {name: _harm(e, margin) if enough[name] else 0.0 for name, e in estimates.items()}
    acted = dict(zip(evidence, e_bh(list(evidence.values()), level=level), strict=True))
    usable = [name for name in comparisons if enough[name]]
    shrunk = dict(
        zip(
            usable,
            shrink([estimates[name].effect for name in usable], [estimates[name].se for name in usable]),
            strict=True,
        )
    )
    return {
        name: CategoryHarm(
            effect=e.effect,
            se=e.se,
            log_evidence=evidence[name],
            shrunk=shrunk.get(name, math.nan),
            enough=enough[name],
            fallback=enough[name] and acted[name] and e.effect < -margin,
        )
        for name, e in estimates.items()
    }


def _harm(estimate: Estimate, margin: float) -> float:
    """Log e-value against "no worse", tuned like the harm test of the whole."""
    return float(log_evidence(-estimate.effect * estimate.information, estimate.information, margin, margin))


def between_variance(effects: Sequence[float], ses: Sequence[float]) -> float:
    """τ² of a random-effects model by moments (DerSimonian & Laird 1986, eq. 8); 0 below two."""
    if len(effects) < 2:
        return 0.0
    weights = [se**-2 for se in ses]
    total = sum(weights)
    centre = sum(w * e for w, e in zip(weights, effects, strict=True)) / total
    q = cochran_q(effects, ses, centre)
    scale = total - sum(w * w for w in weights) / total
    return max(0.0, (q - (len(effects) - 1)) / scale) if scale > 0 else 0.0


def cochran_q(effects: Sequence[float], ses: Sequence[float], centre: float) -> float:
    """Σ(effect − centre)²/se²: about k − 1 when all effects are one."""
    return sum(((e - centre) / se) ** 2 for e, se in zip(effects, ses, strict=True))


def shrink(effects: Sequence[float], ses: Sequence[float]) -> list[float]:
    """Each effect pulled towards the common mean by the share of its variance that is noise."""
    if not effects:
        return []
    tau2 = between_variance(effects, ses)
    weights = [1 / (se**2 + tau2) for se in ses]
    centre = sum(w * e for w, e in zip(weights, effects, strict=True)) / sum(weights)
    return [centre + tau2 / (tau2 + se**2) * (e - centre) for e, se in zip(effects, ses, strict=True)]
