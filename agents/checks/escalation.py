"""When a person takes over. Every reason that applies is recorded, most severe first.

``before`` runs ahead of any model and cannot be overruled by confidence; ``after`` weighs a draft.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from agents.contract import Ticket, Triage
from agents.roles.rules import DEFAULT, HARD_TRIGGERS, TriageRules
from agents.roles.triage import LANGUAGE_UNSUPPORTED, detect, read_sentiment
from policies.vocabulary import Sentiment

TRIGGER_REASONS: Final[Mapping[str, str]] = {
    "safety": "safety-concern",
    "security": "security-concern",
    "legal-language": "legal-language-detected",
    "regulatory": "regulatory-reference",
    "asks-for-human": "asked-for-human",
}
TIER_POLICY: Final = "tier-policy"
DEGRADATION: Final = "sentiment-degradation"
MAX_TURNS: Final = "max-turns-reached"
LOW_CONFIDENCE: Final = "low-confidence"
LOW_RETRIEVAL_SENSITIVE: Final = "low-retrieval-confidence-sensitive-topic"

HARD_REASONS: Final = tuple(TRIGGER_REASONS[trigger] for trigger in HARD_TRIGGERS)
SEVERITY: Final = (
    *HARD_REASONS,
    TIER_POLICY,
    DEGRADATION,
    MAX_TURNS,
    LANGUAGE_UNSUPPORTED,
    LOW_RETRIEVAL_SENSITIVE,
)
"""Most severe first; reasons not listed follow in the order they were found."""

_TURNS_OF_FRUSTRATION: Final = 3


@dataclass(frozen=True, slots=True)
class EscalationRules:
    """Thresholds of one agent version; a changed one makes a new version."""

    min_confidence: float
    """Drafts below it go to a human. On the model's own scale, so there is no default."""
    max_turns: int = 4
    """Agent replies a conversation may have; the next turn is a human's."""
    min_retrieval_sensitive: float = 0.5
    sensitive_categories: frozenset[str] = frozenset({"billing"})
    human_only: frozenset[tuple[str, str]] = frozenset({("enterprise", "billing")})
    """(tier, category) pairs that always go to a human."""

    def __post_init__(self) -> None:
        for name in ("min_confidence", "min_retrieval_sensitive"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} == {getattr(self, name)}, must be between 0 and 1")
        if self.max_turns < 1:
            raise ValueError(f"max_turns == {self.max_turns}, must be at least 1")


def before(
    ticket: Ticket, triage: Triage, rules: EscalationRules, vocabulary: TriageRules = DEFAULT
) -> tuple[str, ...]:
    """Reasons that need no model.

    The hard triggers are looked for again in everything the customer said, because the triage may
    be older than the newest turn, and come from elsewhere.
    """
    said = _customer_texts(ticket)
    signals = {*triage.signals, *(name for text in said for name in detect(text, vocabulary))}
    found = [reason for trigger, reason in TRIGGER_REASONS.items() if trigger in signals]
    if ((ticket.tier or "").lower(), triage.category) in rules.human_only:
        found.append(TIER_POLICY)
    if _degrades(triage, said, vocabulary):
        found.append(DEGRADATION)
    if sum(turn.author == "agent" for turn in ticket.turns) >= rules.max_turns:
        found.append(MAX_TURNS)
    if LANGUAGE_UNSUPPORTED in triage.signals:
        found.append(LANGUAGE_UNSUPPORTED)
    return ordered(found)


def after(
    triage: Triage, *, confidence: float | None, retrieval_confidence: float, rules: EscalationRules
) -> tuple[str, ...]:
    """Reasons that weigh a draft. A confidence that is not given, or is no number, is a low one."""
    found = []
    if confidence is None or not confidence >= rules.min_confidence:
        found.append(LOW_CONFIDENCE)
    legal = {"legal-language", "regulatory"} & set(triage.signals)
    sensitive = triage.category in rules.sensitive_categories or bool(legal)
    if sensitive and not retrieval_confidence >= rules.min_retrieval_sensitive:
        found.append(LOW_RETRIEVAL_SENSITIVE)
    return ordered(found)


def ordered(reasons: Iterable[str]) -> tuple[str, ...]:
    """The reasons without repeats, most severe first."""
    unique = list(dict.fromkeys(reasons))
    rank = {reason: at for at, reason in enumerate(SEVERITY)}
    return tuple(sorted(unique, key=lambda reason: (rank.get(reason, len(SEVERITY)), unique.index(reason))))


def _customer_texts(ticket: Ticket) -> list[str]:
    opening = f"{ticket.subject}\n{ticket.text}"
    return [opening, *(turn.text for turn in ticket.turns if turn.author == "customer")]


def _degrades(triage: Triage, said: list[str], vocabulary: TriageRules) -> bool:
    """Angry once is enough, at any turn; frustration that lasts to the third turn is too.

    The sentiment of the triage counts for the opening, each later turn is read on its own.
    """
    series = [triage.sentiment, *(read_sentiment(text, vocabulary) for text in said[1:])]
    if Sentiment.ANGRY in series:
        return True
    return len(series) >= _TURNS_OF_FRUSTRATION and series[-1] is Sentiment.FRUSTRATED
