"""Running sufficient statistics: a day touches only the customers it served."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from experiments.samples import Comparison


@dataclass(frozen=True)
class Look:
    """What all policies see at one look; arrays of shape (metrics,), larger is better."""

    effect: np.ndarray
    robust: np.ndarray
    floor: np.ndarray
    smaller_arm: np.ndarray
    treated: np.ndarray
    effective: np.ndarray
    contrast: np.ndarray
    """Σb."""
    spread: tuple[np.ndarray, ...]
    """What a variance around a null takes: Σa, Σa², Σab, Σb², the within sum and its degrees of freedom."""

    def information_under(self, null: np.ndarray) -> np.ndarray:
        """1/variance as it is if the effect were ``null``, as ``experiments.estimate.estimate_above``."""
        sum_a, sum_aa, sum_ab, sum_bb, within, freedom = self.spread
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = self.smaller_arm / (self.smaller_arm - 1) / self.contrast**2
            robust = factor * np.maximum(sum_aa - 2 * null * sum_ab + null**2 * sum_bb, 0.0)
            floor = (within - 2 * null * sum_a + null**2 * self.contrast) / freedom / self.contrast
            variance = np.maximum(robust, floor)
            return np.where(self.information > 0, 1 / variance, 0.0)

    @property
    def variance(self) -> np.ndarray:
        return np.maximum(self.robust, self.floor)

    @property
    def information(self) -> np.ndarray:
        return np.where(np.isfinite(self.variance) & (self.variance > 0), 1 / self.variance, 0.0)


class Sums:
    """Σa, Σb, Σa², Σab, Σb² and the within sum for several metrics, updated stratum by stratum."""

    def __init__(self, metrics: int, customers: int) -> None:
        self.a = np.zeros((metrics, customers))
        self.b = np.zeros((metrics, customers))
        self.total = np.zeros((5, metrics))
        self.within = np.zeros(metrics)
        self.n = np.zeros(metrics)
        self.treated = np.zeros(metrics)
        self.strata = np.zeros(metrics)
        self._undo: list[tuple] | None = None

    @contextmanager
    def tried(self) -> Iterator[None]:
        """Whatever is added inside is taken back at the end: a look in the middle of a day."""
        kept = [each.copy() for each in (self.total, self.within, self.n, self.treated, self.strata)]
        self._undo = []
        try:
            yield
        finally:
            for place, a, b in reversed(self._undo):
                self.a[place], self.b[place] = a, b
            self._undo = None
            self.total, self.within, self.n, self.treated, self.strata = kept

    def add(
        self,
        rows: slice | np.ndarray,
        arm: np.ndarray,
        y: np.ndarray,
        d: np.ndarray,
        starts: np.ndarray,
        who: np.ndarray,
    ) -> None:
        """One stratum of the metrics ``rows``: y and d of shape (rows, tickets), sorted by customer."""
        n = d.sum(axis=1)
        known = np.maximum(n, 1.0)
        share = (d @ arm) / known
        centred = (y - (y.sum(axis=1) / known)[:, None]) * d
        contrast = arm[None, :] - share[:, None]
        a = np.add.reduceat(contrast * centred, starts, axis=1)
        b = np.add.reduceat(contrast**2 * d, starts, axis=1)
        place = np.ix_(np.atleast_1d(np.arange(len(self.n))[rows]), who)
        old_a, old_b = self.a[place], self.b[place]
        if self._undo is not None:
            self._undo.append((place, old_a, old_b))
        new_a, new_b = old_a + a, old_b + b
        self.a[place], self.b[place] = new_a, new_b
        self.total[:, rows] += np.stack(
            [
                a.sum(axis=1),
                b.sum(axis=1),
                (new_a**2 - old_a**2).sum(axis=1),
                (new_a * new_b - old_a * old_b).sum(axis=1),
                (new_b**2 - old_b**2).sum(axis=1),
            ]
        )
        self.within[rows] += (centred**2).sum(axis=1)
        self.n[rows] += n
        self.treated[rows] += d @ arm
        self.strata[rows] += n > 0

    def look(self) -> Look:
        sum_a, sum_b, sum_aa, sum_ab, sum_bb = self.total
        smaller = np.minimum(self.treated, self.n - self.treated)
        with np.errstate(divide="ignore", invalid="ignore"):
            effect = sum_a / sum_b
            spread = np.maximum(sum_aa - 2 * effect * sum_ab + effect**2 * sum_bb, 0.0)
            robust = smaller / (smaller - 1) * spread / sum_b**2
            floor = (self.within - effect**2 * sum_b) / (self.n - self.strata - 1) / sum_b
            effective = sum_b**2 / sum_bb
        usable = (smaller > 1) & (sum_b > 0)
        robust, floor = (np.where(usable, part, np.inf) for part in (robust, floor))
        spread = (sum_a, sum_aa, sum_ab, sum_bb, self.within, self.n - self.strata - 1)
        kept = tuple(part.copy() for part in spread)
        return Look(effect, robust, floor, smaller, self.treated.copy(), effective, sum_b.copy(), kept)

    def comparison(self, metric: int, clusters: int) -> Comparison:
        """The same sums as the library's own type, to check rules against it."""
        sum_a, sum_b, sum_aa, sum_ab, sum_bb = self.total[:, metric]
        n, treated = self.n[metric], self.treated[metric]
        return Comparison(
            sum_a,
            sum_b,
            sum_aa,
            sum_ab,
            sum_bb,
            self.within[metric],
            n,
            treated,
            n - treated,
            clusters,
            int(self.strata[metric]),
            1.0,
            1.0,
        )
