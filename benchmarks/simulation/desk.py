"""A support desk with all the awkwardness the gates must survive.

Repeat customers (Gamma visit rates, tempers that last), a weekly rhythm, a baseline that drifts,
surveys that one in eight answers, re-contacts known a week later. Every ticket carries its outcome
under both arms, so that every policy meets the very same customers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

METRICS = ("csat", "recontact_7d", "escalation", "cost")
MARGINS = np.array([0.12, 0.02, 0.03, 0.40])
LOWER_IS_BETTER = np.array([False, True, True, True])
LAG_DAYS = 7
"""Re-contact is known a week after the ticket."""
_SURVEY = np.array([0.05, 0.06, 0.10, 0.27, 0.52]).cumsum()
_WEEK = np.array([1.15, 1.2, 1.15, 1.1, 1.05, 0.7, 0.65])


@dataclass(frozen=True)
class World:
    tickets_per_day: int
    customers: int = 40_000
    rate_shape: float = 0.5
    """Shape of the Gamma visit rates: the smaller, the heavier the heaviest customers."""
    loyalty: float = 0.25
    """Share of the latent variance that belongs to the customer."""
    response: float = 0.12
    drift: float = -0.25
    """Change of the latent satisfaction over 90 days, in its standard deviations, in both arms."""
    worse_by: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    """True worsening under the agent, in margins, per metric; negative is better."""
    silence: float = 0.0
    """How much less likely an unhappy customer of the agent is to answer (informative non-response)."""


@dataclass
class Day:
    """One day's tickets, sorted by customer."""

    index: int
    customer: np.ndarray
    starts: np.ndarray
    """Where each customer's tickets begin; ``who`` names those customers."""
    who: np.ndarray
    human: np.ndarray
    """Outcomes under the human arm, oriented so that larger is better, shape (metrics, tickets)."""
    agent: np.ndarray
    answered: np.ndarray
    """Under the human and the agent arm, shape (2, tickets)."""
    time: np.ndarray
    """When in the day each ticket opens, 0 to 1."""

    def until(self, moment: float) -> "Day":
        """The same day, broken off at ``moment``."""
        seen = self.time <= moment
        customer = self.customer[seen]
        starts = np.flatnonzero(np.diff(customer, prepend=-1))
        return Day(
            self.index,
            customer,
            starts,
            customer[starts],
            self.human[:, seen],
            self.agent[:, seen],
            self.answered[:, seen],
            self.time[seen],
        )


class Desk:
    """One run of a world: who the customers are, which bucket each fell into, what happens."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.world, self.rng = world, rng
        # A stream of its own, so that daily looks meet the same customers as hourly ones.
        self.clock = rng.spawn(1)[0]
        visits = rng.gamma(world.rate_shape, 1.0, world.customers)
        self.edges = np.cumsum(visits / visits.sum())
        self.temper = rng.normal(0.0, np.sqrt(world.loyalty), world.customers)
        self.bucket = rng.random(world.customers)
        self.answers = rng.beta(2.0, 2.0 * (1 - world.response) / world.response, world.customers)
        self.prone = rng.gamma(4.0, 0.25, world.customers)

    def days(self, n: int) -> Iterator[Day]:
        for index in range(n):
            yield self.day(index)

    def day(self, index: int) -> Day:
        world, rng = self.world, self.rng
        n = max(1, rng.poisson(world.tickets_per_day * _WEEK[index % 7]))
        customer = np.sort(np.searchsorted(self.edges, rng.random(n)).clip(0, world.customers - 1))
        starts = np.flatnonzero(np.diff(customer, prepend=-1))
        noise = rng.normal(0.0, np.sqrt(1 - world.loyalty), n)
        latent = self.temper[customer] + noise + world.drift * index / 90
        human = np.stack(
            [
                _ratings(latent),
                -1.0 * (rng.random(n) < np.minimum(0.18 * self.prone[customer], 0.95)),
                -1.0 * (rng.random(n) < np.minimum(0.25 * self.prone[customer], 0.95)),
                -4.0 * np.exp(rng.normal(0.0, 0.6, n) - 0.18) * self.prone[customer] ** 0.5,
            ]
        )
        agent = self._worsened(human)
        chance = self.answers[customer]
        silenced = chance * np.where(agent[0] <= 2, 1 - world.silence, 1.0)
        draw = rng.random(n)
        return Day(
            index,
            customer,
            starts,
            customer[starts],
            human,
            agent,
            np.stack([draw < chance, draw < silenced]),
            self.clock.random(n),
        )

    def _worsened(self, human: np.ndarray) -> np.ndarray:
        """The agent's outcomes: shifted by exactly the stated number of margins in expectation."""
        agent = human.copy()
        size = np.asarray(self.world.worse_by) * MARGINS
        draws = self.rng.random((3, human.shape[1]))
        for row, change in enumerate(size[:3]):
            room = human[row] > (1 if row == 0 else -1) if change > 0 else human[row] < (5 if row == 0 else 0)
            share = abs(change) / max(room.mean(), 1e-9)
            agent[row] = human[row] - np.sign(change) * (room & (draws[row] < share))
        agent[3] = human[3] - size[3]
        return agent


def _ratings(latent: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    return 1.0 + np.searchsorted(_SURVEY[:-1], ndtr(latent)).astype(float)
