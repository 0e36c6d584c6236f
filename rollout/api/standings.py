"""What the journal says about each rollout: the plan it is pinned to and where it stands.

The door needs nothing else to pause or abort, so both work while everything that measures is away.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from policies.load import plan_from_json
from policies.plan import Plan
from rollout.errors import UnknownWorkflow
from rollout.ladder.state import LadderState
from rollout.ladder.transition import Transition
from rollout.record.journal import Journal, Receipt
from rollout.record.segments import decoded, lines
from rollout.records import Event, Kind, Record
from rollout.router import Router

_log = logging.getLogger(__name__)

_KINDS: Final = (Kind.TRANSITION.value, Kind.CONFIG.value)
_MARKS: Final = tuple(f'"{kind}"'.encode() for kind in _KINDS)


def decisive(folder: Path) -> Iterator[Record]:
    """The journal's transitions and pinned plans, without decoding the millions of others."""
    for line in lines(folder):
        if any(mark in line.raw for mark in _MARKS):
            yield from (record for record in decoded(line) if record.kind in _KINDS)


class Standings:
    """Positions of all rollouts, and the only place where a position changes. Thread-safe."""

    def __init__(self, journal: Journal, router: Router) -> None:
        self._journal = journal
        self._router = router
        self._plans: dict[str, Plan] = {}
        self._positions: dict[tuple[str, str], tuple[LadderState, int]] = {}
        self._changing = threading.Lock()

    def learn(self, records: Iterable[Record]) -> None:
        """Take in what was recorded, oldest first."""
        for record in records:
            if record.kind == Kind.CONFIG and "plan" in record.payload:
                self._plans[record.payload["digest"]] = plan_from_json(record.payload["plan"])
            elif record.kind == Kind.TRANSITION and record.workflow is not None:
                self._take(record)
                self._router.follow([record])

    def workflows(self) -> list[tuple[str, str]]:
        """Tenant and name of every workflow that has a position."""
        return sorted(self._positions)

    def standing(self, tenant: str, workflow: str) -> tuple[Plan, LadderState, int]:
        """The pinned plan, the state and the number of the transition that made it.

        Raises:
            UnknownWorkflow: no rollout of it was ever started.

        """
        if (tenant, workflow) not in self._positions:
            known = ", ".join(name for owner, name in self.workflows() if owner == tenant) or "none"
            raise UnknownWorkflow(f"no rollout of {workflow!r} has been started; known: {known}")
        state, seq = self._positions[tenant, workflow]
        return self._plans[state.plan_digest], state, seq

    def change(
        self, tenant: str, workflow: str, make: Callable[[Plan, LadderState], Transition]
    ) -> Transition:
        """Record the transition that ``make`` derives from the newest state, and obey it.

        Nobody else changes a position meanwhile, so an order that was given cannot be overtaken.

        Raises:
            UnknownWorkflow: no rollout of it was ever started.
            TransitionRefused: the ladder does not allow it.

        """
        with self._changing:
            plan, state, position = self.standing(tenant, workflow)
            transition = make(plan, state)
            # As the controller names it: one successor per position, so one of two rivals loses.
            event = Event(
                event_id=f"transition:{workflow}:{position}",
                kind=Kind.TRANSITION,
                occurred_at=transition.at,
                payload=transition.record(),
                tenant=tenant,
                workflow=workflow,
                actor=transition.actor,
            )
            self._record([event])
        return transition

    def record(self, events: Sequence[Event]) -> list[Receipt]:
        """Record what the controller decided, and obey it.

        Raises:
            ConflictingEvent: the position has changed since it was judged.

        """
        with self._changing:
            return self._record(events)

    def _record(self, events: Sequence[Event]) -> list[Receipt]:
        receipts = self._journal.append(events)
        self.learn(self._journal.read(min(receipt.seq for receipt in receipts) - 1))
        return receipts

    def _take(self, record: Record) -> None:
        try:
            state = LadderState.from_json(record.payload["state"])
        except (KeyError, ValueError):
            # As the router: a transition that cannot be read leaves the last good position.
            _log.exception(
                "transition %s of %s is unreadable; the position stays", record.seq, record.workflow
            )
            return
        self._positions[record.tenant, str(record.workflow)] = (state, record.seq)
