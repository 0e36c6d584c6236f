"""Anytime-valid bounds for a share, exact for independent observations down to zero events.

Violations are rare: with none seen, a normal interval has no width and proves anything. Against
θ ≥ θ₀ the e-value averages the likelihood ratio over Jeffreys' Beta(½, ½) cut off at θ₀::

    E = ∫₀^θ₀ qᵏ(1−q)ⁿ⁻ᵏ dπ(q) / θ₀ᵏ(1−θ₀)ⁿ⁻ᵏ

For observations anywhere in [0, 1] it stays valid: θ₀ʸ-type ratios lie below their chord in y.
"""

import math

from scipy.special import betainc, betaln

_STEPS = 60


def log_evidence_below(successes: float, n: float, rate: float) -> float:
    """Logarithm of the e-value against a true share of at least ``rate``.

    Args:
        successes: k, at least 0 and at most n; need not be whole.
        n: observations.
        rate: θ₀ in (0, 1).

    """
    failures = n - successes
    mass = betainc(successes + 0.5, failures + 0.5, rate)
    prior = betainc(0.5, 0.5, rate)
    if mass <= 0:
        return -math.inf
    mixture = betaln(successes + 0.5, failures + 0.5) + math.log(mass) - betaln(0.5, 0.5) - math.log(prior)
    return float(mixture - successes * math.log(rate) - failures * math.log1p(-rate))


def log_evidence_above(successes: float, n: float, rate: float) -> float:
    """Logarithm of the e-value against a true share of at most ``rate``."""
    return log_evidence_below(n - successes, n, 1 - rate)


def rate_upper(successes: float, n: float, *, alpha: float) -> float:
    """The smallest share that is refuted from above, for ever, with error rate ``alpha``."""
    if n <= 0:
        return 1.0
    goal = math.log(1 / alpha)
    low, high = min(successes / n, 1.0), 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        refuted = 0 < middle < 1 and log_evidence_below(successes, n, middle) >= goal
        low, high = (low, middle) if refuted else (middle, high)
    return high


def rate_lower(successes: float, n: float, *, alpha: float) -> float:
    """The largest share that is refuted from below, for ever, with error rate ``alpha``."""
    return 1 - rate_upper(n - successes, n, alpha=alpha)
