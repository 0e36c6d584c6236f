"""A simulated desk: customers who come back, tickets with a rhythm, people who answer and rate.

Only the desk is simulated. What a customer would say of a reply depends on who served it (``Service``),
on the ticket and on the customer; the router, the gates and the record never look in here.
Deterministic for a seed; a day's tickets are drawn at once with numpy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agents.contract import Ticket
from rollout.trials.wording import Words, language_of, words_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_WEEK: Final = np.array([1.25, 1.15, 1.1, 1.1, 1.05, 0.7, 0.65])  # Monday first
_HOURS: Final = np.array(
    [1, 0.7, 0.5, 0.4, 0.4, 0.7, 1.5, 3, 5, 7, 8, 7.5, 6.5, 6.5, 7, 7, 6.5, 6, 5, 4.5, 4, 3.5, 2.5, 1.6]
)
_OPEN, _CLOSE = 8, 20
"""The human desk answers between these hours (UTC)."""
_STILL: Final = "Re: "
_WINDOW_DAYS: Final = 6.5
"""Who is not helped comes back within this time after the ticket was closed."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One category: how often it comes, how often a human passes it on to a specialist, its subjects."""

    share: float
    specialist: float
    subjects: tuple[str, ...]


TOPICS: Final[Mapping[str, Topic]] = {
    "billing": Topic(0.22, 0.26, ("Charged twice this month", "Invoice shows the old address")),
    "technical": Topic(0.20, 0.24, ("The app stops at the second screen", "Export never finishes")),
    "account": Topic(0.20, 0.17, ("Cannot change my e-mail address", "Password link does not arrive")),
    "shipping": Topic(0.16, 0.09, ("Where is my parcel", "Parcel was left at the wrong door")),
    "returns": Topic(0.10, 0.12, ("Return label does not print", "Refund for a returned item")),
    "general": Topic(0.12, 0.11, ("Question about your opening hours", "Can I change my plan later")),
}
_MEAN_SPECIALIST: Final = sum(topic.share * topic.specialist for topic in TOPICS.values())
_ANSWERS_FROM: Final = 0.72
_COMPLEXITY: Final = (("simple", "moderate", "complex"), (0.6, 0.3, 0.1))
_URGENCY: Final = (("low", "normal", "high", "critical"), (0.22, 0.62, 0.14, 0.02))
_SENTIMENT: Final = (("positive", "neutral", "frustrated", "angry"), (0.08, 0.67, 0.2, 0.05))
_CHANNEL: Final = (("chat", "email", "web"), (0.5, 0.35, 0.15))
_HARDSHIP: Final = {"simple": 0.0, "moderate": 0.25, "complex": 0.6}


@dataclass(frozen=True, slots=True)
class Service:
    """How somebody serves, as the world's customers feel it. People are the baseline: all zeros."""

    hands_off: float | None = None
    """Share of tickets given to a human; None for humans, who pass on to specialists by topic."""
    satisfaction: float = 0.0
    """Points of CSAT beside a human's reply."""
    unhelped: float = 0.0
    """Added to the share of customers who come back because nothing was solved."""
    latency_seconds: float = 0.0
    cost_usd: float = 0.0
    violates: float = 0.0
    fails: float = 0.0
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class Size:
    """How big the desk is."""

    tickets_per_day: float = 360.0
    """First contacts; those who come back are on top."""
    customers: int = 27_000
    csat_response: float = 0.14


@dataclass(frozen=True, slots=True)
class Visit:
    """A ticket, and what only the world knows about it."""

    ticket: Ticket
    customer: int
    hardship: float
    words: Words
    """What its customer writes and is told."""


@dataclass(frozen=True, slots=True)
class Served:
    """What happened to a day's tickets, as arrays in the order of the visits. Times in seconds."""

    escalated: Flags
    failed: Flags
    violated: Flags
    abandoned: Flags
    first_response: Floats
    """From opening."""
    handle: Floats
    human: Floats
    """A person's working time; 0 where none worked."""
    resolved: Floats
    """From opening to closing."""
    latency: Floats
    cost: Floats
    score: Floats
    """1 to 5; NaN where the survey was not answered."""
    rated: Floats
    """From opening to the answer."""


class World:
    """The customers and what they still have to do."""

    def __init__(self, workflow: str, seed: int, size: Size | None = None) -> None:
        self.workflow = workflow
        self.size = size or Size()
        self._coming_back: list[tuple[datetime, Visit]] = []
        self._count = 0
        self._opened: date | None = None
        self._rng = np.random.default_rng(seed)
        n = self.size.customers
        rates = self._rng.gamma(1.2, 1.0, n)  # a few customers write often, most once
        self._rates: Floats = np.cumsum(rates / rates.sum())
        self._mood: Floats = self._rng.normal(0, 0.5, n)
        self._talkative: Floats = self._rng.normal(0, 0.6, n)
        self._tier = self._rng.choice(["free", "pro", "enterprise"], n, p=[0.6, 0.32, 0.08])
        self._region = self._rng.choice(["eu", "us"], n, p=[0.55, 0.45])

    def visits(self, day: date) -> list[Visit]:
        """The tickets of one day (UTC), oldest first: new issues, and those who come back."""
        self._opened = self._opened or day
        midnight = datetime.combine(day, time.min, UTC)
        wanted = self.size.tickets_per_day * _WEEK[day.weekday()] / _WEEK.mean()
        count = int(self._rng.poisson(wanted))
        who = np.searchsorted(self._rates, self._rng.random(count))
        hours = self._rng.choice(24, count, p=_HOURS / _HOURS.sum()) + self._rng.random(count)
        drawn = {
            "topic": self._draw((tuple(TOPICS), tuple(topic.share for topic in TOPICS.values())), count),
            "complexity": self._draw(_COMPLEXITY, count),
            "urgency": self._draw(_URGENCY, count),
            "sentiment": self._draw(_SENTIMENT, count),
            "channel": self._draw(_CHANNEL, count),
        }
        new = [
            self._visit(
                int(who[n]), midnight + timedelta(hours=float(hours[n])), {k: v[n] for k, v in drawn.items()}
            )
            for n in range(count)
        ]
        tomorrow = midnight + timedelta(days=1)
        # Who would be back on the day they were helped writes a day later: that day is over.
        due = [
            self._again(visit, at if at >= midnight else at + timedelta(days=1))
            for at, visit in self._coming_back
            if at < tomorrow
        ]
        self._coming_back = [(at, visit) for at, visit in self._coming_back if at >= tomorrow]
        return sorted([*new, *due], key=lambda visit: visit.ticket.opened_at)

    def days_since_opening(self, at: datetime) -> int:
        """Whole days from the first simulated one."""
        return (at.date() - (self._opened or at.date())).days

    def serve(self, visits: Sequence[Visit], services: Sequence[Service]) -> Served:
        """What happens to ``visits`` when each is served by its service; some will come back."""
        rng, n = self._rng, len(visits)

        def of(name: str) -> Floats:
            return np.array([getattr(service, name) or 0.0 for service in services])

        agent = np.array([service.hands_off is not None for service in services], bool)
        hard = np.array([visit.hardship for visit in visits])
        customer = np.array([visit.customer for visit in visits], int)
        specialist = np.array([TOPICS[visit.ticket.category or "general"].specialist for visit in visits])
        failed = agent & (rng.random(n) < of("fails"))
        # An agent hands off the topics that humans pass on, in proportion.
        passed_on = np.where(agent, of("hands_off") * specialist / _MEAN_SPECIALIST, specialist) * (
            1 + 0.5 * hard
        )
        escalated = failed | (rng.random(n) < passed_on)
        abandoned = rng.random(n) < 0.04
        by_person = ~agent | escalated
        desk = self._desk_wait(visits)
        latency = of("latency_seconds") * rng.lognormal(0, 0.35, n)
        human = np.where(
            by_person, rng.lognormal(np.log(480), 0.5, n) * (1 + hard) * np.where(escalated, 1.35, 1), 0
        )
        first = np.where(agent & ~failed, latency, desk)
        closing = np.where(
            by_person, desk + human + rng.exponential(5 * 3600, n), latency + rng.exponential(1800, n)
        )
        closing = np.where(abandoned, closing + 24 * 3600, closing)
        felt = 4.05 + self._mood[customer] - hard + of("satisfaction") - 0.15 * escalated
        raw = felt + rng.normal(0, 0.85, n)
        score = np.clip(np.round(raw), 1, 5)
        answered = rng.random(n) < self._response(customer, raw)
        unhelped = np.clip(0.11 + of("unhelped") * ~escalated + 0.08 * hard - 0.02 * (raw - felt), 0, 1)
        back = (rng.random(n) < unhelped) & ~abandoned
        self._plan_returns(visits, np.flatnonzero(back), closing)
        return Served(
            escalated=escalated,
            failed=failed,
            violated=agent & (rng.random(n) < of("violates")),
            abandoned=abandoned,
            first_response=first,
            handle=np.where(by_person, human + np.where(agent, latency, 0), latency),
            human=human,
            resolved=closing,
            latency=latency,
            cost=of("cost_usd"),
            score=np.where(answered & ~abandoned, score, np.nan),
            rated=closing + rng.exponential(10 * 3600, n),
        )

    def watch(self, count: int, service: Service) -> Mapping[str, Flags | Floats]:
        """How a service would have done beside the humans, for ``count`` tickets, as reviewers see it.

        Below the confidence of ``_ANSWERS_FROM`` it hands over. It is less sure where it is wrong or a
        human is needed, and surer than it should be throughout.
        """
        rng = self._rng
        (doubts,) = rng.spawn(1)
        needed = rng.random(count) < _MEAN_SPECIALIST
        caught = rng.random(count) < 0.95
        fine = rng.random(count) < 0.9 + service.satisfaction / 10
        over = (needed & caught) | (~needed & (rng.random(count) < 0.04))
        sure = 1 / (1 + np.exp(doubts.normal(-1.4, 1.0, count) + 1.5 * needed + 1.5 * ~fine))
        return {
            "human_escalated": needed,
            "agent_escalated": over,
            "confidence": np.where(over, _ANSWERS_FROM * sure, _ANSWERS_FROM + (1 - _ANSWERS_FROM) * sure),
            "accuracy": fine,
            "tone": rng.random(count) < 0.97,
            "policy": rng.random(count) >= service.violates,
            "reviewed": rng.random(count) < 0.25,
        }

    def _draw(self, choices: tuple[tuple[str, ...], tuple[float, ...]], count: int) -> NDArray[Any]:
        names, shares = choices
        return self._rng.choice(names, count, p=np.array(shares) / sum(shares))

    def _visit(self, customer: int, at: datetime, drawn: Mapping[str, Any]) -> Visit:
        self._count += 1
        topic, complexity = str(drawn["topic"]), str(drawn["complexity"])
        subjects = TOPICS[topic].subjects
        region = str(self._region[customer])
        language = language_of(customer, region)
        words = words_of(subjects[self._count % len(subjects)], language, self._count, customer)
        ticket = Ticket(
            ticket_id=f"{self.workflow}-{self._count:06d}",
            customer_id=f"customer-{customer:05d}",
            opened_at=at,
            workflow=self.workflow,
            subject=words.subject,
            text=words.text,
            category=topic,
            urgency=str(drawn["urgency"]),
            complexity=complexity,
            sentiment=str(drawn["sentiment"]),
            tier=str(self._tier[customer]),
            channel=str(drawn["channel"]),
            language=language,
            region=region,
            issue_key=f"issue-{self._count:06d}",
        )
        return Visit(ticket, customer, _HARDSHIP[complexity], words)

    def _again(self, visit: Visit, at: datetime) -> Visit:
        first = visit.ticket
        drawn = {
            "topic": first.category,
            "complexity": first.complexity,
            "urgency": first.urgency,
            "sentiment": "frustrated",
            "channel": first.channel,
        }
        again = self._visit(visit.customer, at, drawn)
        subject = first.subject if first.subject.startswith(_STILL) else f"{_STILL}{first.subject}"
        ticket = replace(again.ticket, subject=subject, text=visit.words.again, issue_key=first.issue_key)
        return replace(again, ticket=ticket, words=visit.words)

    def _plan_returns(self, visits: Sequence[Visit], back: NDArray[np.intp], closing: Floats) -> None:
        days = self._rng.beta(1.1, 2.2, len(back)) * _WINDOW_DAYS
        for n, delay in zip(back, days, strict=True):
            visit = visits[int(n)]
            at = visit.ticket.opened_at + timedelta(seconds=float(closing[n]), days=float(delay))
            self._coming_back.append((at, visit))

    def _desk_wait(self, visits: Sequence[Visit]) -> Floats:
        """Until a person answers: the queue, and the night."""
        queue = self._rng.lognormal(np.log(2400), 0.8, len(visits))
        hours = np.array(
            [visit.ticket.opened_at.hour + visit.ticket.opened_at.minute / 60 for visit in visits]
        )
        night = np.where(hours < _OPEN, _OPEN - hours, np.where(hours >= _CLOSE, 24 - hours + _OPEN, 0.0))
        return np.asarray(queue + night * 3600)

    def _response(self, customer: NDArray[np.intp], raw: Floats) -> Floats:
        """Strong feelings and talkative customers answer more; on average the desk's response rate."""
        base = np.log(self.size.csat_response / (1 - self.size.csat_response)) - 0.35
        logit = base + self._talkative[customer] + 0.25 * np.abs(raw - 3.7)
        return np.asarray(1 / (1 + np.exp(-logit)))
