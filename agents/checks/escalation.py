"""When a person takes over. Every reason that applies is recorded, most severe first.

What is looked at ``before`` needs no model and cannot be overruled by confidence; ``after`` weighs a
draft. Both are deterministic: the same ticket gives the same reasons.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Final

from agents.checks.conduct import Conduct
from agents.checks.evaluation import Evaluation, Reason, by_severity
from agents.checks.mood import TURNS_OF_FRUSTRATION, degrades, trend
from agents.contract import Ticket, Triage
from agents.roles.rules import DEFAULT, HARD_TRIGGERS, TriageRules
from agents.roles.triage import LANGUAGE_UNSUPPORTED, detect, read_sentiment
from policies.canonical import canonical
from policies.route_table import Kept, in_force
from policies.vocabulary import Complexity, Sentiment, Urgency

TRIGGER_REASONS: Final[Mapping[str, str]] = {
    "safety": "safety-concern",
    "security": "security-concern",
    "legal-language": "legal-language-detected",
    "regulatory": "regulatory-reference",
    "asks-for-human": "asked-for-human",
}
SENSITIVE_TOPIC: Final = "sensitive-topic"
BILLING_SPECIALIST: Final = "billing-specialist"
CONDUCT_BREACH: Final = "grave-conduct-breach"
"""A draft broke a rule whose ``on_fail`` is ``escalate``."""
TIER_POLICY: Final = "tier-policy"
DEGRADATION: Final = "sentiment-degradation"
MAX_TURNS: Final = "max-turns-reached"
UNCALIBRATED: Final = "uncalibrated-triage"
LOW_CONFIDENCE: Final = "low-confidence"
LOW_RETRIEVAL_SENSITIVE: Final = "low-retrieval-confidence-sensitive-topic"

HARD_REASONS: Final = tuple(TRIGGER_REASONS[trigger] for trigger in HARD_TRIGGERS)
SEVERITY: Final = (
    *HARD_REASONS,
    SENSITIVE_TOPIC,
    CONDUCT_BREACH,
    BILLING_SPECIALIST,
    TIER_POLICY,
    DEGRADATION,
    MAX_TURNS,
    LANGUAGE_UNSUPPORTED,
    UNCALIBRATED,
    LOW_RETRIEVAL_SENSITIVE,
)
"""Most severe first; reasons not listed follow in the order they were found."""

_ACTIONS: Final[Mapping[str, str]] = {
    "escalate_immediately": SENSITIVE_TOPIC,
    "escalate_to_billing_specialist": BILLING_SPECIALIST,
}
_OVERLAP: Final = 1000
_SHORT_LINE: Final = 60


@dataclass(frozen=True)
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
    kept: tuple[Kept, ...] = field(default_factory=lambda: tuple(in_force().kept_with_people))
    """Tier, category and subtype that always go to a human, as the route table has them."""
    calibrated: bool = field(default_factory=lambda: in_force().calibrated)
    """Whether an agent may have what the triage found both urgent and unreadable."""

    def __post_init__(self) -> None:
        for name in ("min_confidence", "min_retrieval_sensitive"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} == {getattr(self, name)}, must be between 0 and 1")
        if self.max_turns < 1:
            raise ValueError(f"max_turns == {self.max_turns}, must be at least 1")

    @cached_property
    def digest(self) -> str:
        """64 hexadecimal digits over every threshold and table."""
        content = asdict(self) | {
            "sensitive_categories": sorted(self.sensitive_categories),
            "human_only": sorted(map(list, self.human_only)),
            "kept": [row.model_dump(mode="json") for row in self.kept],
        }
        return hashlib.sha256(canonical(content)).hexdigest()


def before(
    ticket: Ticket,
    triage: Triage,
    rules: EscalationRules,
    vocabulary: TriageRules = DEFAULT,
    conduct: Conduct | None = None,
) -> tuple[str, ...]:
    """Reasons that need no model, as codes."""
    return evaluate(ticket, triage, rules, vocabulary, conduct).codes


def evaluate(
    ticket: Ticket,
    triage: Triage,
    rules: EscalationRules,
    vocabulary: TriageRules = DEFAULT,
    conduct: Conduct | None = None,
) -> Evaluation:
    """Reasons that need no model, with what they rest on.

    The hard triggers are looked for again in everything the customer said, because the triage may
    be older than the newest turn, and come from elsewhere. Saying more never takes one away.
    """
    said = _customer_texts(ticket)
    found_in = {text_at: set(_signals(text, vocabulary)) for text_at, text in enumerate(said)}
    signals = set(triage.signals).union(*found_in.values())
    series = [triage.sentiment, *(read_sentiment(text, vocabulary) for text in said[1:])]
    replies = sum(turn.author == "agent" for turn in ticket.turns)
    tier = (ticket.tier or "").strip().lower()
    found = [
        *_triggers(signals, triage, found_in),
        *_sensitive(conduct, said, signals),
        *_kept(rules, tier, triage.category, signals),
        *_gradual(rules, series, replies),
    ]
    if LANGUAGE_UNSUPPORTED in triage.signals:
        found.append(
            Reason(LANGUAGE_UNSUPPORTED, {"language": ticket.language}, sorted(vocabulary.languages))
        )
    urgent = triage.urgency in (Urgency.HIGH, Urgency.CRITICAL)
    if not rules.calibrated and urgent and triage.complexity is Complexity.UNKNOWN:
        inputs = {"urgency": triage.urgency.value, "complexity": triage.complexity.value}
        found.append(Reason(UNCALIBRATED, inputs, {"calibrated": False}))
    return Evaluation(
        phase="before",
        reasons=by_severity(found, SEVERITY),
        inputs={
            "tier": tier or None,
            "category": triage.category,
            "signals": sorted(signals),
            "sentiment": [one.value for one in series],
            "trend": trend(series),
            "agent_replies": replies,
            "triage": triage.version,
        },
        rules=rules.digest,
        policy=conduct.policy.digest if conduct else None,
    )


def after(
    triage: Triage, *, confidence: float | None, retrieval_confidence: float, rules: EscalationRules
) -> tuple[str, ...]:
    """Reasons that weigh a draft, as codes."""
    weighed = weigh(triage, confidence=confidence, retrieval_confidence=retrieval_confidence, rules=rules)
    return weighed.codes


def weigh(
    triage: Triage,
    *,
    confidence: float | None,
    retrieval_confidence: float,
    rules: EscalationRules,
    conduct: Conduct | None = None,
) -> Evaluation:
    """Reasons that weigh a draft. A confidence that is not given, or is no number, is a low one.

    Exactly the threshold is enough. These reasons are added to those of ``evaluate``; none of them,
    nor the absence of all, takes one of those away.
    """
    found = []
    if confidence is None or not confidence >= rules.min_confidence:
        found.append(Reason(LOW_CONFIDENCE, {"confidence": confidence}, rules.min_confidence))
    legal = {"legal-language", "regulatory"} & set(triage.signals)
    sensitive = triage.category in rules.sensitive_categories or bool(legal)
    if sensitive and not retrieval_confidence >= rules.min_retrieval_sensitive:
        inputs = {
            "retrieval_confidence": retrieval_confidence,
            "category": triage.category,
            "signals": sorted(legal),
        }
        found.append(Reason(LOW_RETRIEVAL_SENSITIVE, inputs, rules.min_retrieval_sensitive))
    return Evaluation(
        phase="after",
        reasons=by_severity(found, SEVERITY),
        inputs={
            "confidence": confidence,
            "retrieval_confidence": retrieval_confidence,
            "category": triage.category,
            "sensitive": sensitive,
        },
        rules=rules.digest,
        policy=conduct.policy.digest if conduct else None,
    )


def ordered(reasons: Iterable[str]) -> tuple[str, ...]:
    """The reasons without repeats, most severe first."""
    unique = list(dict.fromkeys(reasons))
    rank = {reason: at for at, reason in enumerate(SEVERITY)}
    return tuple(sorted(unique, key=lambda reason: (rank.get(reason, len(SEVERITY)), unique.index(reason))))


def _triggers(signals: set[str], triage: Triage, found_in: Mapping[int, set[str]]) -> Iterator[Reason]:
    for trigger, code in TRIGGER_REASONS.items():
        if trigger in signals:
            messages = [at for at, names in found_in.items() if trigger in names]
            inputs = {"trigger": trigger, "messages": messages, "by_triage": trigger in triage.signals}
            yield Reason(code, inputs, hard=True)


def _sensitive(conduct: Conduct | None, said: Sequence[str], signals: set[str]) -> Iterator[Reason]:
    for topic in conduct.sensitive(said, signals) if conduct else ():
        code = _ACTIONS[topic.rule.action or "escalate_immediately"]
        yield Reason(code, {"topic": topic.rule.name}, topic.rule.threshold_usd, hard=True)


def _kept(rules: EscalationRules, tier: str, category: str, signals: set[str]) -> Iterator[Reason]:
    if (tier, category) in rules.human_only:
        yield Reason(TIER_POLICY, {"tier": tier, "category": category}, hard=True)
        return
    for row in rules.kept:
        asked = ((row.tier, {tier}), (row.category, {category}), (row.subtype, signals))
        if all(wanted is None or wanted in there for wanted, there in asked):
            inputs = {"tier": tier, "category": category, "subtype": row.subtype, "because": row.because}
            yield Reason(TIER_POLICY, inputs, hard=True)
            return


def _gradual(rules: EscalationRules, series: Sequence[Sentiment], replies: int) -> Iterator[Reason]:
    if degrades(series):
        inputs = {"series": [one.value for one in series], "trend": trend(series)}
        yield Reason(DEGRADATION, inputs, {"turns": TURNS_OF_FRUSTRATION})
    if replies >= rules.max_turns:
        yield Reason(MAX_TURNS, {"agent_replies": replies}, rules.max_turns)


def _customer_texts(ticket: Ticket) -> list[str]:
    opening = f"{ticket.subject}\n{ticket.text}"
    return [opening, *(turn.text for turn in ticket.turns if turn.author == "customer")]


def _signals(text: str, vocabulary: TriageRules) -> Iterator[str]:
    """Signals of a text, of all its parts if it is endless, and of its short lines by themselves.

    The triage reads both ends of an endless text only, and takes a lone word for what it is only where
    nothing stands beside it. For a trigger that must not be: more text would switch it off.
    """
    size = vocabulary.max_chars
    for start in range(0, max(len(text), 1), max(size - _OVERLAP, 1)):
        yield from detect(text[start : start + size], vocabulary)
    for line in text.splitlines():
        if line.strip() and len(line) <= _SHORT_LINE:
            yield from detect(line, vocabulary)
