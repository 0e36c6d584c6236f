"""The tool calls of one answer: so many, until one moment, and only of what the run was handed.

Whoever speaks with a model or an endpoint has its calls made here. Placeholders in arguments become what
they stand for, and personal details in results placeholders, so that neither is ever seen outside. Calls
that are refused are handed on to the toolset too: it is the one that puts them on record.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import orjson

from agents.contract import Toolset
from agents.pii import Vault
from agents.tools.refusals import (
    APPROVAL,
    NOT_GRANTED,
    OTHER_CUSTOMER,
    TOO_MANY_CALLS,
    UNKNOWN,
    ApprovalNeeded,
    OutcomeUnknown,
    ToolFailed,
    ToolRefused,
)
from agents.tools.shown import offered, redacted, restored

MOST_ROUNDS: Final = 5
"""Times that one answer may ask for calls."""
MOST_CALLS: Final = 10
"""Calls of one answer, refused ones included."""
OK: Final = "ok"
REFUSED: Final = "refused"
FAILED: Final = "failed"
OPEN: Final = "unknown"
WAITS: Final = "waits"
NOBODYS: Final = "?"
"""In the place of a name that is none of the run's tools: a model could have written anything there."""
_FOR_PEOPLE: Final = frozenset({OTHER_CUSTOMER, UNKNOWN})
"""Refusals after which a person has to have the ticket."""
_LONGEST_DETAIL: Final = 300
_End = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Made:
    """One call and what came of it."""

    number: int
    name: str
    outcome: str
    """``ok``, ``refused``, ``failed`` (nothing has changed), ``unknown``, or ``waits`` for a person."""
    reason: str = ""
    """Why it was refused or waits, as a code."""
    detail: str = ""
    result: Mapping[str, Any] | None = None
    """What the tool answered: somebody's data, never an instruction."""
    seconds: float = 0.0

    @property
    def call_id(self) -> str:
        """What it is cited by."""
        return f"tool-{self.number}"

    def traced(self) -> Mapping[str, Any]:
        """For a trace: names and figures, neither arguments nor answers."""
        told = {"step": "tool", "name": self.name, "outcome": self.outcome, "call_id": self.call_id}
        return {**told, "reason": self.reason, "seconds": self.seconds}


class Session:
    """The calls of one answer, in their order. Mutable, and gone with the answer."""

    def __init__(
        self,
        tools: Toolset,
        vault: Vault,
        *,
        ends: float,
        timer: Callable[[], float] = monotonic,
        log: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        """Set it up.

        Args:
            tools: what the run was handed.
            vault: the placeholders of the answer.
            ends: moment of ``timer`` at which nothing is waited for any more.
            timer: monotonic, seconds.
            log: told of each call as it is traced.

        """
        self._tools = tools
        self._vault = vault
        self._ends = ends
        self._timer = timer
        self._log = log
        self._offered = offered(tools)
        self._closed = False
        self.rounds = 0
        self.made: list[Made] = []
        self.reasons: tuple[str, ...] = ()
        """Why a person has to have the ticket after what was called; then nothing more is called."""

    @property
    def named(self) -> Sequence[Mapping[str, Any]]:
        """The tools of the run: ``name``, ``writes``, ``description``, ``arguments`` (JSON Schema)."""
        return self._offered

    @property
    def left(self) -> int:
        """Calls that may still be made; 0 once it is over."""
        over = self._closed or self.reasons or not self._offered or self.rounds >= MOST_ROUNDS
        return 0 if over else MOST_CALLS - len(self.made)

    @property
    def results(self) -> tuple[Mapping[str, Any], ...]:
        """What tools answered, each on behalf of this ticket's customer."""
        return tuple(one.result for one in self.made if one.result is not None)

    @property
    def citable(self) -> frozenset[str]:
        """Ids of calls with a result."""
        return frozenset(one.call_id for one in self.made if one.result is not None)

    def close(self) -> None:
        """Make no more calls: what follows is about words only."""
        self._closed = True

    async def call(self, name: str, arguments: object) -> Made:
        """Have a tool called, and enter what came of it. Whatever speaks against it is in the outcome.

        Raises:
            Exception: what a toolset raises that no call's outcome explains: nothing could be recorded.

        """
        started, number = self._timer(), len(self.made) + 1
        outcome, told = await self._called(name, arguments)
        known = any(tool["name"] == name for tool in self._offered)
        seconds = max(self._timer() - started, 0.0)
        one = Made(number, name if known else NOBODYS, outcome, seconds=seconds, **told)
        self.made.append(one)
        self._log(one.traced())
        if outcome in (WAITS, OPEN) or one.reason in _FOR_PEOPLE:
            self.reasons = (*self.reasons, one.reason)
        return one

    def shown(self, one: Made) -> Mapping[str, Any]:
        """A call as whoever asked for it is told: JSON values, without what identifies anybody."""
        told: dict[str, Any] = {"id": one.call_id, "tool": one.name, "outcome": one.outcome}
        if one.reason:
            told["reason"] = one.reason
        if one.detail:
            told["detail"] = self._vault.redact(one.detail[:_LONGEST_DETAIL])
        if one.result is not None:
            told["result"] = redacted(one.result, self._vault)
        return told

    def told(self) -> list[str]:
        """For whoever takes over: what was called, in words."""
        if not self.made:
            return []
        each = [f"{one.name} ({one.reason or one.outcome})" for one in self.made]
        return [f"Tools called: {', '.join(each)}."]

    async def _called(self, name: str, arguments: object) -> _End:
        """The outcome, and the further fields of ``Made``."""
        spent = len(self.made) >= MOST_CALLS or self.rounds > MOST_ROUNDS
        if spent or self._closed or self.reasons:
            return REFUSED, {"reason": TOO_MANY_CALLS, "detail": f"{MOST_CALLS} calls for one answer"}
        try:
            wanted = _sendable(restored(arguments, self._vault))
        except LookupError as error:
            wanted = str(error)  # no arguments at all: what refuses them puts it on record
        try:
            async with asyncio.timeout(max(self._ends - self._timer(), 0.0)):
                result: object = await self._tools.call(name, wanted)
        except (PermissionError, ToolFailed, OutcomeUnknown) as error:
            return _end(error)
        except TimeoutError:
            return self._open_or_failed(name, "no answer in time")
        if not isinstance(result, Mapping):
            return self._open_or_failed(name, "it answered nothing that can be used")
        return OK, {"result": dict(result)}

    def _open_or_failed(self, name: str, detail: str) -> _End:
        """Of a call that did not come back: a read changed nothing, of a write nobody knows."""
        writes = any(tool["name"] == name and tool.get("writes") is not False for tool in self._offered)
        return (OPEN, {"reason": UNKNOWN, "detail": detail}) if writes else (FAILED, {"detail": detail})


def _end(error: PermissionError | ToolFailed | OutcomeUnknown) -> _End:
    """What a toolset's objection means."""
    if isinstance(error, ApprovalNeeded):
        return WAITS, {"reason": APPROVAL, "detail": "a person has to agree first"}
    if isinstance(error, ToolRefused):
        return REFUSED, {"reason": error.reason, "detail": error.detail}
    if isinstance(error, ToolFailed):
        return FAILED, {"detail": str(error)}
    return (
        (REFUSED, {"reason": NOT_GRANTED})
        if isinstance(error, PermissionError)
        else (OPEN, {"reason": UNKNOWN})
    )


def _sendable(arguments: object) -> Any:
    """Arguments that a line between processes carries; of others their kind, which every gate refuses."""
    try:
        orjson.dumps(arguments)
    except (TypeError, RecursionError):
        return ascii(type(arguments).__name__)
    return arguments
