"""Shares and means of many runs, with the error that so many runs leave."""

from collections.abc import Sequence

import numpy as np

from experiments.proportions import wilson

Measured = tuple[float, int, float]
"""Mean, runs, one Monte Carlo standard error."""


def measured(values: Sequence[float] | np.ndarray) -> Measured:
    """Mean of one value per run."""
    each = np.asarray(values, dtype=float)
    return float(each.mean()), len(each), float(each.std() / np.sqrt(len(each)))


def shown(found: Sequence[float]) -> str:
    return f"{found[0]:.3f} ±{found[2]:.3f}"


def upper_limit(share: float, runs: int) -> float:
    """Upper one-sided 95 % limit of a share (Wilson)."""
    return wilson(share * runs, runs, confidence=0.9).upper
