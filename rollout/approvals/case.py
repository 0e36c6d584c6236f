"""One run of an agent, as far as its tools go."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from agents.contract import Ticket
from policies.manifest import ToolGrant
from policies.vocabulary import Mode

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Case:
    """Whose ticket it is, which of their messages is answered, and what the run may."""

    ticket: Ticket
    version: str
    step: str
    """Of the plan."""
    mode: Mode
    message: int
    """The customer's message that is answered; 1 is the opening."""
    grants: Mapping[str, ToolGrant]
    """The manifest's, by tool."""
    step_writes: bool
    """Whether the step lets the version write."""
    standing: Callable[[], Awaitable[bool]] | None = None
    """Whether the run may still write, asked again before each write; None takes ``step_writes`` for it."""
    ends: float | None = None
    """Moment of the monotonic clock until which the run waits for a call; None waits as long as it takes."""
    reasons: list[str] = field(default_factory=list)
    """Why a person has to have the ticket after what was called."""

    @property
    def writes(self) -> bool:
        """Whether the run may write: never where nobody sees what it does."""
        return self.step_writes and self.mode is Mode.LIVE

    @property
    def scope(self) -> Mapping[str, str]:
        """What arguments are bound to."""
        one = self.ticket
        return {"customer": one.customer_id, "ticket": one.ticket_id, "tenant": one.tenant}

    def time(self) -> asyncio.Timeout:
        """What is left of the run, around what is waited for."""
        return asyncio.timeout(None if self.ends is None else max(self.ends - monotonic(), 0.0))

    async def may_still_write(self) -> bool:
        """Whether nobody has taken the ticket or the authority away meanwhile. Not to know is a no."""
        if self.standing is None:
            return self.writes
        try:
            return self.writes and await self.standing()
        except Exception:  # noqa: BLE001 - whatever keeps it from being known
            _log.exception("ticket %s: nobody knows whether it may still write", self.ticket.ticket_id)
            return False

    def because(self, reason: str) -> None:
        """Note why a person has to have it."""
        if reason not in self.reasons:
            self.reasons.append(reason)
