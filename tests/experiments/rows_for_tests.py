"""Small desks to judge: rows as arrays, with every awkwardness a real one has."""

from dataclasses import dataclass

import numpy as np

from experiments.rows import comparison_from_rows
from experiments.samples import Comparison


@dataclass
class Desk:
    stratum: np.ndarray
    cluster: np.ndarray
    treated: np.ndarray
    y: np.ndarray
    d: np.ndarray
    x: np.ndarray

    def comparison(self, *, covariate: bool = False) -> Comparison:
        x = self.x if covariate else None
        return comparison_from_rows(self.stratum, self.cluster, self.treated, self.y, self.d, x)

    def taking(self, rows: np.ndarray) -> "Desk":
        return Desk(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def desk(
    seed: int = 0,
    *,
    n: int = 2000,
    customers: int = 700,
    days: int = 12,
    weight: float = 0.3,
    effect: float = 0.0,
    response: float = 0.7,
) -> Desk:
    """A desk of ratings 1 to 5: repeat customers with tempers, days that differ, some silence."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, customers, n)
    arm_of = rng.random(customers) < weight
    stratum = rng.integers(0, days, n)
    temper = rng.normal(0, 0.6, customers)
    treated = arm_of[cluster].astype(float)
    # Some customers switched arms at a ramp.
    treated = np.where((stratum > days // 2) & (rng.random(customers)[cluster] < 0.2), 1.0, treated)
    latent = 4.1 + temper[cluster] - 0.02 * stratum + effect * treated + rng.normal(0, 0.9, n)
    d = (rng.random(n) < response).astype(float)
    y = np.where(d > 0, np.clip(np.round(latent), 1, 5), 0.0)
    return Desk(stratum, cluster, treated, y, d, temper[cluster] + rng.normal(0, 0.5, n))
