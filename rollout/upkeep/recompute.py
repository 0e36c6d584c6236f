"""An assignment computed anew from what is on record: triage, unit, and the split it names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rollout.assign.assigner import Assigner
from rollout.assign.bucket import bucket
from rollout.records import Assigned, Kind
from rollout.router import NO_SAFE_STATE, assigned_from, split_of

Entry = Mapping[str, Any]
"""A record as its line in the journal has it."""

_COMPARED: Final = (
    "bucket", "arm", "reason", "detail", "eligible", "version", "step", "mode", "weight", "canary_weight",
    "holdout", "plan_digest",
)  # fmt: skip
_FROM_TRIAGE: Final = ("complexity", "urgency", "category")
_FROM_TICKET: Final = ("channel", "language", "region", "tier")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the record and the computation part."""

    name: str
    recorded: Any
    computed: Any


@dataclass(frozen=True, slots=True)
class Recomputed:
    """The assignment, computed anew."""

    possible: bool
    why_not: str | None = None
    bucket: str | None = None
    """Text, as in the journal: 64 bits do not survive every JSON reader."""
    arm: str | None = None
    reason: str | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def agrees(self) -> bool | None:
        """None where it cannot be computed."""
        return not self.differences if self.possible else None


def recomputed(entries: Sequence[Entry], transition: Entry | None, moves: Sequence[Entry]) -> Recomputed:
    """Compute a ticket's assignment anew.

    Args:
        entries: the ticket's records, oldest first.
        transition: the one the assignment names; None where there is none.
        moves: all transitions of its workflow.

    """
    first = {entry["kind"]: entry for entry in reversed(entries)}
    assignment = first.get(Kind.ASSIGNMENT)
    if assignment is None:
        imported = Kind.HISTORY in first
        return _impossible(
            "it was imported, somebody else assigned it" if imported else "it was not assigned"
        )
    if assignment.get("erased"):
        return _impossible("the customer was erased, and with the id what the bucket is computed from")
    recorded = assigned_from(assignment["payload"])
    if recorded.reason == NO_SAFE_STATE:
        return _without_split(recorded, [entry for entry in moves if entry["seq"] < assignment["seq"]])
    if transition is None:
        missing = Difference("position", recorded.position, "no transition has that number")
        return Recomputed(possible=True, differences=(missing,))
    if Kind.TICKET not in first or Kind.TRIAGE not in first:
        return _impossible("its ticket or its triage is not on record")
    return _under_split(recorded, first[Kind.TICKET]["payload"], first[Kind.TRIAGE]["payload"], transition)


def _without_split(recorded: Assigned, earlier: Sequence[Entry]) -> Recomputed:
    """Nothing was in force: right only if nothing was."""
    where = bucket("", recorded.unit)
    differences = [] if where == recorded.bucket else [Difference("bucket", str(recorded.bucket), str(where))]
    if earlier:
        differences.append(Difference("split in force", "none", f"record {earlier[-1]['seq']}"))
    return Recomputed(
        possible=True,
        bucket=str(where),
        arm="human",
        reason=NO_SAFE_STATE,
        differences=tuple(differences),
    )


def _under_split(recorded: Assigned, ticket: Entry, triage: Entry, transition: Entry) -> Recomputed:
    attributes = {name: triage[name] for name in _FROM_TRIAGE}
    attributes |= {name: ticket.get(name) for name in _FROM_TICKET}
    try:
        split = split_of(transition["workflow"], transition["payload"], transition["seq"])
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        return _impossible(f"the split of record {transition['seq']} cannot be read ({error})")
    unit = ticket["customer_id"]
    computed = Assigner(split).assign(recorded.ticket_id, unit, attributes, recorded.assigned_at)
    pairs = ((name, getattr(recorded, name), getattr(computed, name)) for name in ("unit", *_COMPARED))
    return Recomputed(
        possible=True,
        bucket=str(computed.bucket),
        arm=computed.arm,
        reason=computed.reason,
        differences=tuple(
            Difference(name, *_shown(one, other)) for name, one, other in pairs if one != other
        ),
    )


def _impossible(why: str) -> Recomputed:
    return Recomputed(possible=False, why_not=why)


def _shown(*values: Any) -> Iterator[Any]:
    return (str(value) if isinstance(value, int) and value.bit_length() > 53 else value for value in values)
