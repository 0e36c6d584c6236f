"""Anytime-valid evidence: look as often as you like, the error rate holds.

Time is information I = 1/variance. Under drift θ the score S = (δ̂ − θ₀)·I behaves like Brownian
motion with mean (θ − θ₀)·I and variance I. Against θ ≤ θ₀ the e-process averages the likelihood
ratio exp(θS − θ²I/2) over a normal(μ, τ²) cut off below zero: it is a supermartingale that starts
at 1, so it exceeds 1/α with probability at most α, whenever one stops (Ville 1939; Robbins 1970;
Howard, Ramdas, McAuliffe & Sekhon 2021). τ → 0 is Wald's sequential probability ratio test.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr

Floats = NDArray[np.float64]

NARROW = 0.15
"""τ/μ of the test against the margin: half a percent from Wald's optimum, which is τ → 0, where the arms
do not differ, and ahead of it where the truth lies halfway to the margin (decision 6)."""
WIDE = 1.0
"""τ/μ of the harm test: harm may be of any size."""
_STEPS = 60
_CLOSE = 1e-13


def log_evidence(score: ArrayLike, information: ArrayLike, mu: ArrayLike, tau: ArrayLike) -> Floats:
    """Logarithm of the e-value E(S, I; μ, τ), elementwise; increasing in S.

    Args:
        score: S = (δ̂ − θ₀)·I, oriented so that larger is evidence against the null.
        information: I ≥ 0.
        mu: effect above the null that the mixture is centred on, ≥ 0.
        tau: its spread, > 0, in the unit of ``mu``.

    """
    s, i, m, t = (np.asarray(part, dtype=np.float64) for part in (score, information, mu, tau))
    variance = 1 / (i + t**-2)
    centre = variance * (s + m / t**2)
    return np.asarray(
        0.5 * np.log(variance)
        - np.log(t)
        + centre**2 / (2 * variance)
        - m**2 / (2 * t**2)
        + log_ndtr(centre / np.sqrt(variance))
        - log_ndtr(m / t),
        dtype=np.float64,
    )


def boundary(information: ArrayLike, *, alpha: float, mu: ArrayLike, tau: ArrayLike) -> Floats:
    """b_α(I; μ, τ): the smallest score with log E ≥ ln(1/α); infinite at I = 0.

    log E is convex in S, being the logarithm of a mixture of exponentials, so Newton's steps from
    above never overshoot.
    """
    i, m, t = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (information, mu, tau)))
    goal = math.log(1 / alpha)
    known = np.where(i > 0, i, 1.0)
    size = np.hypot(m, t)
    score = 2 * (goal / size + size * known)
    while np.any(short := log_evidence(score, known, m, t) < goal):
        score = np.where(short, 2 * score, score)
    for _ in range(_STEPS):
        step = (log_evidence(score, known, m, t) - goal) / _posterior_mean(score, known, m, t)
        score = score - np.maximum(step, 0.0)
        if np.all(step <= _CLOSE * score):
            break
    return np.where(i > 0, score, np.inf)


def _posterior_mean(score: Floats, information: Floats, mu: Floats, tau: Floats) -> Floats:
    """Slope of log E in S: the mean of the normal posterior cut off below zero."""
    variance = 1 / (information + tau**-2)
    centre = variance * (score + mu / tau**2)
    z = centre / np.sqrt(variance)
    hazard = np.exp(-0.5 * z * z - log_ndtr(z)) / math.sqrt(2 * math.pi)
    return np.asarray(centre + np.sqrt(variance) * hazard, dtype=np.float64)


@lru_cache(maxsize=65536)
def scaled_boundary(clock: float, alpha: float, ratio: float) -> float:
    """The boundary for μ = 1 and τ = ``ratio`` at I = ``clock``; b(I; m, ratio·m) = scaled(I·m²)/m."""
    return float(boundary(clock, alpha=alpha, mu=1.0, tau=ratio))


def lower_bound(
    effect: float, information: float, *, alpha: float, margin: float, ratio: float = NARROW
) -> float:
    """δ̂ − b_α(I; m, ratio·m)/I: holds at every look together with probability ≥ 1 − α."""
    if not (information > 0 and math.isfinite(effect) and margin > 0):
        return -math.inf
    return effect - scaled_boundary(information * margin**2, alpha, ratio) / (margin * information)


def upper_bound(
    effect: float, information: float, *, alpha: float, margin: float, ratio: float = WIDE
) -> float:
    """δ̂ + b_α(I; m, ratio·m)/I: holds at every look together with probability ≥ 1 − α."""
    return -lower_bound(-effect, information, alpha=alpha, margin=margin, ratio=ratio)


def two_sided_mixture(information: float, *, alpha: float, rho: float) -> float:
    """Score bound of the two-sided normal mixture: √((I + ρ)·ln((I + ρ)/(ρ·α²))) (Robbins 1970)."""
    return math.sqrt((information + rho) * math.log((information + rho) / (rho * alpha**2)))


def best_rho(information: float, *, alpha: float) -> float:
    """The ρ whose two-sided bound is narrowest near ``information``.

    First step of the Lambert-W solution, as in confseq's ``best_rho``: good to some percent.
    """
    slope = 2 * math.log(1 / alpha)
    return information / (slope + math.log(1 + slope))
