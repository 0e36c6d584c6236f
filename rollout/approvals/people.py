"""What people decide of tool calls that wait for them, and what is done on it, once."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.tools.refusals import OutcomeUnknown, ToolFailed
from policies.tools import ToolDeclaration
from rollout.approvals import calls as states
from rollout.approvals.calls import Call
from rollout.approvals.gate import Gate
from rollout.errors import ConflictingEvent, DeskRefused, UnknownApproval
from rollout.ladder.approval import person
from rollout.records import ToolDecided


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says of a call."""

    verdict: str
    """``approve`` or ``deny``."""
    digest: str
    """Of the arguments they saw; of a denial it may be empty."""
    actor: str
    note: str = ""
    is_agent: bool = False
    """Whether it is an agent's own identity that speaks: it cannot approve anything."""


class Approvals:
    """The calls that wait, and the decisions on them."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def drain(self, within: float) -> None:
        """Wait for the calls under way, ``within`` seconds at most."""
        await self._gate.drain(within)

    async def listed(
        self, tenant: str, *, state: str | None = None, workflow: str | None = None
    ) -> list[Call]:
        """Calls that wait for a person, or did in the last 30 days, oldest first.

        Args:
            tenant: whose.
            state: ``pending``, ``denied``, ``expired``, ``begun``, ``done``, ``failed``, ``unknown``.
            workflow: only of one.

        """
        now = self._gate.clock.now()
        found = await asyncio.to_thread(self._gate.ledger.approvals, tenant, now)
        return [
            call for call in found if state in {None, call.state(now)} and workflow in {None, call.workflow}
        ]

    async def decide(self, tenant: str, approval_id: str, word: Word) -> Call:
        """Take a person's word. Where it is the last one needed, the call is made before this returns.

        What becomes of the call is in its ``outcome``.

        Raises:
            UnknownApproval: no such call waits or waited.
            DeskRefused: it does not wait any more, the arguments are others, or this person may not.
            RecordError: nothing can be recorded, so nothing is done.

        """
        async with self._gate.deciding:
            call, tool, arguments = await asyncio.to_thread(self._taken, tenant, approval_id, word)
        if call.state(self._gate.clock.now()) == states.BEGUN and tool is not None:
            with suppress(ToolFailed, OutcomeUnknown):  # told by the call's outcome
                await self._gate.make(call, tool, arguments)
        return await asyncio.to_thread(self._found, tenant, approval_id)

    async def texts(self, call: Call) -> Mapping[str, Any]:
        """A call's ``arguments`` and ``result``; None where there are none, or they were erased."""

        def read() -> Mapping[str, Any]:
            book = self._gate.book
            return {"arguments": book.json(call.arguments), "result": book.json(call.result)}

        return await asyncio.to_thread(read)

    def _taken(
        self, tenant: str, approval_id: str, word: Word
    ) -> tuple[Call, ToolDeclaration | None, dict[str, Any]]:
        call = self._found(tenant, approval_id)
        now = self._gate.clock.now()
        _require_open(call, word, now)
        tool: ToolDeclaration | None = None
        arguments: dict[str, Any] = {}
        if word.verdict == "approve":
            tool, arguments = self._ready(call, word)
        agreed = 1 + sum(decision.verdict == "approve" for decision in call.decisions)
        told = ToolDecided(
            call.ticket_id,
            call.number,
            approval_id,
            word.verdict,
            call.arguments or "",
            begins=word.verdict == "approve" and agreed >= call.approvers,
        )
        try:
            self._gate.book.decide(call, told, word.note, word.actor)
        except ConflictingEvent:
            raise DeskRefused(f"{approval_id}: somebody else has decided just now; look again") from None
        return self._found(tenant, approval_id), tool, arguments

    def _ready(self, call: Call, word: Word) -> tuple[ToolDeclaration, dict[str, Any]]:
        """The tool and the exact arguments that were asked for."""
        if not call.arguments or word.digest != call.arguments:
            raise DeskRefused(
                f"{call.approval_id}: the arguments you saw are not the ones that wait; look again and send "
                "their arguments_digest"
            )
        arguments = self._gate.book.json(call.arguments)
        if not isinstance(arguments, dict):
            raise DeskRefused(f"{call.approval_id}: its arguments were erased; nothing is left to be done")
        tool = self._gate.catalogue.get(call.tool)
        if tool is None or not tool.writes or self._gate.catalogue.denies(call.tool):
            raise DeskRefused(f"{call.approval_id}: the desk does not offer {call.tool!r} any more; deny it")
        return tool, arguments

    def _found(self, tenant: str, approval_id: str) -> Call:
        found = self._gate.ledger.approval(tenant, approval_id, self._gate.clock.now())
        if found is None:
            raise UnknownApproval(f"no tool call waits, or waited, as {approval_id!r}")
        return found


def _require_open(call: Call, word: Word, now: datetime) -> None:
    state = call.state(now)
    if state != states.PENDING:
        raise DeskRefused(f"{call.approval_id} does not wait any more: it is {state}")
    if word.is_agent or word.actor in {call.version, f"agent:{call.version}"}:
        raise DeskRefused(f"{call.approval_id}: an agent asked for it; a person has to decide")
    if any(person(decision.actor) == person(word.actor) for decision in call.decisions):
        raise DeskRefused(f"{call.approval_id}: you have agreed already; it takes {call.approvers} people")
