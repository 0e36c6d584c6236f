"""One CSAT gate on a fixed ramp, looked at daily, hourly, every ten minutes and after every answer.

Only customers who answer are drawn. Within a day the sums of every prefix come in closed form, so
that looking after each answer costs no more than looking once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from experiments.estimate import estimate_above
from experiments.judge import CLUSTERS
from experiments.power import BURN_IN
from experiments.samples import Companion, Comparison
from experiments.sequential import NARROW, log_evidence
from experiments.verdict import Rules
from simulation.desk import _WEEK, _ratings

RAMP = ((0, 0.05), (2, 0.10), (7, 0.30), (14, 0.60))
"""(first day, weight)"""
DAYS = 75
PASS_ALPHA = Rules(alpha=0.05, power=0.9).pass_alpha
MARGIN = 0.12
HISTORY_DAYS = 60
"""Days before the rollout from which the covariate is taken."""
SHRINKAGE = 4.0
REMEMBERED = "daily, with history"
CADENCES = {"daily": 1, "hourly": 24, "10 minutes": 144, "every answer": 0}


@dataclass(frozen=True)
class Survey:
    answers_per_day: float = 240.0
    customers: int = 40_000
    loyalty: float = 0.25
    drift: float = -0.25
    effect: float = 0.0
    """Agent minus human, in points; at most 0."""


@dataclass
class Prefixes:
    """Estimates after each answer of one day, arrays of shape (answers,)."""

    effect: np.ndarray
    robust: np.ndarray
    floor: np.ndarray
    smaller: np.ndarray
    effective: np.ndarray
    at_margin: np.ndarray
    """The variance as it is if the effect were −margin: what our own rule tests with."""


@dataclass
class Path:
    """One run: the estimates at the end of each day, and when our rule first passed at each cadence."""

    effect: np.ndarray
    robust: np.ndarray
    floor: np.ndarray
    smaller: np.ndarray
    passed_day: dict[str, float]
    passed_information: dict[str, float]

    @property
    def information(self) -> np.ndarray:
        return 1 / np.maximum(self.robust, self.floor)


def simulate(survey: Survey, seed: int) -> Path:
    """Seventy-five days of one gate."""
    rng = np.random.default_rng(seed)
    desk = _Customers(survey, rng)
    sums = _Sums(survey.customers, desk.history(np.random.default_rng([seed, 1])))
    rows: list[tuple[float, ...]] = []
    day_of = dict.fromkeys((*CADENCES, REMEMBERED), np.inf)
    information_of = dict.fromkeys((*CADENCES, REMEMBERED), np.inf)
    for index, (customer, arm, rating, time) in enumerate(desk.days(rng)):
        waiting = [cadence for cadence in CADENCES if day_of[cadence] == np.inf]
        seen = sums.prefixes(customer, arm, rating) if waiting else None
        sums.add(customer, arm, rating)
        end = sums.look()
        rows.append((end.effect[0], end.robust[0], end.floor[0], end.smaller[0]))
        if day_of[REMEMBERED] == np.inf and sums.passes_with_history(end):
            # Counted in the information that the plain estimate has by then: the same answers.
            day_of[REMEMBERED] = index
            information_of[REMEMBERED] = 1 / max(end.robust[0], end.floor[0])
        if seen is None:
            continue
        # Prefixes treat a customer's second answer of the day apart; the day's end is exact.
        for name in ("effect", "robust", "floor", "smaller", "effective", "at_margin"):
            getattr(seen, name)[-1] = getattr(end, name)[0]
        passing = _passes(seen)
        for cadence in waiting if passing.any() else ():
            hit = passing & _looked_at(time, CADENCES[cadence])
            if hit.any():
                first = int(np.argmax(hit))
                day_of[cadence] = index + time[first]
                information_of[cadence] = 1 / max(seen.robust[first], seen.floor[first])
    return Path(*np.array(rows).T, day_of, information_of)


class _Customers:
    """Who answers how often, how kindly, and into which bucket each fell."""

    def __init__(self, survey: Survey, rng: np.random.Generator) -> None:
        self.survey = survey
        answers = rng.gamma(0.5, 1.0, survey.customers) * rng.beta(2.0, 14.7, survey.customers)
        self.edges = np.cumsum(answers / answers.sum())
        self.temper = rng.normal(0.0, np.sqrt(survey.loyalty), survey.customers)
        self.bucket = rng.random(survey.customers)

    def history(self, rng: np.random.Generator) -> np.ndarray:
        """Each customer's shrunk mean rating of the weeks before, 0 for whoever gave none."""
        n = rng.poisson(self.survey.answers_per_day * HISTORY_DAYS)
        customer, rating = self._answers(n, 0, rng)
        given = np.bincount(customer, minlength=self.survey.customers)
        total = np.bincount(customer, rating - rating.mean(), minlength=self.survey.customers)
        return total / (given + SHRINKAGE)

    def days(self, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, ...]]:
        """Customer, arm, rating and time in the day of each day's answers."""
        weights = np.zeros(DAYS)
        for first, weight in RAMP:
            weights[first:] = weight
        for index in range(DAYS):
            n = max(2, rng.poisson(self.survey.answers_per_day * _WEEK[index % 7]))
            customer, rating = self._answers(n, index, rng)
            arm = (self.bucket[customer] < weights[index]).astype(float)
            drop = (rating > 1) & (rng.random(n) < -self.survey.effect / max((rating > 1).mean(), 1e-9))
            yield customer, arm, rating - drop * arm, np.sort(rng.random(n))

    def _answers(self, n: int, day: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        customer = np.searchsorted(self.edges, rng.random(n)).clip(0, self.survey.customers - 1)
        noise = rng.normal(0.0, np.sqrt(1 - self.survey.loyalty), n)
        return customer, _ratings(self.temper[customer] + noise + self.survey.drift * day / 90)


def _looked_at(time: np.ndarray, looks: int) -> np.ndarray:
    """The last answer before each look of the day."""
    if looks == 0:
        return np.ones(len(time), dtype=bool)
    place = np.floor(time * looks)
    return np.append(place[1:] != place[:-1], True)


def _passes(seen: Prefixes) -> np.ndarray:
    variance = seen.at_margin
    known = np.isfinite(variance) & (variance > 0) & (seen.smaller >= BURN_IN) & (seen.effective >= CLUSTERS)
    information = np.where(known, 1 / np.where(known, variance, 1.0), 1.0)
    score = (np.where(known, seen.effect, -1.0) + MARGIN) * information
    goal = np.log(1 / PASS_ALPHA)
    # No mixture of likelihood ratios exceeds the largest of them, exp(S²/2I): most days end here.
    possible = known & (score > 0) & (score**2 >= 2 * goal * information)
    if not possible.any():
        return possible
    enough = log_evidence(score, information, MARGIN, NARROW * MARGIN) >= goal
    return known & enough & (seen.effect >= -MARGIN)


class _Sums:
    def __init__(self, customers: int, history: np.ndarray) -> None:
        self.a, self.b = np.zeros(customers), np.zeros(customers)
        self.history, self.x = history, np.zeros(customers)
        self.beside = np.zeros(6)
        """The sums of a ``Companion``, in its order."""
        self.aa = self.ab = self.bb = self.sa = self.sb = self.within = self.n = self.treated = 0.0
        self.strata = 0

    def add(self, customer: np.ndarray, arm: np.ndarray, y: np.ndarray) -> None:
        contrast, centred = arm - arm.mean(), y - y.mean()
        who, place = np.unique(customer, return_inverse=True)
        a, b = np.bincount(place, contrast * centred), np.bincount(place, contrast**2)
        old_a, old_b = self.a[who], self.b[who]
        new_a, new_b = old_a + a, old_b + b
        self.a[who], self.b[who] = new_a, new_b
        self.sa, self.sb = self.sa + a.sum(), self.sb + b.sum()
        self.aa += new_a @ new_a - old_a @ old_a
        self.ab += new_a @ new_b - old_a @ old_b
        self.bb += new_b @ new_b - old_b @ old_b
        self.within += centred @ centred
        past = self.history[customer]
        past = past - past.mean()
        old_x = self.x[who]
        new_x = old_x + np.bincount(place, contrast * past)
        self.x[who] = new_x
        self.beside += [
            new_x.sum() - old_x.sum(),
            new_x @ new_x - old_x @ old_x,
            new_a @ new_x - old_a @ old_x,
            new_x @ new_b - old_x @ old_b,
            past @ past,
            past @ centred,
        ]
        self.n, self.treated, self.strata = self.n + len(y), self.treated + arm.sum(), self.strata + 1

    def passes_with_history(self, end: Prefixes) -> bool:
        """Whether the library's estimate with the covariate clears the margin now."""
        if not (end.smaller[0] >= BURN_IN and end.effective[0] >= CLUSTERS and end.effect[0] >= -MARGIN):
            return False
        parts = (self.sa, self.sb, self.aa, self.ab, self.bb, self.within, self.n, self.treated)
        control = self.n - self.treated
        sums = Comparison(*parts, control, 10**9, self.strata, 0.0, 0.0, covariate=Companion(*self.beside))
        found = estimate_above(sums, better="higher", margin=MARGIN)
        score = found.effect * found.information
        seen = log_evidence(score, found.information, MARGIN, NARROW * MARGIN)
        return bool(seen >= np.log(1 / PASS_ALPHA))

    def look(self) -> Prefixes:
        one = np.ones(1)
        return _estimates(
            self.sa * one,
            self.sb * one,
            self.aa * one,
            self.ab * one,
            self.bb * one,
            self.within * one,
            self.n * one,
            self.treated * one,
            self.strata,
        )

    def prefixes(self, customer: np.ndarray, arm: np.ndarray, y: np.ndarray) -> Prefixes:
        """With e = (A − p)(y − ȳ) and f = (A − p)², expanded in powers of the running p and ȳ."""
        a, b = self.a[customer], self.b[customer]
        k = np.arange(1.0, len(y) + 1)

        def c(values: np.ndarray) -> np.ndarray:
            return np.cumsum(values)

        n1, s, s1, q, q1 = c(arm), c(y), c(arm * y), c(y * y), c(arm * y * y)
        p, m = n1 / k, s / k

        def cross(old: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            """Σ old·e and Σ old·f."""
            o, o1, oy, oy1 = c(old), c(old * arm), c(old * y), c(old * arm * y)
            return oy1 - p * oy - m * o1 + p * m * o, (1 - 2 * p) * o1 + p**2 * o

        a_e, a_f = cross(a)
        b_e, b_f = cross(b)
        ee = (1 - 2 * p) * (q1 - 2 * m * s1 + m**2 * n1) + p**2 * (q - 2 * m * s + m**2 * k)
        ef = ((1 - p) ** 3 + p**3) * (s1 - m * n1)
        ff = (1 - p) ** 4 * n1 + p**4 * (k - n1)
        return _estimates(
            self.sa + s1 - m * n1,
            self.sb + k * p * (1 - p),
            self.aa + 2 * a_e + ee,
            self.ab + a_f + b_e + ef,
            self.bb + 2 * b_f + ff,
            self.within + q - k * m**2,
            self.n + k,
            self.treated + n1,
            self.strata + 1,
        )


def _estimates(*parts: np.ndarray) -> Prefixes:
    sa, sb, aa, ab, bb, within, n, treated, strata = parts
    smaller = np.minimum(treated, n - treated)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = sa / sb
        usable = (smaller > 1) & (sb > 0)

        def around(centre: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
            robust = smaller / (smaller - 1) * np.maximum(aa - 2 * centre * ab + centre**2 * bb, 0) / sb**2
            floor = (within - 2 * centre * sa + centre**2 * sb) / (n - strata - 1) / sb
            return np.where(usable, robust, np.inf), np.where(usable, floor, np.inf)

        at_margin = np.maximum(*around(-MARGIN))
        return Prefixes(effect, *around(effect), smaller, sb**2 / bb, at_margin)
