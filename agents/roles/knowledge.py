"""The knowledge role: from a ticket to the passages that bear on it, with their worst properties kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.contract import Source, Ticket
from agents.knowledge import KnowledgeBase
from agents.text import terms

_MAX_TERMS = 400
"""What is read of a question; a pasted log tells no more after this."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was retrieved, and what an average would hide: the oldest age and the least relevance."""

    sources: tuple[Source, ...]

    @property
    def confidence(self) -> float:
        """Relevance of the best passage; 0 when nothing was found."""
        return self.sources[0].relevance if self.sources else 0.0

    @property
    def min_relevance(self) -> float:
        return min((source.relevance for source in self.sources), default=0.0)

    @property
    def max_age_days(self) -> float | None:
        """Age of the oldest passage whose age is known; ``None`` when none is."""
        return max((source.age_days for source in self.sources if source.age_days is not None), default=None)

    @property
    def stale(self) -> tuple[str, ...]:
        return tuple(source.source_id for source in self.sources if source.stale)

    def traced(self) -> Mapping[str, Any]:
        """For a trace: ids and figures. No time: the same question gets the same answer, trace and all."""
        return {
            "step": "retrieval",
            "sources": [source.source_id for source in self.sources],
            "confidence": self.confidence,
            "min_relevance": self.min_relevance,
            "max_age_days": self.max_age_days,
            "stale": list(self.stale),
        }


def consult(base: KnowledgeBase, ticket: Ticket, *, limit: int = 5, queries: Sequence[str] = ()) -> Findings:
    """Search for what the customer asks now; the subject counts twice, it is their own summary.

    ``queries`` are further wordings of the same question; an article counts as near as its best one.
    Ages are counted to the newest turn, else to when the ticket was opened: nothing depends on the
    moment somebody runs it.
    """
    said = [turn.text for turn in ticket.turns if turn.author == "customer"]
    subject = terms(ticket.subject)
    query = [*subject, *subject, *terms(said[-1] if said else ticket.text)]
    at = ticket.turns[-1].at if ticket.turns else ticket.opened_at
    best: dict[str, Source] = {}
    for words in (query, *map(terms, queries)):
        for source in base.search(words[:_MAX_TERMS], at=at, limit=limit):
            known = best.get(source.source_id)
            if known is None or source.relevance > known.relevance:
                best[source.source_id] = source
    return Findings(tuple(sorted(best.values(), key=lambda one: -one.relevance))[:limit])


def oldest(sources: Sequence[Source]) -> float | None:
    """Age in days of the oldest of these whose age is known."""
    return Findings(tuple(sources)).max_age_days
