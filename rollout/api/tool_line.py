"""Tool calls of an agent in another process: asked here, made there, one step of its answer at a time.

The agents' process is only ever answered. Where an agent calls a tool, the answer to ``/answer`` is 202
with the call and the run's number; what came of it is sent to ``/answer/{run}``, whose answer is the next
call or the reply. So that process needs no door into the one that decides, names no ticket and no
customer, and counts nothing: whatever it asks for passes the gate of the run that it was asked in.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from agents.contract import Reply, Toolset
from agents.tools.refusals import ApprovalNeeded, OutcomeUnknown, ToolFailed, ToolRefused
from rollout.errors import RecordError

CALL: Final = 202
"""Status of an answer that asks for a tool."""
MOST_STEPS: Final = 60
"""Calls that one answer may take, refused ones included."""
_KEPT: Final = 60.0
"""Seconds for which a reply waits for whoever is still making a call that the agent has given up."""


def offered(tools: Toolset) -> Sequence[Mapping[str, Any]] | None:
    """What an agent elsewhere is told of its tools; None where nobody looks at what it calls."""
    described, recorded = getattr(tools, "described", None), getattr(tools, "recorded", False)
    if described is None or not (recorded or tools.names()):
        return None
    found: Sequence[Mapping[str, Any]] = described()
    return found


async def called(tools: Toolset, call: Mapping[str, Any]) -> bytes:
    """Make a call that an agent elsewhere asked for; what is sent back."""
    told: dict[str, Any]
    try:
        told = {"answer": await tools.call(str(call["name"]), call["arguments"])}
    except ApprovalNeeded as needed:
        told = {"refused": needed.reason, "detail": needed.detail, "approval_id": needed.approval_id}
    except ToolRefused as refusal:
        told = {"refused": refusal.reason, "detail": refusal.detail}
    except PermissionError as refusal:
        told = {"refused": "not-granted", "detail": str(refusal)}
    except ToolFailed as failure:
        told = {"failed": str(failure)}
    except RecordError:
        told = {"failed": "nothing can be recorded, so nothing was done"}
    except OutcomeUnknown as unknown:
        told = {"unknown": str(unknown)}
    return orjson.dumps(told)


class LineTools:
    """The tools of a run, as the agent sees them."""

    def __init__(self, described: Sequence[Mapping[str, Any]], ask: Callable[..., Awaitable[Any]]) -> None:
        self._described = described
        self._ask = ask

    def names(self) -> Sequence[str]:
        return tuple(tool["name"] for tool in self._described)

    def described(self) -> Sequence[Mapping[str, Any]]:
        return self._described

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have a tool called.

        Raises:
            ToolRefused: it may not be, ``ApprovalNeeded`` where a person could still allow it.
            ToolFailed: it changed nothing.
            OutcomeUnknown: nobody knows what it did.

        """
        told = await self._ask(name, arguments)
        if "answer" in told:
            return dict(told["answer"])
        if "approval_id" in told:
            raise ApprovalNeeded(told["approval_id"], told["detail"])
        if "refused" in told:
            raise ToolRefused(told["refused"], told["detail"])
        raise (ToolFailed if "failed" in told else OutcomeUnknown)(told.get("failed") or told.get("unknown"))


class Runs:
    """The answers under way in this process that may still call tools."""

    def __init__(self, finished: Callable[["asyncio.Future[Reply]"], Response]) -> None:
        """Set it up; ``finished`` is the response to an answer that is there, or failed."""
        self._finished = finished
        self._runs: dict[str, _Run] = {}

    async def begin(
        self, described: Sequence[Mapping[str, Any]], answer: Callable[[Toolset], Awaitable[Reply]]
    ) -> Response:
        """Have an agent answer with tools; its first call, or its reply."""
        name = secrets.token_hex(8)
        run = self._runs[name] = _Run(described, answer)
        run.task.add_done_callback(lambda task: self._over(name, run, task))
        return await self._next(name, run)

    def _over(self, name: str, run: "_Run", task: "asyncio.Future[Reply]") -> None:
        failed = task.cancelled() or task.exception() is not None
        if failed or run.open is None:
            self._runs.pop(name, None)
        else:  # a call is being made that both sides have given so long; this one was first
            asyncio.get_running_loop().call_later(_KEPT, self._runs.pop, name, None)

    async def go_on(self, request: Request) -> Response:
        """Tell an agent what came of its call; its next one, or its reply."""
        name = request.path_params["run"]
        run = self._runs.get(name)
        if run is None or run.open is None:
            return Response(b'{"failed":"no such run waits for anything"}', 409, None, "application/json")
        waiting, run.open = run.open, None
        if not waiting.done():
            waiting.set_result(orjson.loads(await request.body()))
        return await self._next(name, run)

    async def _next(self, name: str, run: "_Run") -> Response:
        asking = asyncio.ensure_future(run.asked.get())
        either: set[asyncio.Future[Any]] = {run.task, asking}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if run.task.done():
            asking.cancel()
            self._runs.pop(name, None)
            return self._finished(run.task)
        tool, arguments, run.open = asking.result()
        told = {"run": name, "call": {"name": tool, "arguments": arguments}}
        return Response(orjson.dumps(told), CALL, None, "application/json")


class _Run:
    def __init__(
        self, described: Sequence[Mapping[str, Any]], answer: Callable[[Toolset], Awaitable[Reply]]
    ) -> None:
        self.asked: asyncio.Queue[tuple[str, Any, asyncio.Future[Any]]] = asyncio.Queue()
        self.open: asyncio.Future[Any] | None = None
        self.task: asyncio.Future[Reply] = asyncio.ensure_future(answer(LineTools(described, self._ask)))

    async def _ask(self, name: str, arguments: Mapping[str, Any]) -> Any:
        orjson.dumps(arguments)  # what cannot be sent fails where it was called
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await self.asked.put((name, arguments, waiting))
        return await waiting
