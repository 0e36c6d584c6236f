"""Five ways to decide, fed the same stratified, clustered estimates at every look.

Each is kinder than its usual implementation: all get our estimator, so what differs is the rule.
"""

import math
from typing import ClassVar, Protocol

import numpy as np
from scipy.special import ndtri

from experiments.alternatives import spending_boundary
from experiments.judge import CLUSTERS, HARM_CLUSTERS
from experiments.power import BURN_IN, HARM_BURN_IN, fixed_information
from experiments.sequential import NARROW, best_rho, log_evidence
from experiments.verdict import Rules
from simulation.sums import Look

HOLD, PROMOTE, ROLL_BACK = 0, 1, -1
ALPHA, POWER = 0.05, 0.9
PASS_ALPHA = Rules(alpha=ALPHA, power=POWER).pass_alpha
LOOKS = 20
"""Looks of the spending rule over its horizon, at equal steps of information."""


class Policy(Protocol):
    name: ClassVar[str]

    def decide(self, look: Look, margins: np.ndarray, scale: float, due: bool) -> int:
        """Hold, promote or roll back; ``due`` says the step's minimum duration has passed."""
        ...

    def enter(self) -> None:
        """A new step begins."""
        ...


class Ours:
    """The library's rule on many metrics at once; ``ladders`` checks it against ``judge_difference``."""

    name = "ridealong"

    def enter(self) -> None:
        """Nothing to forget: the rule is a function of the sums."""

    def decide(self, look: Look, margins: np.ndarray, scale: float, due: bool) -> int:
        failed, passed = verdicts(look, margins, scale)
        if failed.any():
            return ROLL_BACK
        return PROMOTE if due and passed.all() else HOLD


def verdicts(look: Look, margins: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """(failed, passed) per metric, as ``experiments.judge`` decides."""
    information = look.information
    known = information > 0
    safe, effect = np.where(known, information, 1.0), np.where(known, look.effect, 0.0)
    tested = scale * margins
    clock = np.where(known, look.information_under(-tested), 1.0)
    clear = log_evidence((effect + tested) * clock, clock, tested, NARROW * tested) >= math.log(
        1 / PASS_ALPHA
    )
    harm = log_evidence(-effect * safe, safe, margins, margins) >= math.log(len(margins) / ALPHA)
    beyond = effect < -margins
    failed = known & harm & beyond & (look.smaller_arm >= HARM_BURN_IN) & (look.effective >= HARM_CLUSTERS)
    passed = known & clear & ~beyond & (look.smaller_arm >= BURN_IN) & (look.effective >= CLUSTERS)
    return failed, passed & ~failed


class NaiveZ:
    """A z-test at every look, as if it were the only one: promotes past −margin, rolls back below zero."""

    name = "naive z, every look"

    def enter(self) -> None:
        pass

    def decide(self, look: Look, margins: np.ndarray, scale: float, due: bool) -> int:
        z = float(ndtri(1 - ALPHA))
        reach = z * np.sqrt(np.where(np.isfinite(look.robust), look.robust, np.inf))
        effect = np.nan_to_num(look.effect)
        if ((effect + reach < 0) & (look.smaller_arm >= HARM_BURN_IN)).any():
            return ROLL_BACK
        return PROMOTE if due and (effect - reach > -scale * margins).all() else HOLD


class FixedHorizon:
    """One look per step, when every metric has the information planned for 90 % power. Then never again."""

    name = "fixed horizon"

    def __init__(self) -> None:
        self.looked = False

    def enter(self) -> None:
        self.looked = False

    def decide(self, look: Look, margins: np.ndarray, scale: float, due: bool) -> int:
        planned = (
            fixed_information(1.0, alpha=ALPHA, power=1 - (1 - POWER) / len(margins)) / (scale * margins) ** 2
        )
        if self.looked or not due or (look.information < planned).any():
            return HOLD
        self.looked = True
        se = np.sqrt(look.robust)
        if (look.effect + float(ndtri(1 - ALPHA / len(margins))) * se < 0).any():
            return ROLL_BACK
        return PROMOTE if (look.effect - float(ndtri(1 - ALPHA)) * se > -scale * margins).all() else HOLD


class Spending:
    """O'Brien-Fleming-like alpha spending towards each step's planned information, both ways."""

    name = "O'Brien-Fleming spending"

    def __init__(self) -> None:
        fractions = tuple((step + 1) / LOOKS for step in range(LOOKS))
        self.critical = {
            level: np.array(spending_boundary(fractions, alpha=level))
            for level in (ALPHA, ALPHA / 4, ALPHA / 1)
        }
        self.enter()

    def enter(self) -> None:
        self.seen: np.ndarray | None = None
        self.passed: np.ndarray | None = None

    def decide(self, look: Look, margins: np.ndarray, scale: float, due: bool) -> int:
        count = len(margins)
        if self.seen is None:
            self.seen, self.passed = np.zeros(count, dtype=int), np.zeros(count, dtype=bool)
        horizon = (
            1.03 * fixed_information(1.0, alpha=ALPHA, power=1 - (1 - POWER) / count) / (scale * margins) ** 2
        )
        index = np.minimum((LOOKS * look.information / horizon).astype(int), LOOKS)
        fresh = index > self.seen
        self.seen = np.maximum(self.seen, index)
        se = np.sqrt(np.where(np.isfinite(look.robust), look.robust, np.inf))
        at = np.maximum(index, 1) - 1
        effect = np.nan_to_num(look.effect)
        if (fresh & (effect + self.critical[ALPHA / count][at] * se < 0)).any():
            return ROLL_BACK
        self.passed |= fresh & (effect - self.critical[ALPHA][at] * se > -scale * margins)
        return PROMOTE if due and self.passed.all() else HOLD


class ShipIfInconclusive:
    """A two-sided confidence sequence screens for harm; a step that shows none in its time is promoted."""

    name = "ship if inconclusive"

    def enter(self) -> None:
        pass

    def decide(self, look: Look, margins: np.ndarray, scale: float, due: bool) -> int:
        del scale
        # Tuned in information units to the point where a fixed design with 90 % power would look.
        rho = best_rho(fixed_information(1.0, alpha=ALPHA, power=POWER), alpha=ALPHA) / margins**2
        information = look.information
        reach = np.sqrt((information + rho) * np.log((information + rho) / (rho * ALPHA**2)))
        effect = np.nan_to_num(look.effect)
        if ((effect * information + reach < 0) & (look.smaller_arm >= HARM_BURN_IN)).any():
            return ROLL_BACK
        return PROMOTE if due else HOLD


POLICIES: tuple[type, ...] = (Ours, NaiveZ, FixedHorizon, Spending, ShipIfInconclusive)
