"""The gate that every tool call passes: default deny, limits, approval, on record before it is done."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from time import monotonic
from typing import Any, Final, Protocol

from agents.tools import ReadOnly
from agents.tools.permissions import Verdict, reachable
from agents.tools.refusals import (
    APPROVAL,
    OTHER_CUSTOMER,
    UNKNOWN,
    ApprovalNeeded,
    OutcomeUnknown,
    ToolFailed,
    ToolRefused,
)
from agents.tools.toolset import Refusal
from policies.canonical import canonical
from policies.manifest import ToolGrant
from policies.tools import ToolCatalogue, ToolDeclaration
from rollout.approvals import calls as states
from rollout.approvals.admission import Admission, Admitted
from rollout.approvals.book import Book
from rollout.approvals.calls import Call
from rollout.approvals.case import Case
from rollout.approvals.gated import Gated, GatedTools
from rollout.approvals.ledger import Ledger
from rollout.clock import Clock
from rollout.errors import RecordError
from rollout.record.content import ContentStore
from rollout.record.journal import Journal

MOST_RESULT: Final = 64 * 1024
"""Bytes of what a tool may answer."""
_GRACE: Final = 1.0
"""Seconds beyond a tool's own timeout, so that whoever makes the call tells what became of it."""
_log = logging.getLogger(__name__)


class Runs(Protocol):
    """Makes calls. What it raises other than ``ToolFailed`` leaves open what was done."""

    async def __call__(self, tool: str, arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]: ...


class Gate:
    """Has calls admitted and made. One per journal, of the process that owns it."""

    def __init__(
        self, journal: Journal, content: ContentStore, clock: Clock, catalogue: ToolCatalogue, runs: Runs
    ) -> None:
        self.catalogue = catalogue
        self.clock = clock
        self.ledger = Ledger(journal)
        self.book = Book(journal, content, clock)
        self._admission = Admission(self.book, self.ledger, catalogue)
        self._runs = runs
        self.deciding = asyncio.Lock()
        """Held while something is decided: limits are counted and used up without a gap."""
        self._running: dict[str, asyncio.Task[Mapping[str, Any]]] = {}
        self._unwatched: set[str] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def live(self, case: Case) -> GatedTools:
        """What a run may use whose answer is looked at before it goes to the customer."""
        return GatedTools(case, self._within_reach(case), self._refusal(case))

    def watching(self, case: Case) -> ReadOnly:
        """What a run may use whose answer goes nowhere: no write tool is in it to be reached."""
        return ReadOnly(self._within_reach(case), refusal=self._refusal(case))

    async def call(
        self, case: Case, tool: ToolDeclaration, grant: ToolGrant, arguments: object
    ) -> Mapping[str, Any]:
        """Make one call, or say why not.

        Raises:
            ToolRefused: it may not be made; ``ApprovalNeeded`` where a person could still allow it.
            ToolFailed: it was made and changed nothing.
            OutcomeUnknown: it was made, now or before, and nobody knows what it did.
            RecordError: nothing can be recorded, so nothing is done.

        """
        try:
            return await self._called(case, tool, grant, arguments)
        except ApprovalNeeded:
            case.because(APPROVAL)
            raise
        except OutcomeUnknown:
            case.because(UNKNOWN)
            raise
        except ToolRefused as refusal:
            if refusal.reason in {OTHER_CUSTOMER, UNKNOWN}:
                case.because(refusal.reason)
            raise

    async def _called(
        self, case: Case, tool: ToolDeclaration, grant: ToolGrant, arguments: object
    ) -> Mapping[str, Any]:
        """Admit and make a call, for as long as the run has time; what is begun is brought to its end."""
        try:
            async with case.time():
                call, given, fresh = await self._admitted(case, tool, grant, arguments)
        except TimeoutError:
            raise ToolFailed(f"{tool.name}: no time left, so it was not called") from None
        if call.outcome == states.DONE:
            return dict(await asyncio.to_thread(self.book.json, call.result) or {})
        try:
            async with case.time():
                return await self._watched(call, tool, given, fresh=fresh)
        except TimeoutError:
            said = f"{tool.name}: it did not come back in time"
            raise (OutcomeUnknown if tool.writes else ToolFailed)(said) from None

    async def make(
        self, call: Call, tool: ToolDeclaration, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Make a call that is on record as begun, to its end, whoever still waits for it.

        Raises:
            ToolFailed, OutcomeUnknown: as ``call``.

        """
        task = self._running.get(call.key)
        if task is None:
            task = asyncio.ensure_future(self._made(call, tool, arguments))
            self._running[call.key] = task
            task.add_done_callback(lambda done: self._ended(call.key, done))
        return await asyncio.shield(task)

    def recover(self) -> int:
        """Hand calls to people that were begun and never came back; how many.

        For the start, when nothing is under way: what was begun then was cut off.

        Raises:
            RecordError: nothing can be recorded.

        """
        lost = self.ledger.begun(self.clock.now())
        for call in lost:
            self.book.close(call, states.UNKNOWN, error="the server stopped meanwhile")
            self.book.to_a_human(call)
        return len(lost)

    async def drain(self, within: float | None = None) -> None:
        """Wait for the calls under way, also of runs that were given up; ``within`` seconds at most."""
        if under_way := {*self._closing, *self._running.values()}:
            await asyncio.wait(under_way, timeout=within)

    def _within_reach(self, case: Case) -> list[Gated]:
        return [
            Gated(declaration, grant, case, self)
            for name, grant in case.grants.items()
            if reachable(self.catalogue, name, grant, writes=case.writes).verdict is Verdict.ALLOW
            and (declaration := self.catalogue.get(name)) is not None
        ]

    def _refusal(self, case: Case) -> Refusal:
        async def put_on_record(name: str, arguments: Mapping[str, Any]) -> None:
            async with self.deciding:
                await asyncio.to_thread(self._admission.refuse_unreachable, case, name, arguments)

        async def refused(name: str, arguments: Mapping[str, Any]) -> None:
            # What was tried is on record, also where the run was given up while its turn had not come.
            await asyncio.shield(self._seen_to(put_on_record(name, arguments)))

        return refused

    def _seen_to(self, what: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have something done whether or not anybody waits for it."""
        task = asyncio.ensure_future(what)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        task.add_done_callback(_logged)
        return task

    async def _admitted(
        self, case: Case, tool: ToolDeclaration, grant: ToolGrant, arguments: object
    ) -> Admitted:
        async def admit() -> Admitted:
            async with self.deciding:
                if tool.writes and not await case.may_still_write():
                    case.step_writes = False
                    await asyncio.to_thread(self._admission.refuse_unreachable, case, tool.name, arguments)
                return await asyncio.to_thread(self._admission.admit, case, tool, grant, arguments)

        admitting = asyncio.ensure_future(admit())
        try:
            return await asyncio.shield(admitting)
        except asyncio.CancelledError:
            # What is on record as begun is either made or closed; nobody waits for it, so it is not made.
            self._seen_to(self._given_up(admitting))
            raise

    async def _given_up(self, admitting: "asyncio.Future[Admitted]") -> None:
        try:
            call, _, fresh = await admitting
            if fresh:
                error = "given up before it was made"
                await asyncio.to_thread(self.book.close, call, states.FAILED, error=error)
        except (ToolRefused, OutcomeUnknown):
            return

    async def _watched(
        self, call: Call, tool: ToolDeclaration, arguments: Mapping[str, Any], *, fresh: bool
    ) -> Mapping[str, Any]:
        if not fresh and call.key not in self._running:
            raise OutcomeUnknown(f"{tool.name}: nobody knows what call {call.number} did")
        try:
            return await self.make(call, tool, arguments)
        except asyncio.CancelledError:
            self._unwatched.add(call.key)  # nobody is left to hand the ticket over
            raise

    async def _made(
        self, call: Call, tool: ToolDeclaration, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        started = monotonic()
        outcome, error, result = states.DONE, "", ""
        answer: Mapping[str, Any] = {}
        try:
            async with asyncio.timeout(tool.timeout.total_seconds() + _GRACE):
                answer = await self._runs(tool.name, arguments, call.key)
            result = _written(answer)
        except ToolFailed as failure:
            outcome, error = states.FAILED, str(failure)
        except Exception as failure:  # noqa: BLE001 (whatever it is, the call may have been made)
            outcome = states.UNKNOWN if tool.writes else states.FAILED
            error = str(failure) if isinstance(failure, OutcomeUnknown) else type(failure).__name__
        seconds = monotonic() - started
        try:
            await asyncio.to_thread(
                self.book.close, call, outcome, result=result, seconds=seconds, error=error
            )
        except RecordError as failure:
            raise OutcomeUnknown(f"{tool.name}: what it did is not on record") from failure
        if outcome == states.DONE:
            return answer
        if outcome == states.FAILED:
            raise ToolFailed(error or tool.name)
        if call.key in self._unwatched or call.what == states.ASKED:
            await asyncio.to_thread(self.book.to_a_human, call)
        raise OutcomeUnknown(error or tool.name)

    def _ended(self, key: str, task: asyncio.Task[Mapping[str, Any]]) -> None:
        self._running.pop(key, None)
        self._unwatched.discard(key)
        if not task.cancelled() and isinstance(error := task.exception(), RecordError):
            _log.error("call %s: %s", key, error)


def _logged(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, ToolRefused):
        _log.error("what became of a call is not on record: %s", error)


def _written(answer: object) -> str:
    """A tool's answer as it is kept.

    Raises:
        OutcomeUnknown: it is none that can be used, whatever was done.

    """
    try:
        text = canonical(answer) if isinstance(answer, Mapping) else b""
    except (TypeError, ValueError, RecursionError):
        text = b""
    if not text or len(text) > MOST_RESULT:
        raise OutcomeUnknown(f"its answer is no JSON object of at most {MOST_RESULT:,} bytes")
    return text.decode()
