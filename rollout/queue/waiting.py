"""One ticket that waits for a person, and the order in which they wait."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from agents.checks.escalation import HARD_REASONS, SEVERITY
from policies.vocabulary import Urgency

What = Literal["hand_off", "draft"]
State = Literal["open", "claimed", "done"]

TIERS: Final = ("enterprise", "vip", "premium", "business", "pro")
"""Who is served first among equally severe ones; tiers of other names follow, in the order they came."""
_PER_SEVERITY: Final = 100


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket at the desk as it stands. Texts by reference."""

    ticket_id: str
    workflow: str | None
    kind: What
    number: int
    """The how-manieth time it waits here."""
    queue: str
    state: State
    severity: int
    """0: a hard trigger or critical; 1: another grave reason; 2: the rest."""
    urgency: str | None
    tier: str | None
    category: str | None
    version: str | None
    """Of the agent that handed it off or wrote the draft, where it is known."""
    message: int
    """The customer's message that waits for an answer; the opening is 1."""
    reasons: tuple[str, ...]
    violations: tuple[str, ...]
    since: datetime
    seq: int
    """The record that put it here."""
    packet: str | None
    draft: str | None
    claimed_by: str | None
    claimed_at: datetime | None
    claims: int
    """Changes of who looks after it, ever."""
    done_at: datetime | None

    @property
    def cursor(self) -> str:
        """Its place among those that wait, for paging."""
        return f"{rank(self.severity, self.tier)}:{self.seq}"


def severity(reasons: Iterable[str], urgency: str | None) -> int:
    """How grave it is; see ``Waiting.severity``."""
    found = set(reasons)
    if urgency == Urgency.CRITICAL or found & set(HARD_REASONS):
        return 0
    return 1 if found & set(SEVERITY) else 2


def rank(grave: int, tier: str | None) -> int:
    """The order of waiting: by severity, then by tier; equals by when they came."""
    name = (tier or "").strip().lower()
    return grave * _PER_SEVERITY + (TIERS.index(name) if name in TIERS else len(TIERS))


def of_row(row: Any) -> Waiting:
    """A row of the file."""
    import orjson

    told = dict(row)
    for name in ("since", "claimed_at", "done_at"):
        told[name] = None if told[name] is None else datetime.fromisoformat(told[name])
    for name in ("reasons", "violations"):
        told[name] = tuple(orjson.loads(told[name]))
    return Waiting(**{name: told[name] for name in Waiting.__slots__})
