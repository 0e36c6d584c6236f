"""How well a desk's articles are found and used: hits beside a trivial rival, and what abstaining buys.

The only truth is what people of the desk cited. An article they did not cite may be right all the same, and
people cite out of habit, so a hit rate is a comparison between ways of searching and not a quality.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from agents.contract import Action, Reply
from agents.knowledge import KnowledgeBase
from agents.pipeline import extractive_agent
from agents.roles.knowledge import consult
from agents.roles.triage import triage
from agents.tools import NO_TOOLS
from experiments.proportions import wilson
from rollout.handle.compare import ABSTENTIONS
from rollout.trials.desk_export import DeskExport, Thread, cited_articles

RANKS: Final = (1, 3, 5)
THRESHOLDS: Final = tuple(step / 100 for step in range(30, 100, 5))
_CHUNK: Final = 100


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % interval (Wilson); no tickets leave it unknown."""

    hits: int
    n: int
    value: float | None
    lower: float | None
    upper: float | None

    @classmethod
    def of(cls, hits: int, n: int) -> "Rate":
        if n == 0:
            return cls(0, 0, None, None, None)
        ends = wilson(hits, n)
        return cls(hits, n, hits / n, ends.lower, ends.upper)


@dataclass(frozen=True, slots=True)
class Hits:
    """Tickets among whose first ``rank`` articles is one that people cited."""

    rank: int
    search: Rate
    most_cited: Rate
    """The articles cited most often before the ticket was opened, whatever it asks."""
    hindsight: Rate
    """Those cited most often in the whole export: nobody could have known them, so no rival is stronger."""
    only_search: int
    """Tickets that the search hits and the rival does not."""
    only_most_cited: int


@dataclass(frozen=True, slots=True)
class Point:
    """What would happen if answers below a confidence were withheld."""

    confidence: float
    coverage: Rate
    """Tickets answered, of all the agent looked at."""
    precision: Rate
    """Answers that quote an article people cited, of those answered where people cited any."""


@dataclass(frozen=True, slots=True)
class KnowledgeEval:
    """Counts and shares only: nobody's text."""

    name: str
    version: str
    """Of the extractive agent at its shipped thresholds."""
    tickets: int
    """In the export, without excluded ones."""
    cited: int
    """Of them with a citation of an article that is known."""
    articles: int
    hits: tuple[Hits, ...]
    sample: int
    """Tickets that the agent was asked about."""
    answered: Rate
    """At the shipped thresholds."""
    precision: Rate
    """Of these answers."""
    reasons: Mapping[str, int]
    """Hand-offs by their first reason."""
    abstained: int
    """Hand-offs because it did not know, in contrast to those a person has to take."""
    curve: tuple[Point, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(
    export: DeskExport, *, sample: int | None = None, told: Callable[[int], None] = lambda _: None
) -> KnowledgeEval:
    """Search for every ticket with a citation, and have the agent answer a sample of all.

    Args:
        export: the desk's past.
        sample: tickets to answer, drawn by a hash of their ids; all of them where left out.
        told: called with the number of tickets answered so far.

    """
    base = KnowledgeBase(export.articles)
    threads = [thread for thread in export.threads if thread.excluded is None]
    known = frozenset(article.id for article in export.articles)
    pairs = list(_ranked(threads, base, known))
    drawn = sorted(threads, key=_draw)[:sample]
    default = extractive_agent(base)
    shipped = _answers(default, drawn, told)
    open_ended = _answers(
        extractive_agent(base, min_relevance=0.0, min_confidence=0.0), drawn, lambda _: None
    )
    replies = [
        (thread, reply) for thread, reply in zip(drawn, shipped, strict=True) if reply.action is Action.REPLY
    ]
    first = Counter(reply.reasons[0] for reply in shipped if reply.reasons)
    return KnowledgeEval(
        name=export.name,
        version=default.version,
        tickets=len(threads),
        cited=len(pairs),
        articles=len(export.articles),
        hits=tuple(_hits(pairs, rank) for rank in RANKS),
        sample=len(drawn),
        answered=Rate.of(len(replies), len(drawn)),
        precision=_precision(replies, known),
        reasons=dict(sorted(first.items(), key=lambda item: (-item[1], item[0]))),
        abstained=sum(number for reason, number in first.items() if reason in ABSTENTIONS),
        curve=tuple(_curve(list(zip(drawn, open_ended, strict=True)), known)),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    cited: frozenset[str]
    found: tuple[str, ...]
    popular: tuple[str, ...]


def _ranked(threads: Sequence[Thread], base: KnowledgeBase, known: frozenset[str]) -> Iterator[_Pair]:
    """Tickets with a known citation, beside what search finds and what had been cited most until then."""
    citations = sorted(
        (message.at, article)
        for thread in threads
        for message in thread.messages
        if message.by_desk
        for article in message.cited & known
    )
    counted: Counter[str] = Counter()
    done = 0
    for thread in threads:  # by time of opening
        while done < len(citations) and citations[done][0] < thread.ticket.opened_at:
            counted[citations[done][1]] += 1
            done += 1
        cited = cited_articles(thread) & known
        if cited:
            found = consult(base, thread.ticket, limit=max(RANKS)).sources
            popular = sorted(counted, key=lambda article: (-counted[article], article))[: max(RANKS)]
            yield _Pair(cited, tuple(source.source_id for source in found), tuple(popular))


def _hits(pairs: Sequence[_Pair], rank: int) -> Hits:
    search = [not one.cited.isdisjoint(one.found[:rank]) for one in pairs]
    popular = [not one.cited.isdisjoint(one.popular[:rank]) for one in pairs]
    overall = Counter(article for one in pairs for article in one.cited)
    best = sorted(overall, key=lambda article: (-overall[article], article))[:rank]
    both = list(zip(search, popular, strict=True))
    return Hits(
        rank,
        Rate.of(sum(search), len(pairs)),
        Rate.of(sum(popular), len(pairs)),
        Rate.of(sum(not one.cited.isdisjoint(best) for one in pairs), len(pairs)),
        only_search=sum(ours and not theirs for ours, theirs in both),
        only_most_cited=sum(theirs and not ours for ours, theirs in both),
    )


def _draw(thread: Thread) -> bytes:
    return hashlib.sha256(f"knowledge-eval:{thread.ticket.ticket_id}".encode()).digest()


def _answers(agent: Any, threads: Sequence[Thread], told: Callable[[int], None]) -> list[Reply]:
    async def chunk(some: Sequence[Thread]) -> list[Reply]:
        return [await agent.answer(one.ticket, triage(one.ticket), NO_TOOLS) for one in some]

    found: list[Reply] = []
    for at in range(0, len(threads), _CHUNK):
        found += asyncio.run(chunk(threads[at : at + _CHUNK]))
        told(len(found))
    return found


def _precision(replies: Sequence[tuple[Thread, Reply]], known: frozenset[str]) -> Rate:
    """Of answers to tickets where people cited something known, those that quote one of these articles."""
    judged = [
        not cited.isdisjoint(source.source_id for source in reply.sources)
        for thread, reply in replies
        if (cited := cited_articles(thread) & known)
    ]
    return Rate.of(sum(judged), len(judged))


def _curve(pairs: Sequence[tuple[Thread, Reply]], known: frozenset[str]) -> Iterator[Point]:
    for threshold in THRESHOLDS:
        kept = [
            (thread, reply)
            for thread, reply in pairs
            if reply.action is Action.REPLY and (reply.confidence or 0.0) >= threshold
        ]
        yield Point(threshold, Rate.of(len(kept), len(pairs)), _precision(kept, known))
