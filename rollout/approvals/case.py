"""One run of an agent, as far as its tools go."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from agents.contract import Ticket
from policies.manifest import ToolGrant
from policies.vocabulary import Mode


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

    def because(self, reason: str) -> None:
        """Note why a person has to have it."""
        if reason not in self.reasons:
            self.reasons.append(reason)
