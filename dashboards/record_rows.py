"""What the API tells of one ticket's story and of a plan held against the history."""

from typing import Any, TypedDict


class EntryRow(TypedDict):
    """One record of a ticket."""

    seq: int
    at: str
    kind: str
    actor: str
    erased: bool
    told: dict[str, Any]
    """What the record says, without texts and without the customer."""


class SplitRow(TypedDict):
    step: str
    mode: str
    stable: str
    weight: float
    canary: str | None
    canary_weight: float
    holdout: float


class SaidRow(TypedDict):
    metric: str
    verdict: str
    sentence: str


class PinRow(TypedDict):
    seq: int
    actor: str
    digest: str
    at: str


class MoveRow(TypedDict):
    """The transition that an assignment obeyed, and what its gate had said."""

    seq: int
    at: str
    actor: str
    action: str
    reason: str
    sentence: str
    split: SplitRow
    metrics: list[SaidRow]
    plan: PinRow | None


class DifferenceRow(TypedDict):
    name: str
    recorded: Any
    computed: Any


class RecomputedRow(TypedDict):
    agrees: bool | None
    """None where it cannot be computed: ``why_not`` says why."""
    why_not: str | None
    bucket: str | None
    arm: str | None
    reason: str | None
    differences: list[DifferenceRow]


class StoryRow(TypedDict):
    ticket_id: str
    workflow: str
    entries: list[EntryRow]
    in_force: MoveRow | None
    recomputed: RecomputedRow
    sound: bool
    faults: list[str]
    notes: list[str]


class LookRow(TypedDict):
    """One moment at which a plan's gates were asked."""

    as_of: str
    data_step: str | None
    tickets: int
    step: str
    status: str
    decision: str
    reason: str
    sentence: str
    moved_to: str | None
    outlook: str


class EndRow(TypedDict):
    step: str
    status: str


class WalkRow(TypedDict):
    """A finished backtest."""

    looks: list[LookRow]
    moves: list[LookRow]
    final: EndRow
    notes: list[str]
    caveat: str


class BacktestRow(TypedDict):
    """How a backtest stands."""

    workflow: str
    every: str
    state: str
    """``waiting``, ``running``, ``done`` or ``failed``."""
    done: int
    looks: int
    result: WalkRow | None
    why: str | None
