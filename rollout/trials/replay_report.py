"""What a replay has to say, as typed numbers; ``replay_counts`` counts them.

Proxies are called so. There were no surveys, so there is no CSAT; "resolved" rests on the desk's mark
or on silence; the judgements are the heuristics of ``rollout/handle/compare.py``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Share:
    """A mean of 0s and 1s with the number of cases it rests on; undecided ones are left out."""

    n: int
    value: float | None

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Share":
        known = [value for value in values if value is not None]
        return cls(len(known), sum(known) / len(known) if known else None)


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """The shadow's judgements on one category (``all`` is every ticket)."""

    category: str
    watched: int
    answered: int
    abstained: int
    escalated: int
    """Handed off although it might have known: hard triggers, sentiment, turns."""
    accuracy: Share
    tone: Share
    policy: Share
    agreement: Share
    human_passed_on: int
    missed: int
    """The human passed the customer on, the agent would have answered."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How often the search finds what people cited, beside the dullest possible rival.

    The rival always offers the five articles cited most often in this very export, which flatters it.
    People cite few of the articles that would help, so all four are lower bounds.
    """

    tickets: int
    pairs: int
    hit_1: float | None
    hit_5: float | None
    baseline_hit_1: float | None
    baseline_hit_5: float | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A topic on which the knowledge did not suffice."""

    topic: str
    tickets: int
    abstained: int
    unsure: int
    """Answered, but with little confidence."""
    terms: tuple[str, ...]
    """What those questions mention most."""


@dataclass(frozen=True, slots=True)
class Recontacts:
    """Same customer, same topic, within 7 days of a claimed resolution. Immature tickets are left out."""

    resolved: int
    mature: int
    recontacts: int
    followers_7d: int
    """Next tickets of the same customer within 7 days of the last, resolved or not …"""
    followers_1h: int
    """… and within one hour: mostly the same question posted twice, which no reply can prevent."""


@dataclass(frozen=True, slots=True)
class ReplayReport:
    name: str
    version: str
    first: datetime
    last: datetime
    tickets: int
    articles: int
    notes: Mapping[str, int]
    excluded: Mapping[str, int]
    languages: Mapping[str, int]
    unanswered: int
    """Of the tickets that count: no reply by the desk."""
    triage: Mapping[str, Mapping[str, int]]
    eligible: int
    """Simple, and of low or normal urgency: whom a first live step would admit."""
    reasons: Mapping[str, int]
    """Why the agent handed off, by first reason."""
    dropped: Mapping[str, int]
    refused_tools: int
    """Tools it asked for and was not given; writes among them cannot have happened."""
    categories: Sequence[CategoryRow]
    retrieval: Retrieval
    gaps: Sequence[Gap]
    stale_used: Mapping[str, int]
    undated_used: int
    """Answers that rest on articles of unknown age: neither fresh nor stale."""
    resolutions: Mapping[str, int]
    recontacts: Recontacts
    seconds: float = field(compare=False, default=0.0)
