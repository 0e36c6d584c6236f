"""Whether a call may be made now. Every answer is on record before anybody hears of it."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple, NoReturn

from agents.tools.arguments import bound
from agents.tools.permissions import Permission, Verdict, amount_of, permit, reachable
from agents.tools.refusals import (
    APPROVAL_DENIED,
    TOO_MANY_CALLS,
    UNKNOWN,
    ApprovalNeeded,
    OutcomeUnknown,
    ToolRefused,
)
from policies.canonical import canonical
from policies.manifest import ToolGrant
from policies.tools import ToolCatalogue, ToolDeclaration
from rollout.approvals import calls as states
from rollout.approvals.book import Book, described
from rollout.approvals.calls import Call
from rollout.approvals.case import Case
from rollout.approvals.ledger import Ledger
from rollout.records import ToolCalled

MOST_CALLS: Final = 20
"""Calls that an agent may make for one of the customer's messages."""
_NO_TOOL: Final = "?"
"""In the place of a name that is none of the desk's: a model could have written anything there."""


class Admitted(NamedTuple):
    """A call on record as begun."""

    call: Call
    arguments: dict[str, Any]
    fresh: bool
    """False where the same call was begun before: it is not made again."""


class Admission:
    """Admits calls, one at a time: the caller sees to that."""

    def __init__(self, book: Book, ledger: Ledger, catalogue: ToolCatalogue) -> None:
        self._book = book
        self._ledger = ledger
        self._catalogue = catalogue

    def refuse_unreachable(self, case: Case, name: str, arguments: object) -> NoReturn:
        """Put a call on record of a tool that the run was not given.

        Raises:
            ToolRefused: always.
            RecordError: nothing can be recorded.

        """
        calls = self._calls(case)
        known = name if self._catalogue.get(name) is not None else _NO_TOOL
        self._require_room(case, known, calls)
        found = reachable(self._catalogue, name, case.grants.get(name), writes=case.writes)
        self._refuse(case, known, calls, found, described({"tool": name, "arguments": arguments}))

    def admit(self, case: Case, tool: ToolDeclaration, grant: ToolGrant, arguments: object) -> Admitted:
        """Let a call through.

        Raises:
            ToolRefused: it may not be made; ``ApprovalNeeded`` where a person could still allow it.
            OutcomeUnknown: the same call was made before, and nobody knows what it did.
            RecordError: nothing can be recorded.

        """
        calls = self._calls(case)
        self._require_room(case, tool.name, calls)
        try:
            given = bound(tool, arguments, case.scope)
        except ToolRefused as refusal:
            why = Permission(Verdict.REFUSE, refusal.reason, refusal.detail)
            self._refuse(case, tool.name, calls, why, described(arguments))
        if not tool.writes:
            return self._opened(case, _told(case, tool.name, calls, states.READ), given)
        before = self._same(case, tool, calls, given)
        if before is not None:
            return Admitted(before, given, fresh=False)
        if any(call.outcome == states.UNKNOWN for call in calls):
            why = Permission(Verdict.REFUSE, UNKNOWN, "an earlier call has to be looked into first")
            self._refuse(case, tool.name, calls, why, given)
        return self._permitted(case, tool, grant, calls, given)

    def _permitted(
        self,
        case: Case,
        tool: ToolDeclaration,
        grant: ToolGrant,
        calls: Sequence[Call],
        given: dict[str, Any],
    ) -> Admitted:
        now = self._book.clock.now()
        so_far = self._ledger.tally(case.ticket, tool.name, calls, now)
        wanted = permit(tool, grant, given, so_far)
        amount = amount_of(tool, given)
        told = _told(case, tool.name, calls, states.BEGUN, amount=None if amount is None else str(amount))
        if wanted.verdict is Verdict.REFUSE:
            self._refuse(case, tool.name, calls, wanted, given)
        if wanted.verdict is Verdict.ASK:
            asked = self._opened(case, _asking(told, tool, wanted, now), given).call
            raise ApprovalNeeded(str(asked.approval_id), f"{tool.name}: {wanted.detail}")
        return self._opened(case, told, given)

    def _same(
        self, case: Case, tool: ToolDeclaration, calls: Sequence[Call], given: dict[str, Any]
    ) -> Call | None:
        """The same call for the same message, where it was made already or waits.

        An agent that runs again from its beginning gets what it got, and nothing happens twice.
        """
        now, text = self._book.clock.now(), canonical(given).decode()
        for call in reversed(calls):
            if (call.tool, call.message) != (tool.name, case.message) or call.what == states.REFUSED:
                continue
            if self._book.text(call.arguments) != text:
                continue
            state = call.state(now)
            if state == states.PENDING:
                raise ApprovalNeeded(str(call.approval_id), f"{tool.name}: it waits for a person")
            if state == states.DENIED:
                raise ToolRefused(APPROVAL_DENIED, f"{tool.name}: a person has said no")
            if state == states.UNKNOWN:
                raise OutcomeUnknown(f"{tool.name}: nobody knows what call {call.number} did")
            return call if state in {states.BEGUN, states.DONE} else None
        return None

    def _calls(self, case: Case) -> list[Call]:
        return self._book.calls(case.ticket.tenant, case.ticket.ticket_id)

    def _require_room(self, case: Case, tool: str, calls: Sequence[Call]) -> None:
        """Refuse what goes on and on. The first call too many is on record, those after it are not."""
        run = [call for call in calls if (call.message, call.version) == (case.message, case.version)]
        full = Permission(Verdict.REFUSE, TOO_MANY_CALLS, f"{MOST_CALLS} calls for one message")
        if len(calls) >= states.MOST_NUMBERS or len(run) > MOST_CALLS:
            raise ToolRefused(full.reason, full.detail)
        if len(run) == MOST_CALLS:
            self._refuse(case, tool, calls, full, "")

    def _refuse(
        self, case: Case, tool: str, calls: Sequence[Call], why: Permission, arguments: object
    ) -> NoReturn:
        told = _told(case, tool, calls, states.REFUSED)
        self._book.open(case.ticket, replace(told, reason=why.reason, detail=why.detail), arguments)
        raise ToolRefused(why.reason, f"{tool}: {why.detail}")

    def _opened(self, case: Case, told: ToolCalled, given: dict[str, Any]) -> Admitted:
        return Admitted(self._book.open(case.ticket, told, given), given, fresh=True)


def _told(case: Case, tool: str, calls: Sequence[Call], what: str, amount: str | None = None) -> ToolCalled:
    return ToolCalled(
        ticket_id=case.ticket.ticket_id,
        customer_id=case.ticket.customer_id,
        number=len(calls) + 1,
        tool=tool,
        version=case.version,
        what=what,
        step=case.step,
        mode=case.mode.value,
        message=case.message,
        amount_usd=amount,
    )


def _asking(told: ToolCalled, tool: ToolDeclaration, why: Permission, now: datetime) -> ToolCalled:
    return replace(
        told,
        what=states.ASKED,
        reason=why.reason,
        detail=why.detail,
        approval_id=f"apr-{secrets.token_hex(8)}",
        expires_at=now + tool.approval_expires,
        approvers=tool.approvers,
    )
