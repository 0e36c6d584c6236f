"""Sums to estimates: the stratified, customer-clustered difference and its variance."""

import math
from dataclasses import dataclass, replace

from experiments.samples import Companion, Comparison, OneSample
from experiments.verdict import Better

CONSTANT = 1e-12
"""A variance per observation below this share of the squared mean is rounding, not variation."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An effect and how sure it is. ``effect`` is NaN and ``information`` 0 where nothing is known."""

    effect: float
    variance: float
    """max(cluster-robust, pooled floor); infinite where nothing is known."""
    variance_robust: float
    """Cluster-robust sandwich with its small-sample factor."""
    variance_floor: float
    """As if observations were independent with the pooled variance inside strata."""
    per_observation: float
    """Variance of the effect times Σb: what one unit of contrast costs, clustering included."""
    effective_clusters: float
    """(Σb)²/Σb²: as many equal customers would carry the same information (Kish 1965)."""
    adjusted: bool = False
    """Whether a covariate was used."""

    @property
    def information(self) -> float:
        """1/variance: the clock of every test here."""
        return 1 / self.variance if 0 < self.variance < math.inf else 0.0

    @property
    def se(self) -> float:
        return math.sqrt(self.variance)

    @property
    def design_effect(self) -> float:
        """How much clustering (and unequal variances) inflate the variance over the floor."""
        return self.variance / self.variance_floor if 0 < self.variance_floor < math.inf else math.nan


UNKNOWN = Estimate(math.nan, math.inf, math.inf, math.inf, math.inf, 0.0)


def adjusted(comparison: Comparison, companion: Companion, beta: float) -> Comparison:
    """The comparison of y − β·x, by algebra on the sums alone."""
    return replace(
        comparison,
        sum_a=comparison.sum_a - beta * companion.sum_x,
        sum_aa=comparison.sum_aa - 2 * beta * companion.sum_ax + beta**2 * companion.sum_xx,
        sum_ab=comparison.sum_ab - beta * companion.sum_xb,
        within=comparison.within - 2 * beta * companion.within_xy + beta**2 * companion.within_xx,
        covariate=None,
        treated_part=None,
    )


def estimate_difference(comparison: Comparison, *, better: Better = "higher") -> Estimate:
    """Treated minus control, oriented so that larger is better for the treated arm.

    δ̂ = Σa/Σb is ordinary least squares with stratum fixed effects (Mantel–Haenszel weights); its
    variance is the larger of the customer-clustered sandwich (Liang & Zeger 1986) and the pooled
    floor. A covariate (CUPED, Deng et al. 2013) is used when it shrinks that variance.
    """
    sums, spent = _sharpest(comparison)
    found = replace(_estimate(sums, spent), adjusted=spent > 0)
    return replace(found, effect=-found.effect) if better == "lower" else found


def estimate_above(comparison: Comparison, *, better: Better, margin: float) -> Estimate:
    """How far the effect lies above −``margin``, oriented, with the variance as it is if it lay there.

    The score test: a variance around the null −margin instead of around δ̂. Among skewed or few heavy
    customers a sandwich around δ̂ is small exactly when δ̂ happens to be large, which is when a pass is
    at stake; around the null it is not (generalised score test: Boos 1992; Guo et al. 2005).
    """
    sums, spent = _sharpest(comparison)
    sign = -1.0 if better == "lower" else 1.0
    found = _estimate(sums, spent, null=-sign * margin)
    return replace(found, effect=sign * found.effect + margin, adjusted=spent > 0)


def _sharpest(comparison: Comparison) -> tuple[Comparison, int]:
    """The sums to use and the degrees of freedom spent: of y − β·x where that shrinks the variance."""
    covariate = comparison.covariate
    if covariate is None or not (covariate.within_xx > 0 and math.isfinite(covariate.within_xy)):
        return comparison, 0
    plain = _estimate(comparison)
    sharper = adjusted(comparison, covariate, covariate.within_xy / covariate.within_xx)
    if _estimate(sharper, spent=1).variance < plain.variance and not _constant(comparison, plain):
        return sharper, 1
    return comparison, 0


def control_level(comparison: Comparison) -> float:
    """The control mean with the weights of the estimate; NaN without ``treated_part``.

    With x = A·y the same contrast estimates the treated mean, so the control mean is what δ̂ leaves.
    """
    part = comparison.treated_part
    if part is None or comparison.sum_b <= 0:
        return math.nan
    return (part.sum_x - comparison.sum_a) / comparison.sum_b


def estimate_above_relative(comparison: Comparison, *, better: Better, share: float) -> Estimate:
    """How far the effect lies above the margin ``share``·control mean, oriented: θ = δ + r·μ_control.

    Exact: the uncertainty of the control mean is inside the variance. The same as dividing treated y
    by 1 ± r and testing a difference of zero.

    Raises:
        ValueError: the comparison lacks ``treated_part``, or ``share`` is outside (0, 1) for a
            metric where higher is better.

    """
    part = comparison.treated_part
    if comparison.sum_b <= 0:
        return UNKNOWN
    if part is None:
        raise ValueError(
            "a margin relative to the control mean needs Comparison.treated_part; "
            "sum x = A·y beside y, or state the margin in the metric's own unit"
        )
    sign = -1.0 if better == "lower" else 1.0
    factor = 1 - sign * share
    if factor <= 0:
        raise ValueError(f"a relative margin of {share:.0%} allows everything; it must be below 100%")
    scaled = _estimate(adjusted(comparison, part, -sign * share / factor), null=0.0)
    return replace(
        scaled,
        effect=sign * factor * scaled.effect,
        variance=factor**2 * scaled.variance,
        variance_robust=factor**2 * scaled.variance_robust,
        variance_floor=factor**2 * scaled.variance_floor,
        per_observation=factor**2 * scaled.per_observation,
    )


def estimate_level(sample: OneSample) -> Estimate:
    """One arm's ratio with a variance clustered by customer, floored at independent rows."""
    sums = (sample.sum_a, sample.sum_aa, sample.sum_ab, sample.sum_bb, sample.row_aa)
    if sample.sum_b <= 0 or not all(map(math.isfinite, sums)):
        return UNKNOWN
    level = sample.sum_a / sample.sum_b
    if sample.clusters < 2:
        return replace(UNKNOWN, effect=level)
    spread = sample.sum_aa - 2 * level * sample.sum_ab + level**2 * sample.sum_bb
    rows = sample.row_aa - 2 * level * sample.row_ab + level**2 * sample.row_bb
    factor = sample.clusters / (sample.clusters - 1)
    robust, floor = (factor * max(part, 0.0) / sample.sum_b**2 for part in (spread, rows))
    variance = max(robust, floor)
    return Estimate(level, variance, robust, floor, variance * sample.n, sample.sum_b**2 / sample.sum_bb)


def is_constant(comparison: Comparison, estimate: Estimate) -> bool:
    """Whether the observations vary by no more than rounding."""
    return _constant(comparison, estimate)


def _constant(comparison: Comparison, estimate: Estimate) -> bool:
    means = (comparison.mean_treated, comparison.mean_control)
    scale = max((mean * mean for mean in means if math.isfinite(mean)), default=0.0)
    return math.isfinite(estimate.per_observation) and estimate.per_observation <= CONSTANT * scale


def _estimate(comparison: Comparison, spent: int = 0, *, null: float | None = None) -> Estimate:
    """The difference and its variance.

    ``spent``: degrees of freedom already used by a covariate; ``null``: the effect around which
    variances are taken, the estimate itself where left out.
    """
    c = comparison
    if c.sum_b <= 0 or not all(
        map(math.isfinite, (c.sum_a, c.sum_b, c.sum_aa, c.sum_ab, c.sum_bb, c.within))
    ):
        return UNKNOWN
    effect = c.sum_a / c.sum_b
    effective = c.sum_b**2 / c.sum_bb
    smaller = min(c.n_treated, c.n_control)
    freedom = c.n - c.strata - 1 - spent
    if smaller <= 1 or c.clusters < 2 or freedom <= 0:
        return replace(UNKNOWN, effect=effect, effective_clusters=effective)
    # The sandwich is too small when one arm or the number of customers is: the worse of the two counts.
    factor = max(smaller / (smaller - 1), c.clusters / (c.clusters - 1))
    centre = effect if null is None else null
    spread = max(c.sum_aa - 2 * centre * c.sum_ab + centre**2 * c.sum_bb, 0.0)
    robust = factor * spread / c.sum_b**2
    # Few skewed observations make the sandwich small exactly when the effect looks large.
    floor = max(c.within - 2 * centre * c.sum_a + centre**2 * c.sum_b, 0.0) / freedom / c.sum_b
    variance = max(robust, floor)
    return Estimate(effect, variance, robust, floor, variance * c.sum_b, effective)
