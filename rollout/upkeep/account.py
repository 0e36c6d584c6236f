"""The account of one ticket: what the journal says happened, who did it, and whether it follows.

The assignment is computed anew from what is on record: the triage, the unit, and the split of the
transition it names. Nothing is taken from the view, and no lock is needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson

from rollout.errors import UsageError
from rollout.record.line import each, fault
from rollout.record.reader import durable_seq
from rollout.record.segments import Line, lines, parsed
from rollout.records import Kind
from rollout.upkeep.recompute import Entry, Recomputed, recomputed


@dataclass(frozen=True, slots=True)
class Account:
    """Everything on record of one ticket, oldest first."""

    tenant: str
    workflow: str
    ticket_id: str
    entries: tuple[Entry, ...]
    transition: Entry | None
    """The one whose split the assignment obeyed."""
    plan: Entry | None
    """The record that pinned the plan in force."""
    recomputed: Recomputed
    faults: tuple[str, ...] = ()
    """Records whose payload is not what was written."""
    notes: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing contradicts the record."""
        return not self.faults and self.recomputed.agrees is not False

    def of(self, kind: Kind) -> Entry | None:
        """The ticket's first record of a kind."""
        return next((entry for entry in self.entries if entry["kind"] == kind), None)


@dataclass(slots=True)
class _Found:
    """What one pass over the journal picks up."""

    entries: list[Entry] = field(default_factory=list)
    transitions: list[Entry] = field(default_factory=list)
    plans: list[Entry] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)
    """What does not verify in a record, by its number."""


def account(
    data: Path,
    ticket_id: str,
    *,
    tenant: str = "default",
    workflow: str | None = None,
    numbers: Sequence[int] | None = None,
) -> Account:
    """Read a ticket's account out of the journal.

    Args:
        data: the data folder.
        ticket_id: of which ticket.
        tenant: whose.
        workflow: needed where several workflows have a ticket of that name.
        numbers: the only records that are looked at; all where left out.

    Raises:
        UsageError: there is no such ticket, or several workflows have one of that name.
        JournalCorrupt: the journal cannot be read up to its end.

    """
    found = _found(data, ticket_id, tenant, numbers)
    names = sorted({str(entry["workflow"]) for entry in found.entries if entry["workflow"] is not None})
    if workflow is None and len(names) > 1:
        raise UsageError(f"{ticket_id} is in several workflows, {', '.join(names)}; name one with --workflow")
    name = workflow or (names[0] if names else "")
    entries = tuple(entry for entry in found.entries if entry["workflow"] in (name, None))
    if not entries:
        raise UsageError(
            f"{data} has nothing on ticket {ticket_id!r} of tenant {tenant!r}"
            + (f" in {workflow!r}; it is in {', '.join(names)}" if workflow and names else "; check both")
        )
    assignment = next((entry for entry in entries if entry["kind"] == Kind.ASSIGNMENT), None)
    moves = [entry for entry in found.transitions if entry["workflow"] == name]
    position = assignment["payload"]["position"] if assignment else 0
    transition = next((entry for entry in moves if entry["seq"] == position), None)
    digest = transition["payload"]["plan_digest"] if transition else None
    plan = next((entry for entry in found.plans if entry["payload"].get("digest") == digest), None)
    checked = (*entries, *filter(None, (transition, plan)))
    return Account(
        tenant,
        name,
        ticket_id,
        entries,
        transition,
        plan,
        recomputed(entries, transition, moves),
        tuple(
            f"record {entry['seq']}: {found.problems[entry['seq']]}"
            for entry in checked
            if entry["seq"] in found.problems
        ),
        tuple(_notes(assignment, moves)),
    )


def _lines(journal: Path, numbers: Sequence[int] | None) -> Iterator[Line]:
    if numbers is None:
        yield from lines(journal, 0, durable_seq(journal))
        return
    done = 0
    for number in sorted(numbers):
        for line in lines(journal, number - 1, number) if number > done else ():
            done = line.last
            yield line


def _found(data: Path, ticket_id: str, tenant: str, numbers: Sequence[int] | None) -> _Found:
    """Read the journal once; only lines that may matter are parsed."""
    journal, found = data / "journal", _Found()
    marks = (orjson.dumps(ticket_id), b'"kind":"transition"', b'"kind":"config"')
    for line in _lines(journal, numbers):
        if not any(mark in line.raw for mark in marks):
            continue
        whole = parsed(line)
        if whole["tenant"] != tenant:
            continue
        problem = fault(whole, None)
        for entry in each(whole):
            if problem:
                found.problems[entry["seq"]] = problem
            if entry["kind"] == Kind.TRANSITION:
                found.transitions.append(entry)
            elif entry["kind"] == Kind.CONFIG:
                found.plans.append(entry)
            elif ticket_id in (entry["payload"].get("ticket_id"), entry["payload"].get("into")):
                found.entries.append(entry)
    return found


def _notes(assignment: Entry | None, moves: list[Entry]) -> Iterator[str]:
    """Say what is no contradiction and still worth a look."""
    if assignment is None:
        return
    position = assignment["payload"]["position"]
    decided = _moment(assignment["payload"]["assigned_at"])
    for entry in moves:
        if position < entry["seq"] < assignment["seq"] and position:
            late = (decided - _moment(entry["rec"])).total_seconds()
            when = f"{late:.3f} s before this decision" if late > 0 else "while this decision was recorded"
            yield f"record {entry['seq']} put another split in force {when}; this one obeyed the last it knew"


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)
