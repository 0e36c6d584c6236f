"""A shadow reply beside the human's, judged by rules that anybody can recompute.

These are heuristics and are recorded as such (rater ``heuristic``). They can sort what to look at and
show a trend; a person, or a judge calibrated on people, has to say whether a reply is right. What they
cannot decide stays undecided (``None``) and is never counted as agreement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import re2

from agents.contract import Action, Reply, Triage
from agents.text import normalise, terms
from policies.vocabulary import Sentiment

RATER: Final = "heuristic"

SIMILAR: Final = 0.25
"""Overlap from which two texts are taken to say the same. Of forum replies paired with answers to other
questions, one in twenty reaches it by chance."""
DIFFERENT: Final = 0.08
"""Overlap below which they are taken to say something else; one in twenty pairs that cite the same
article is. Between the two nothing is claimed."""
_MIN_TERMS: Final = 8
"""A shorter human reply is a pointer or a question back: overlap with it means nothing."""

ABSTENTIONS: Final = frozenset(
    {
        "low-confidence",
        "low-retrieval-confidence",
        "low-retrieval-confidence-sensitive-topic",
        "language-unsupported",
        "unusable-model-output",
    }
)
"""Hand-offs because the agent did not know, in contrast to those a person must take anyway."""

_ACKNOWLEDGES: Final = re2.compile(r"\b(?:sorry|apologi[sz]e|apologies|understand|frustrating|regret)\b")
_COURTEOUS: Final = re2.compile(r"\b(?:hello|hi|dear|thank|thanks|please|welcome|glad|happy to)\b")
_RUDE: Final = re2.compile(r"\b(?:obviously|stupid|your fault|as i already said|calm down|whatever)\b")


@dataclass(frozen=True, slots=True)
class HumanAnswer:
    """What the people at the desk said to the same ticket."""

    text: str
    cited: frozenset[str] = frozenset()
    """Articles they pointed at, by id."""
    escalated: bool | None = None
    """Whether they passed it on; ``None`` where nobody can tell."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """1, 0 or ``None`` (undecided) each."""

    accuracy: float | None
    tone: float | None
    policy: float | None
    agreement: float | None
    abstained: bool


def judge(
    reply: Reply,
    triage: Triage,
    human: HumanAnswer | None,
    *,
    known: frozenset[str] = frozenset(),
    weight: Callable[[str], float] = lambda _: 1.0,
) -> Judgement:
    """Judge a shadow reply.

    *Accuracy*: 1 when it cites an article the human cited, or overlaps with the human's text by
    ``SIMILAR`` or more; 0 when the human cited articles the agent knows and it used none of them, or
    the overlap is below ``DIFFERENT``. *Tone*: courteous, no rude phrase, no shouting, and a
    frustrated customer is acknowledged. *Policy*: no violation was found. *Agreement*: both handed
    off or both answered; two answers agree when the accuracy is 1. An abstention only agrees or
    disagrees when it is known what the human did with the ticket: answering what the agent could not
    is no disagreement about the answer.

    Args:
        reply: what the agent would have done.
        triage: of the ticket.
        human: ``None`` when nobody answered.
        known: ids of the articles the agent could have cited.
        weight: how much a shared term tells, e.g. its inverse document frequency.

    """
    abstained = reply.action is Action.HAND_OFF and bool(ABSTENTIONS & set(reply.reasons[:1]))
    policy = float(not reply.violations)
    if reply.action is Action.HAND_OFF:
        agreement = None
        if human is not None and human.escalated is not None and not (abstained and not human.escalated):
            agreement = float(human.escalated)
        return Judgement(None, None, policy, agreement, abstained)
    accuracy = None if human is None else _accuracy(reply, human, known, weight)
    agreement = 0.0 if human is not None and human.escalated else accuracy
    return Judgement(accuracy, _tone(reply.text, triage), policy, agreement, abstained=False)


def overlap(one: str, other: str, weight: Callable[[str], float] = lambda _: 1.0) -> float:
    """Weighted Dice coefficient of the two texts' term sets: 0 nothing shared, 1 the same terms."""
    a, b = frozenset(terms(one)), frozenset(terms(other))

    def total(bag: frozenset[str]) -> float:
        return sum(map(weight, sorted(bag)))  # sorted: sums of floats depend on their order

    both = total(a) + total(b)
    return 2 * total(a & b) / both if both else 0.0


def _accuracy(
    reply: Reply, human: HumanAnswer, known: frozenset[str], weight: Callable[[str], float]
) -> float | None:
    used = {source.source_id for source in reply.sources}
    if used & human.cited:
        return 1.0
    if human.cited & known:
        return 0.0
    if len(frozenset(terms(human.text))) < _MIN_TERMS:
        return None
    said = "\n".join([reply.text, *(source.passage for source in reply.sources)])
    shared = max(overlap(reply.text, human.text, weight), overlap(said, human.text, weight))
    if shared >= SIMILAR:
        return 1.0
    return 0.0 if shared < DIFFERENT else None


def _tone(text: str, triage: Triage) -> float:
    plain = normalise(text)
    lower = plain.lower()
    letters = [char for char in plain if char.isalpha()]
    shouts = sum(char.isupper() for char in letters) > 0.5 * max(len(letters), 1)
    upset = triage.sentiment in {Sentiment.ANGRY, Sentiment.FRUSTRATED}
    return float(
        bool(_COURTEOUS.search(lower))
        and not _RUDE.search(lower)
        and not shouts
        and (not upset or bool(_ACKNOWLEDGES.search(lower)))
    )
