"""Smaller questions: sample ratios, many categories, looks without end, predicted dates."""

import math

import numpy as np
from scipy.special import ndtr

from experiments.multiplicity import e_bh
from experiments.power import information_for_assurance
from experiments.sequential import NARROW, boundary, log_evidence
from experiments.srm import BURN_IN, TUNED_AT
from simulation.gates import MARGIN, PASS_ALPHA
from simulation.monte_carlo import Measured, measured


def sample_ratio(runs: int, seed: int) -> dict[str, Measured]:
    """False alarms watched after every 100 new customers on the ramp, and a 6 % loss of the agent's arm."""
    rng = np.random.default_rng(seed)
    shares = np.repeat([0.05, 0.1, 0.3, 0.6], [40, 100, 140, 320])
    alpha, found = 0.01, {}
    rho = TUNED_AT / (2 * math.log(1 / alpha) + math.log(1 + 2 * math.log(1 / alpha)))
    for name, lost in (("false alarm, 600 looks, alpha 0.01", 0.0), ("detects a 6 % loss", 0.06)):
        treated = rng.binomial(100, shares, (runs, len(shares)))
        kept = rng.binomial(treated, 1 - lost)
        n = 100 - (treated - kept)
        score = (kept - n * shares).cumsum(axis=1)
        variance = (n * shares * (1 - shares)).cumsum(axis=1)
        logs = 0.5 * np.log(rho / (variance + rho)) + score**2 / (2 * (variance + rho))
        found[name] = measured(((logs >= math.log(1 / alpha)) & (variance >= BURN_IN)).any(axis=1))
    return found


def categories(runs: int, seed: int, *, looks: int = 60) -> dict[str, Measured]:
    """Thirty categories, five harmed by 2.5 margins, all looked at daily; a fallback is final."""
    rng = np.random.default_rng(seed)
    names, harmed, margin, total = 30, 5, 0.15, 400.0
    truth = np.where(np.arange(names) < harmed, -2.5 * margin, 0.0)
    false_e, false_p, power_e, power_p = [], [], [], []
    for _ in range(runs):
        size = rng.gamma(2.0, 0.5, names) * total
        clock = size[None, :] * (np.arange(1, looks + 1) / looks)[:, None]
        path = (truth * clock) + (rng.normal(0, 1, clock.shape) * np.sqrt(size / looks)).cumsum(axis=0)
        evidence = log_evidence(-path, clock, margin, margin)
        beyond = path / clock < -margin
        taken_e, taken_p = np.zeros(names, bool), np.zeros(names, bool)
        for look in range(looks):
            taken_e |= np.array(e_bh(list(evidence[look]))) & beyond[look]
            taken_p |= _benjamini_hochberg(ndtr(path[look] / np.sqrt(clock[look])), 0.1)
        for taken, false, power in ((taken_e, false_e, power_e), (taken_p, false_p, power_p)):
            false.append(taken[harmed:].sum() / max(taken.sum(), 1))
            power.append(taken[:harmed].mean())
    return {
        "e-BH: false discovery rate": measured(false_e),
        "e-BH: harmed categories found": measured(power_e),
        "peeked p-values with BH: false discovery rate": measured(false_p),
        "peeked p-values with BH: harmed categories found": measured(power_p),
    }


def _benjamini_hochberg(p: np.ndarray, level: float) -> np.ndarray:
    order = np.argsort(p)
    below = p[order] <= level * np.arange(1, len(p) + 1) / len(p)
    count = int(np.flatnonzero(below).max()) + 1 if below.any() else 0
    taken = np.zeros(len(p), bool)
    taken[order[:count]] = True
    return taken


def fast_looks(runs: int, seed: int) -> dict[str, Measured]:
    """Brownian type I error at the margin, 75 days up to four times the fixed-sample information."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, looks in (("daily", 75), ("hourly", 75 * 24)):
        clock = np.linspace(0, 4 * 595, looks + 1)[1:]
        edge = boundary(clock, alpha=PASS_ALPHA, mu=MARGIN, tau=NARROW * MARGIN)
        score, crossed = np.zeros(runs), np.zeros(runs, bool)
        for bar in edge:
            score += rng.normal(0, math.sqrt(clock[0]), runs)
            crossed |= score >= bar
        found[f"Brownian false promotion, {name} looks"] = measured(crossed)
    return found


def predicted_dates(informations: np.ndarray, margin: float, between: float) -> dict[str, Measured]:
    """Share of simulated gates decided by the predicted information, per stated assurance."""
    return {
        f"stated {assurance:.0%}": measured(
            informations
            <= information_for_assurance(assurance, margin=margin, alpha=PASS_ALPHA, between=between)
        )
        for assurance in (0.5, 0.8, 0.9)
    }
