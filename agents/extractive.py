"""The built-in offline model: it says only what the retrieved passages say, and cites them.

No key, no network, no chance: the same question gives the same draft. It chooses sentences and adds
fixed courtesies; it writes no sentence of its own about the subject.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Final

from agents.contract import Source, Usage
from agents.models import EXTRACTIVE, Draft, Question
from agents.text import sentences, terms
from policies.vocabulary import Sentiment

LOW_RETRIEVAL: Final = "low-retrieval-confidence"

_SENTENCES: Final = 4
_SOURCES: Final = 2
_MIN_TERMS: Final = 4
"""Shorter lines are labels and table cells, not sentences."""
_NEARLY_AS_GOOD: Final = 0.8
"""A second passage is quoted only when its relevance is at least this share of the best one's."""
_USAGE: Final = Usage(model=EXTRACTIVE)
_OPENINGS: Final = {
    Sentiment.ANGRY: "I am sorry about the trouble this has caused. I want to make sure it gets resolved.",
    Sentiment.FRUSTRATED: "I am sorry this has been frustrating. I want to make sure it gets resolved.",
    Sentiment.NEUTRAL: "Thank you for your question.",
    Sentiment.POSITIVE: "Thank you for your kind words and for your question.",
}
_CLOSING: Final = "If this does not solve it, reply here and a colleague will take a look."


@dataclass(frozen=True, slots=True)
class _Candidate:
    source: int
    """Position of the passage among those retrieved."""
    position: int
    text: str
    terms: frozenset[str]


class ExtractiveModel:
    """Answers with the sentences that share most with the question; abstains when nothing is close.

    Confidence is the relevance of the best passage it quotes. On real tickets the share of quoted
    articles that people cited too grows with it, but it is a rank, not a probability.
    """

    name = EXTRACTIVE

    def __init__(self, *, idf: Callable[[str], float], min_relevance: float = 0.5) -> None:
        """``idf`` tells how much a term says; below ``min_relevance`` (0 to 1) the model abstains."""
        if not 0 <= min_relevance <= 1:
            raise ValueError(f"min_relevance == {min_relevance}, must be between 0 and 1")
        self._idf = idf
        self._min_relevance = min_relevance

    async def complete(self, question: Question) -> Draft:
        best = question.passages[0].relevance if question.passages else 0.0
        near = tuple(one for one in question.passages if one.relevance >= _NEARLY_AS_GOOD * best)
        asked = frozenset(terms(f"{question.ticket.subject} {_latest(question)}"))
        chosen = self._choose(asked, near) if near and best >= self._min_relevance else []
        if not chosen:
            return Draft("", best, reasons=(LOW_RETRIEVAL,), usage=_USAGE)
        cited = tuple(near[at] for at in dict.fromkeys(one.source for one in chosen))
        return Draft(_compose(question, chosen, near, cited), cited[0].relevance, cited, usage=_USAGE)

    def _weight(self, bag: frozenset[str]) -> float:
        return sum(map(self._idf, sorted(bag)))

    def _choose(self, asked: frozenset[str], passages: tuple[Source, ...]) -> list[_Candidate]:
        """The best sentences of at most two passages, in reading order."""
        scored = sorted(
            (
                (-self._score(asked, one, passages[one.source].relevance), one.source, one.position, one)
                for one in _candidates(passages)
                if one.terms & asked
            ),
            key=lambda row: row[:3],
        )
        chosen: list[_Candidate] = []
        for *_, one in scored:
            sources = {other.source for other in chosen} | {one.source}
            repeated = any(one.terms == other.terms for other in chosen)
            if len(sources) <= _SOURCES and not repeated and len(chosen) < _SENTENCES:
                chosen.append(one)
        return sorted(chosen, key=lambda one: (one.source, one.position))

    def _score(self, asked: frozenset[str], one: _Candidate, relevance: float) -> float:
        return relevance * self._weight(one.terms & asked) / sqrt(len(one.terms))


def _candidates(passages: tuple[Source, ...]) -> Iterator[_Candidate]:
    for source, passage in enumerate(passages):
        for position, text in enumerate(sentences(passage.passage)):
            bag = frozenset(terms(text))
            if sum(term.isalpha() for term in bag) >= _MIN_TERMS:
                yield _Candidate(source, position, text, bag)


def _latest(question: Question) -> str:
    """What the customer said last: the newest customer turn, else the ticket itself."""
    turns = [turn.text for turn in question.ticket.turns if turn.author == "customer"]
    return turns[-1] if turns else question.ticket.text


def _compose(
    question: Question, chosen: list[_Candidate], passages: tuple[Source, ...], cited: tuple[Source, ...]
) -> str:
    number = {source.source_id: at for at, source in enumerate(cited, start=1)}
    body = [f"{one.text} [{number[passages[one.source].source_id]}]" for one in chosen]
    listed = [
        f"[{number[source.source_id]}] {source.title}{f': {source.url}' if source.url else ''}"
        for source in cited
    ]
    opening = _OPENINGS[question.triage.sentiment]
    return "\n".join(["Hello,", "", opening, "", *body, "", *listed, "", _CLOSING])
