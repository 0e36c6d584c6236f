"""The last hours of the simulated desk: tickets for which the agent would change something.

They are answered as ``POST /v1/tickets`` has them answered, by the same code: what the agent may do by
itself is done, and what a person has to agree to waits at the desk with the very arguments of the call.
Only the agent is scripted, and what it calls is the demo's own helpdesk.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from agents.contract import Action, Reply, Source, Ticket, Toolset, Triage, Usage
from agents.roles import handoff
from agents.scripted import SCRIPTED
from agents.tools.refusals import ApprovalNeeded
from policies.manifest import AgentVersion, ToolGrant
from policies.tool_files import load_tools
from policies.vocabulary import Arm
from rollout.approvals.authority import lets_write
from rollout.approvals.gate import Gate
from rollout.approvals.toolsets import Toolsets
from rollout.clock import SimulatedClock
from rollout.controller import Standing
from rollout.conversations.answering import LENIENT, Answering
from rollout.conversations.book import Book
from rollout.conversations.thread import OPENING
from rollout.record.folder import DataFolder
from rollout.records import Assigned, Event
from rollout.router import Routed, Router
from rollout.tooling.toolbox import Toolbox
from rollout.trials.world import Visit

TOOLS: Final = Path(__file__).parent / "tools"
"""The catalogue."""
OF_A_KIND: Final = 2
"""Tickets of one subject for which something is called."""
_REFUNDS: Final[Mapping[str, str]] = {"double-charges": "charged_twice", "refund-times": "returned"}
"""By the article an answer would rest on: why money is given back."""
_EMAILS: Final = "change-email"
_RELEVANCE: Final = 0.62


class DeskCalls:
    """Has the agent answer those tickets. Of a simulation; one ticket at a time."""

    def __init__(
        self,
        folder: DataFolder,
        router: Router,
        clock: SimulatedClock,
        standing: Callable[[], Standing],
        manifests: Mapping[str, AgentVersion],
    ) -> None:
        self._clock = clock
        self._standing = standing
        self._visits: dict[str, Visit] = {}
        self._seen: Counter[str] = Counter()
        self._manifests = manifests
        catalogue = load_tools(TOOLS)
        assert catalogue is not None
        gate = Gate(folder.journal, folder.content, clock, catalogue, Toolbox(catalogue, clock=clock))
        desk = _Recording(folder, router)
        self._book = Book(desk, folder.journal, folder.content, clock)
        self._answering = Answering(
            desk, self._book, self._agent_of, clock, LENIENT, timer=lambda: clock.now().timestamp()
        )
        self._answering.tools = Toolsets(gate, self._grants_of, self._writes)

    def taken(self, visit: Visit, routed: Routed) -> bool:
        """Whether it is such a ticket; then it has been answered on return, and is on record."""
        subject, ticket = visit.words.article.source_id, visit.ticket
        asked = _asked(visit)
        fits = asked is not None and asked in ticket.text and self._seen[subject] < OF_A_KIND
        if not fits or routed.assigned.arm != Arm.AGENT or not self._writes(ticket, routed.assigned):
            return False
        self._seen[subject] += 1
        self._visits[ticket.ticket_id] = visit
        asyncio.run(self._answer(ticket))
        return True

    async def _answer(self, ticket: Ticket) -> None:
        thread = await self._book.thread(ticket.tenant, ticket.ticket_id)
        await self._answering.upto(thread, OPENING, ticket)

    def _agent_of(self, version: str) -> "_Agent":
        return _Agent(self._manifests[version], version, self._visits, self._clock)

    def _grants_of(self, version: str) -> Mapping[str, ToolGrant]:
        return {grant.name: grant for grant in self._manifests[version].tools}

    def _writes(self, ticket: Ticket, assigned: Assigned) -> bool:  # noqa: ARG002 (there is one workflow)
        standing = self._standing()
        return lets_write(standing.plan, standing.state, assigned)


class _Recording:
    """Decides nothing: the tickets are routed already."""

    def __init__(self, folder: DataFolder, router: Router) -> None:
        self._folder = folder
        self._router = router

    async def record(self, events: list[Event]) -> Any:
        return await asyncio.to_thread(self._folder.record, events)

    def may_serve(self, tenant: str, workflow: str, assigned: Assigned) -> bool:
        return self._router.may_serve(tenant, workflow, assigned)


class _Agent:
    """Looks the order up, then does what its customer asks for; hands over where a person has to agree."""

    def __init__(
        self, manifest: AgentVersion, version: str, visits: Mapping[str, Visit], clock: SimulatedClock
    ) -> None:
        script = manifest.script
        assert script is not None
        self.version = version
        self._script = script
        self._visits = visits
        self._clock = clock

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
        visit = self._visits[ticket.ticket_id]
        self._clock.advance(self._script.latency)
        seconds = self._script.latency / timedelta(seconds=1)
        usage = Usage(cost_usd=self._script.cost_usd, seconds=seconds, model=SCRIPTED)
        sources = _sources(visit)
        try:
            done = await _do(visit, tools)
        except ApprovalNeeded as needed:
            return Reply(
                Action.HAND_OFF,
                confidence=self._script.confidence,
                reasons=(needed.reason,),
                sources=sources,
                packet=handoff.packet(
                    ticket, triage, reasons=(needed.reason,), sources=sources, tried=[needed.detail]
                ),
                usage=usage,
            )
        return Reply(
            Action.REPLY, text=done, confidence=self._script.confidence, sources=sources, usage=usage
        )


async def _do(visit: Visit, tools: Toolset) -> str:
    """What the customer is told when it is done.

    Raises:
        ApprovalNeeded: a person has to agree first.

    """
    words = visit.words
    reason = _REFUNDS.get(words.article.source_id)
    if reason is None:
        await tools.call("change_email", {"email": words.email})
        return words.human
    found = await tools.call("get_order_status", {"order_id": words.order})
    amount = float(found["total_usd"])
    await tools.call("refund", {"order_id": words.order, "amount_usd": amount, "reason": reason})
    return words.human


def _asked(visit: Visit) -> str | None:
    """What the ticket has to name for the agent to call something; None where it calls nothing."""
    words = visit.words
    if words.article.source_id == _EMAILS:
        return words.email
    return words.order if words.article.source_id in _REFUNDS else None


def _sources(visit: Visit) -> tuple[Source, ...]:
    article = visit.words.article
    return (Source(article.source_id, article.title, "", _RELEVANCE, article.age_days),)
