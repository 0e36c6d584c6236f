"""What was found in a text and what follows from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from policies.conduct import ON_FAIL, SEVERITIES, OnFail, RuleMode, Severity
from policies.effective import Rule


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a text breaks, and where: ``start`` to ``end`` of the normalised text.

    An empty span means the text as a whole. Holds nothing of the text itself.
    """

    rule: str
    """Its code, e.g. ``prohibited_topic:legal_advice``."""
    severity: Severity
    on_fail: OnFail
    mode: RuleMode = "enforce"
    start: int = 0
    end: int = 0

    @property
    def enforced(self) -> bool:
        return self.mode == "enforce"


class Outcome(StrEnum):
    """What becomes of a reply, from the mildest."""

    SEND = "send"
    REDACT = "redact"
    REWRITE = "rewrite"
    BLOCK = "block"
    ESCALATE = "escalate"


def violation(rule: Rule, start: int = 0, end: int = 0) -> Violation:
    """A breach of a rule at a place."""
    return Violation(rule.code, rule.severity, rule.on_fail, rule.mode, start, end)


def ordered(found: Iterable[Violation]) -> tuple[Violation, ...]:
    """Enforced ones first, then the gravest, then by place; nothing twice."""
    return tuple(
        sorted(
            set(found),
            key=lambda one: (not one.enforced, -SEVERITIES.index(one.severity), one.start, one.end, one.rule),
        )
    )


def outcome(found: Iterable[Violation], *, again: bool = False) -> Outcome:
    """The strictest thing that any enforced rule asks for.

    Args:
        found: everything that was found.
        again: the text is a rewritten one already: it is not rewritten twice but left to a person.

    """
    asked = [one for one in found if one.enforced]
    if not asked:
        return Outcome.SEND
    strictest = max((one.on_fail for one in asked), key=ON_FAIL.index)
    if strictest == "warn":
        return Outcome.SEND
    if strictest == "rewrite" and again:
        return Outcome.BLOCK
    spanless = any(one.on_fail == "redact" and one.end <= one.start for one in asked)
    if strictest == "redact" and spanless:  # nothing to blank: the text as a whole is what is wrong
        return Outcome.BLOCK
    return Outcome(strictest)


def traced(found: Iterable[Violation]) -> list[Mapping[str, Any]]:
    """For a trace: rules and places, no text."""
    return [
        {
            "rule": one.rule,
            "severity": one.severity,
            "mode": one.mode,
            "on_fail": one.on_fail,
            "span": [one.start, one.end],
        }
        for one in found
    ]
