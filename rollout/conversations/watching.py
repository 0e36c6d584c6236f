"""Shadow runs beside live tickets, in the background; the live path never waits for them.

A run costs the process that answers customers about as much as a ticket. It therefore waits in line until
that has time to spare, and while a flood lasts nothing is watched: what finds the line full is shed and
counted.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from time import monotonic, process_time
from typing import Any, Final

from agents.contract import Agent, Ticket
from agents.roles.triage import triage as common_triage
from policies.vocabulary import Mode
from rollout.clock import Clock
from rollout.conversations.answering import NO_TOOLSETS, Toolsets
from rollout.conversations.book import Records
from rollout.errors import ConflictingEvent, RecordError
from rollout.handle.shadow import Shadow, ShadowLimits
from rollout.record.content import ContentStore, Text
from rollout.record.journal import Journal
from rollout.records import Assigned, Event

LINE: Final = 200
"""Tickets that wait to be watched; one more is not watched."""
_UNTOLD: Final = 500
"""Tickets that were not watched, until they are recorded, calm or not."""
_LOOK: Final = 0.01
_LATE: Final = 0.01
"""Seconds between two looks at the loop, and by how much it may be late for one to be called on time."""
_SHARE: Final = 0.5
_WINDOW: Final = 0.25
"""Of a processor, what the process may take for live tickets and runs together, over so many seconds."""

Limits = Callable[[str, Assigned, str], ShadowLimits | None]
"""By tenant, assignment and workflow; None watches nothing."""

_log = logging.getLogger(__name__)


class Watching:
    """Lets agents answer beside the humans."""

    def __init__(
        self,
        desk: Records,
        journal: Journal,
        content: ContentStore,
        agent_of: Callable[[str], Agent],
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._desk = desk
        self._journal = journal
        self._content = content
        self.agent_of = agent_of
        self._clock = clock
        self._limits = limits
        self.tools: Toolsets = NO_TOOLSETS
        """What agents may use."""
        self._shadows: dict[tuple[str, str, str, str], Shadow] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._line: deque[tuple[Context, Shadow, Ticket, Assigned]] = deque()
        """Each with where it comes from: a run belongs to the trace of its own ticket."""
        self._shed: list[Event] = []
        self._usher: asyncio.Task[None] | None = None
        """Has what is in line begun; there is one while anything is."""
        self.is_calm = Calm().look

    def begin(self, ticket: Ticket, assigned: Assigned) -> None:
        """Let the agent of a shadow step answer too, where its limits allow it."""
        if assigned.mode != Mode.SHADOW or assigned.version is None or not assigned.eligible:
            return
        key = (ticket.tenant, ticket.workflow, assigned.step, assigned.version)
        if key not in self._shadows:
            limits = self._limits(ticket.tenant, assigned, ticket.workflow)
            if limits is None:
                return
            self._shadows[key] = Shadow(self.agent_of(assigned.version), limits)
        shadow = self._shadows[key]
        if len(self._line) < LINE:
            self._line.append((copy_context(), shadow, ticket, assigned))
        else:
            self._shed.append(shadow.shed(ticket, self._clock.now()).event({}))
        if self._usher is None or self._usher.done():
            self._usher = self._run(self._ushered(), Context())

    async def drain(self) -> None:
        """Wait for the runs in line and under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self, what: Coroutine[Any, Any, None], context: Context) -> asyncio.Task[None]:
        task = asyncio.create_task(what, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ushered(self) -> None:
        """Have what is in line begun, one run at every look that finds time to spare."""
        while self._line or self._shed:
            calm = await self.is_calm()
            if calm and self._line:
                context, shadow, ticket, assigned = self._line.popleft()
                self._run(self._watched(shadow, ticket, assigned), context)
            if self._shed and (calm or len(self._shed) >= _UNTOLD):
                shed, self._shed = self._shed, []
                await asyncio.gather(*map(self._tell, shed))  # with one write, each by itself

    async def _tell(self, event: Event) -> None:
        """Record what came of a run."""
        try:
            await self._desk.record([event])
        except ConflictingEvent as error:
            _log.warning("%s", error)
        except RecordError as error:
            _log.warning("what came of a shadow run of %s is not recorded: %s", event.workflow, error)

    async def _watched(self, shadow: Shadow, ticket: Ticket, assigned: Assigned) -> None:
        event_id = f"comparison:{assigned.version}:{ticket.ticket_id}"
        if await asyncio.to_thread(self._journal.find, event_id, ticket.tenant) is not None:
            return
        tools = self.tools.watching(ticket, assigned)
        seen = await shadow.watch(ticket, common_triage(ticket), None, self._clock.now(), tools)
        texts = seen.texts()
        kept = [
            Text(ticket.tenant, ticket.customer_id, ticket.ticket_id, part, body)
            for part, body in texts.items()
        ]
        try:
            refs = await asyncio.to_thread(self._content.put, kept) if kept else []
        except RecordError as error:
            _log.warning("what a shadow said to a ticket of %s is not kept: %s", ticket.workflow, error)
            return
        await self._tell(seen.event(dict(zip(texts, refs, strict=True))))


class Calm:
    """Tells whether the process that answers customers has time to spare."""

    def __init__(self, used: Callable[[], float] = process_time) -> None:
        """``used``: seconds of processor that the process has taken so far."""
        self._processor = used
        self._since, self._used = monotonic(), used()
        self._busy = False

    async def look(self) -> bool:
        """Whether the loop comes back from a moment's sleep in time, and the process is idle half of it."""
        due = monotonic() + _LOOK
        await asyncio.sleep(_LOOK)
        now = monotonic()
        if now - self._since >= _WINDOW:
            used = self._processor()
            self._busy = used - self._used > _SHARE * (now - self._since)
            self._since, self._used = now, used
        return not self._busy and now - due <= _LATE
