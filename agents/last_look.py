"""The last look at a draft: what speaks against sending it, and what may be sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.case import Case
from agents.checks import escalation, validator
from agents.checks.conduct import Context, Examined
from agents.checks.escalation import EscalationRules
from agents.checks.leaks import leaks
from agents.checks.results import grounds_of
from agents.checks.violations import Outcome
from agents.models import Draft
from agents.text import normalise

BLOCKED: Final = "reply-broke-a-rule"
LEAKAGE: Final = "potential_pii_leakage"


@dataclass(frozen=True, slots=True)
class Look:
    """What came of it."""

    reasons: tuple[str, ...]
    """Why a person has to answer, gravest first; none where the text may be sent."""
    violations: tuple[str, ...] = ()
    """The rules that stop it, for the record. What is only warned of stands in the trace."""
    text: str = ""
    """What may be sent."""
    to_mend: tuple[str, ...] = ()
    """Where writing it once more would do: what is wrong with it, in words."""


def look(
    case: Case,
    draft: Draft,
    rules: EscalationRules,
    *,
    prohibited_phrases: Sequence[str] = validator.PROHIBITED_PHRASES,
    again: bool = False,
) -> Look:
    """Weigh a draft and examine its text.

    Args:
        case: what is known; what is found here is added to its checks.
        draft: with a text.
        rules: thresholds of the version.
        prohibited_phrases: where the version names no policy.
        again: it has been rewritten once, and is not rewritten again.

    """
    reasons: list[str] = []
    for reading in case.readings:
        weighed = escalation.weigh(
            reading,
            confidence=draft.confidence,
            retrieval_confidence=case.findings.confidence,
            rules=rules,
            conduct=case.conduct,
        )
        reasons += weighed.codes
        case.checks.append(weighed.trace())
    if case.conduct is None:
        violations = _common(case, draft.text, prohibited_phrases)
        found = escalation.ordered([*reasons, *([BLOCKED] if violations else [])])
        return Look(found, violations, "" if found else draft.text)
    examined = case.conduct.examine(draft.text, _context(case), again=again)
    case.checks.append(examined.trace())
    return _by_policy(examined, reasons)


def _by_policy(examined: Examined, reasons: Sequence[str]) -> Look:
    if examined.outcome in (Outcome.SEND, Outcome.REDACT):
        return Look(escalation.ordered(reasons), (), "" if reasons else examined.text)
    if examined.outcome is Outcome.REWRITE and not reasons:
        broken = {one.rule for one in examined.violations if one.enforced}
        rules = [rule for rule in examined.policy.rules if rule.code in broken]
        wrong = tuple(rule.message or f'It says "{rule.text}".' for rule in rules)
        return Look((BLOCKED,), examined.codes, to_mend=wrong)
    grave = examined.outcome is Outcome.ESCALATE
    code = escalation.CONDUCT_BREACH if grave else BLOCKED
    return Look(escalation.ordered([*reasons, code]), examined.codes)


def _context(case: Case) -> Context:
    said, known = _grounds(case)
    region = (case.ticket.region or "").strip().upper()
    return Context(
        customer=said,
        knowledge=known,
        tools=grounds_of(case.results),
        language=case.run.language,
        regions=(region,) if len(region) == 2 else (),
    )


def _common(case: Case, text: str, prohibited_phrases: Sequence[str]) -> tuple[str, ...]:
    said, known = _grounds(case)
    grounds = (*said, *known, *grounds_of(case.results))
    violations = validator.validate(text, grounds, prohibited_phrases=prohibited_phrases)
    leaked = any(True for _ in leaks(normalise(text), grounds))
    return (*violations, LEAKAGE) if leaked else violations


def _grounds(case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the customer said and was told, and what was retrieved."""
    ticket = case.ticket
    said = (ticket.subject, ticket.text, *(turn.text for turn in ticket.turns))
    sources = case.findings.sources
    return said, tuple(f"{one.title}\n{one.passage}\n{one.url or ''}" for one in sources)
