"""One run of an agent under a deadline: a reply or the reason there is none, then frozen.

Live and shadow share it. Whatever the agent does (raise, hang, swallow its cancellation, answer
nonsense), this returns within the deadline plus a moment.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from time import monotonic
from typing import Final

from agents.contract import Action, Agent, Packet, Reply, Source, Ticket, Toolset, Triage, Usage

DEADLINE: Final = "deadline"
ERROR: Final = "error"
UNUSABLE: Final = "unusable-reply"

_LONGEST_REPLY: Final = 20_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """Either ``reply`` or ``failure`` is set, never both."""

    reply: Reply | None
    failure: str | None
    """``deadline``, ``error`` or ``unusable-reply``."""
    detail: str | None
    """The exception's type, or what is wrong with the reply. Never a text of the conversation."""
    seconds: float


async def attempt(
    agent: Agent,
    ticket: Ticket,
    triage: Triage,
    tools: Toolset,
    *,
    deadline: float,
    timer: Callable[[], float] = monotonic,
) -> Attempt:
    """Ask an agent once. ``deadline`` is in seconds; nothing but cancellation of the caller is raised.

    The agent runs as a task of its own that is abandoned when it is late. ``asyncio.timeout`` would
    wait for a task that swallows its cancellation, and with it the customer would. An agent that
    blocks its thread cannot be interrupted from within: run such ones in a worker process.
    """
    started = timer()
    task = asyncio.ensure_future(_asked(agent, ticket, triage, tools))
    try:
        done, _ = await asyncio.wait({task}, timeout=deadline)
    except asyncio.CancelledError:
        task.cancel()
        raise
    seconds = max(timer() - started, 0.0)
    if not done:
        task.cancel()
        task.add_done_callback(_read_and_drop)
        return Attempt(None, DEADLINE, f"no answer within {deadline:g} s", seconds)
    if task.cancelled():
        return Attempt(None, ERROR, "CancelledError", seconds)
    error = task.exception()
    if error is not None:
        return Attempt(None, ERROR, type(error).__name__, seconds)
    reply = task.result()
    wrong = defect(reply)
    return Attempt(None, UNUSABLE, wrong, seconds) if wrong else Attempt(reply, None, None, seconds)


async def _asked(agent: Agent, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
    """The agent's answer; also turns what it raises before its first ``await`` into the task's failure."""
    return await agent.answer(ticket, triage, tools)


def defect(reply: object) -> str | None:
    """What makes a reply unfit to be looked at further, or ``None``.

    Agents come from anywhere, so nothing is taken on trust that is used later.
    """
    if not isinstance(reply, Reply):
        return f"not a reply but {type(reply).__name__}"
    if not _is_well_formed(reply):
        return "a reply with fields of the wrong types"
    cost = reply.usage.cost_usd
    faults = {
        "an empty reply": reply.action is Action.REPLY and not reply.text.strip(),
        "a reply and a hand-off at once": reply.action is Action.HAND_OFF and bool(reply.text.strip()),
        f"more than {_LONGEST_REPLY} characters": len(reply.text) > _LONGEST_REPLY,
        "a confidence that is no share": not (reply.confidence is None or _within(reply.confidence, 1)),
        "a cost that is no amount": not (cost is None or _within(cost, inf)),
    }
    return next((fault for fault, found in faults.items() if found), None)


def _is_well_formed(reply: Reply) -> bool:
    return (
        isinstance(reply.action, Action)
        and isinstance(reply.text, str)
        and isinstance(reply.usage, Usage)
        and isinstance(reply.packet, Packet | None)
        and all(isinstance(many, tuple) for many in (reply.sources, reply.reasons, reply.violations))
        and all(isinstance(source, Source) and _within(source.relevance, 1) for source in reply.sources)
        and isinstance(reply.notices, tuple)
        and all(isinstance(code, str) for code in (*reply.reasons, *reply.violations, *reply.notices))
        and isinstance(reply.meanwhile, str)
    )


def _within(value: object, most: float) -> bool:
    """Whether it is a finite number from 0 to ``most``; a boolean is none."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and isfinite(value)
        and 0 <= value <= most
    )


def _read_and_drop(task: "asyncio.Future[Reply]") -> None:
    """Take the late result so that asyncio reports nothing; it is fenced off by being dropped."""
    if not task.cancelled():
        task.exception()
