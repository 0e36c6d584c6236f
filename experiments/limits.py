"""One arm against a fixed floor, ceiling or band: shadow reviews, violations, errors, latency.

There is no human arm beside a shadow reply, so nothing cancels: the level itself is estimated,
weighted by the chance each reply had of being reviewed and clustered by customer.
"""

import math
from dataclasses import dataclass, replace

from experiments import sentences
from experiments.estimate import CONSTANT, Estimate, estimate_level
from experiments.rates import rate_lower, rate_upper
from experiments.samples import OneSample
from experiments.sequential import best_rho, boundary
from experiments.verdict import NOTHING_ELSE, Circumstances, Limit, Reason, Rules, State, Verdict

RARE = 10.0
"""Below this many events (or non-events) their clustering cannot be seen and is assumed complete."""
MEAN_BURN_IN = 30.0
"""Effective observations a mean needs before its normal approximation says anything."""
TUNED_AT = 500.0
"""Observations near which the bounds of a mean are narrowest."""


@dataclass(frozen=True, slots=True)
class Span:
    """A level with two one-sided bounds, each anytime-valid at its own error rate."""

    estimate: Estimate
    lower: float
    upper: float
    effective_n: float


def judge_limit(
    sample: OneSample, limit: Limit, rules: Rules, circumstances: Circumstances = NOTHING_ELSE
) -> Verdict:
    """Does one arm keep to its floor or ceiling?

    Passes once the bound facing the limit is inside it at alpha; fails once the other bound is
    outside it at the metric's share of harm_alpha. A rate without a single event can pass, if enough
    customers had the chance: its bound is exact.
    """
    good, bad = (rules.alpha, rules.harm_share)
    if limit.better == "lower":
        span = level_span(sample, limit, lower_alpha=bad, upper_alpha=good)
        inside, outside = span.upper < limit.limit, span.lower > limit.limit
    else:
        span = level_span(sample, limit, lower_alpha=good, upper_alpha=bad)
        inside, outside = span.lower > limit.limit, span.upper < limit.limit
    reasons = (Reason.WITHIN_LIMIT, Reason.BEYOND_LIMIT)
    answer = _decide(sample, span, inside, outside, reasons, circumstances)
    verdict = _verdict(sample, span, limit, limit.limit, answer, circumstances)
    return replace(verdict, sentence=sentences.of_limit(verdict, limit, rules))


def judge_band(
    sample: OneSample,
    limit: Limit,
    band: tuple[float, float],
    rules: Rules,
    circumstances: Circumstances = NOTHING_ELSE,
) -> Verdict:
    """Does one arm's rate stay inside a band? Below it fails as well as above.

    Too few escalations are as suspect as too many: somebody is not getting a human. ``limit.limit``
    is not used.

    Raises:
        ValueError: the band is empty.

    """
    low, high = band
    if not low < high:
        raise ValueError(f"{limit.metric}: band {band} is empty, its lower end must be below its upper")
    failing = level_span(sample, limit, lower_alpha=rules.harm_share / 2, upper_alpha=rules.harm_share / 2)
    passing = level_span(sample, limit, lower_alpha=rules.alpha, upper_alpha=rules.alpha)
    inside = low < passing.lower and passing.upper < high
    outside = failing.lower > high or failing.upper < low
    reasons = (Reason.WITHIN_BAND, Reason.OUTSIDE_BAND)
    answer = _decide(sample, passing, inside, outside, reasons, circumstances)
    nearest = low if abs(passing.estimate.effect - low) < abs(passing.estimate.effect - high) else high
    verdict = _verdict(sample, failing if outside else passing, limit, nearest, answer, circumstances)
    return replace(verdict, sentence=sentences.of_band(verdict, limit, band, rules))


def level_span(sample: OneSample, limit: Limit, *, lower_alpha: float, upper_alpha: float) -> Span:
    """The level with its two bounds; the whole range of the metric where nothing is known."""
    estimate = estimate_level(sample)
    if not math.isfinite(estimate.effect) or sample.clusters < 2:
        return Span(estimate, -math.inf, math.inf, 0.0)
    n = effective_n(sample, estimate)
    if limit.unit == "rate":
        k = min(max(estimate.effect, 0.0), 1.0) * n
        return Span(estimate, rate_lower(k, n, alpha=lower_alpha), rate_upper(k, n, alpha=upper_alpha), n)
    if estimate.information <= 0 or n < MEAN_BURN_IN:
        return Span(estimate, -math.inf, math.inf, n)
    per_observation = estimate.information / n

    def reach(alpha: float) -> float:
        tau = best_rho(TUNED_AT * per_observation, alpha=alpha) ** -0.5
        score = boundary(estimate.information, alpha=alpha, mu=0.0, tau=tau)
        return float(score) / estimate.information

    return Span(estimate, estimate.effect - reach(lower_alpha), estimate.effect + reach(upper_alpha), n)


def effective_n(sample: OneSample, estimate: Estimate) -> float:
    """As many independent, equally weighted observations as would know the level as well.

    Between Kish's count of customers (all of a customer's observations alike) and of rows (all
    unlike), from the cluster-robust variance of a rate where enough events show it.
    """
    by_customer = sample.sum_b**2 / sample.sum_bb
    by_row = sample.sum_b**2 / sample.row_bb
    rare = min(sample.events, sample.n - sample.events) < RARE
    if rare or not 0 < estimate.variance < math.inf:
        return min(by_customer, by_row)
    independent = estimate.variance_floor / estimate.variance * by_row
    return min(max(independent, by_customer), by_row)


def _decide(
    sample: OneSample,
    span: Span,
    inside: bool,
    outside: bool,
    reasons: tuple[Reason, Reason],
    circumstances: Circumstances,
) -> tuple[State, Reason]:
    if circumstances.invalid:
        return State.INVALID, circumstances.invalid[0]
    counts = (sample.sum_a, sample.sum_b, sample.sum_aa, sample.row_aa, sample.n)
    if not all(map(math.isfinite, counts)):
        return State.INVALID, Reason.NOT_A_NUMBER
    if sample.sum_b > 0 and sample.clusters < 2:
        return State.INCONCLUSIVE, Reason.FEW_CLUSTERS
    if outside:
        return State.FAIL, reasons[1]
    if inside:
        return State.PASS, reasons[0]
    return State.INCONCLUSIVE, _what_is_missing(sample, span, circumstances)


def _what_is_missing(sample: OneSample, span: Span, circumstances: Circumstances) -> Reason:
    if sample.sum_b <= 0:
        return Reason.IMMATURE if circumstances.immature else Reason.NO_DATA
    estimate = span.estimate
    if not math.isfinite(span.upper) and estimate.variance * sample.n <= CONSTANT * estimate.effect**2:
        return Reason.NO_VARIATION
    return Reason.UNDERPOWERED


def _verdict(
    sample: OneSample,
    span: Span,
    limit: Limit,
    border: float,
    answer: tuple[State, Reason],
    circumstances: Circumstances,
) -> Verdict:
    estimate = span.estimate
    level = estimate.effect if math.isfinite(estimate.effect) else None
    count = round(sample.n) if math.isfinite(sample.n) else 0
    return Verdict(
        metric=limit.metric,
        state=answer[0],
        reason=answer[1],
        sentence="",
        estimate=level,
        se=estimate.se if math.isfinite(estimate.variance) else None,
        lower=span.lower if math.isfinite(span.lower) else None,
        upper=span.upper if math.isfinite(span.upper) else None,
        margin=border,
        mde=None,
        information=estimate.information,
        needed_information=None,
        needed_tickets=None,
        needed_days=None,
        n_treated=count,
        n_control=0,
        clusters=sample.clusters,
        mean_treated=level,
        mean_control=None,
        design_effect=estimate.design_effect if math.isfinite(estimate.design_effect) else None,
        effective_clusters=span.effective_n,
        largest_pull=None,
        immature=circumstances.immature,
        mature_from=circumstances.mature_from,
        provisional_until=circumstances.mature_by,
        response_treated=circumstances.response_treated,
        response_control=circumstances.response_control,
        causes=circumstances.causes,
    )
