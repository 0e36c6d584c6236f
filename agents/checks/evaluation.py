"""Why a ticket goes to a person, in a form that can be recorded and read again: never anybody's text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, with what it rests on."""

    code: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What was looked at, by name: numbers, tiers, names of detectors."""
    threshold: Any = None
    """What it was held against; ``None`` where nothing can outweigh the reason."""
    hard: bool = False
    """No confidence overrules it."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that was weighed at one moment, and what came of it."""

    phase: str
    """``before`` any model was asked, or ``after`` there was a draft."""
    reasons: tuple[Reason, ...]
    """All that apply, gravest first."""
    inputs: Mapping[str, Any]
    """What was weighed whether a reason came of it or not."""
    rules: str
    """Digest of the thresholds and tables."""
    policy: str | None = None
    """Digest of the conduct policy in force; ``None`` without one."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The machine codes, gravest first."""
        return tuple(dict.fromkeys(reason.code for reason in self.reasons))

    @property
    def escalates(self) -> bool:
        return bool(self.reasons)

    def trace(self) -> Mapping[str, Any]:
        """For a decision's trace."""
        return {
            "step": "escalation",
            "phase": self.phase,
            "reasons": [
                {
                    "reason": reason.code,
                    "hard": reason.hard,
                    "inputs": dict(reason.inputs),
                    "threshold": reason.threshold,
                }
                for reason in self.reasons
            ],
            "inputs": dict(self.inputs),
            "rules": self.rules,
            "policy": self.policy,
        }


def policy_of(trace: Iterable[Mapping[str, Any]]) -> str | None:
    """The digest of the conduct policy by which a decision was made, out of its trace."""
    for step in trace:
        digest = step.get("digest") if step.get("step") == "conduct" else step.get("policy")
        if step.get("step") in ("conduct", "escalation") and isinstance(digest, str):
            return digest
    return None


def by_severity(reasons: Iterable[Reason], severity: Iterable[str]) -> tuple[Reason, ...]:
    """The reasons, gravest first; those not listed keep their order behind the others."""
    rank = {code: at for at, code in enumerate(severity)}
    return tuple(sorted(reasons, key=lambda reason: rank.get(reason.code, len(rank))))
