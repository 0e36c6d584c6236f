"""An agent that does as it is told: for demonstrations and tests, never for customers."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from agents.contract import Action, Reply, Ticket, Toolset, Triage, Usage
from agents.roles import handoff
from policies.manifest import Script

SCRIPTED: Final = "scripted"


class ScriptedFailure(RuntimeError):
    """The failure a script asks for."""


@dataclass(frozen=True, slots=True)
class Line:
    """What to do with one ticket: fail, hand off (``reason``), or reply with ``text``."""

    text: str = ""
    reason: str | None = None
    confidence: float | None = 0.9
    violations: tuple[str, ...] = ()
    seconds: float = 0.0
    """How long it takes: slept through ``sleep``, and reported as usage."""
    cost_usd: float | None = 0.0
    error: str | None = None


class ScriptedAgent:
    """Follows a script: a mapping from ticket id to line, or a function of ticket and triage.

    Args:
        version: ``NAME@VERSION``.
        script: a ticket that a mapping does not hold is a ``KeyError``, like any other bug of an agent.
        sleep: what waiting is; a simulation passes one that returns at once.

    """

    def __init__(
        self,
        version: str,
        script: Mapping[str, Line] | Callable[[Ticket, Triage], Line],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.version = version
        self._script = script
        self._sleep = sleep

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:  # noqa: ARG002 (contract)
        script = self._script
        line = script[ticket.ticket_id] if isinstance(script, Mapping) else script(ticket, triage)
        if line.seconds:
            await self._sleep(line.seconds)
        if line.error is not None:
            raise ScriptedFailure(line.error)
        usage = Usage(cost_usd=line.cost_usd, seconds=line.seconds, model=SCRIPTED)
        if line.reason is not None:
            return Reply(
                Action.HAND_OFF,
                confidence=line.confidence,
                reasons=(line.reason,),
                packet=handoff.packet(ticket, triage, reasons=(line.reason,)),
                usage=usage,
            )
        return Reply(
            Action.REPLY,
            text=line.text,
            confidence=line.confidence,
            violations=line.violations,
            usage=usage,
        )


def lines(script: Script) -> Callable[[Ticket, Triage], Line]:
    """The function a manifest's ``script`` block describes.

    Each share is drawn by a hash of its name and the ticket's id: the same ticket always gets the same
    answer, and the shares are independent of each other.
    """

    def line(ticket: Ticket, triage: Triage) -> Line:  # noqa: ARG001 (a script sees both)
        def drawn(what: str, percent: float) -> bool:
            digest = hashlib.sha256(f"{what}:{ticket.ticket_id}".encode()).digest()
            return int.from_bytes(digest[:8], "big") < percent / 100 * 2**64

        seconds, cost = script.latency.total_seconds(), script.cost_usd
        if drawn("fails", float(script.fails)):
            return Line(error="the script says so", seconds=seconds, cost_usd=cost)
        if drawn("hands_off", float(script.hands_off)):
            return Line(reason="low-confidence", confidence=0.0, seconds=seconds, cost_usd=cost)
        broken = ("scripted-violation",) if drawn("violates", float(script.violates)) else ()
        return Line(script.reply, None, script.confidence, broken, seconds, cost)

    return line
