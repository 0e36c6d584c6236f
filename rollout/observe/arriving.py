"""Requests as parts of their callers' traces."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from rollout.observe.requests import TRACE
from rollout.observe.tracing import Tracing

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


class Arriving:
    """ASGI middleware: a request belongs to its caller's trace, and is noted where its own id is known."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _scope.set(scope)
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        with self._tracing.arriving(headers):
            await self._app(scope, receive, send)


def note(span: "Span") -> None:
    """Note the trace of a request in its scope, for its line in the log."""
    if (scope := _scope.get()) is not None:
        scope[TRACE] = f"{span.get_span_context().trace_id:032x}"
