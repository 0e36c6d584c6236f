"""Shadow runs beside live tickets, in the background; the live path never waits for them."""

import asyncio
import logging
from collections.abc import Callable

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
from rollout.records import Assigned

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
        task = asyncio.create_task(self._watched(self._shadows[key], ticket, assigned))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait for the runs under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

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
            await self._desk.record([seen.event(dict(zip(texts, refs, strict=True)))])
        except ConflictingEvent as error:
            _log.warning("%s", error)
        except RecordError as error:
            _log.warning("what a shadow said to a ticket of %s is not recorded: %s", ticket.workflow, error)
