"""Around every request of a door: how long it took and what became of it.

Outermost, so that what other layers refuse is seen too. Two looks at the clock, one bisection and two
additions per request; nothing waits for a lock.
"""

from collections.abc import Callable, MutableMapping
from secrets import token_hex
from time import perf_counter
from typing import Any, Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollout.durations import Durations

ROUTE: Final = "ridealong.route"
"""In the scope: ``POST /v1/route``, the template of the route that answers; never a path as it came."""
TENANT: Final = "ridealong.tenant"
PROBLEM: Final = "ridealong.problem"
"""In the scope: the code of the refusal that was answered."""
TRACE: Final = "ridealong.trace"
"""In the scope: the id of the trace that the request belongs to, as 32 hex digits."""
UNKNOWN: Final = "none"
"""The route of what no route answers."""
REQUEST_ID: Final = b"x-request-id"
"""Header of answers that are problems; the same id stands in the log."""


class Request(NamedTuple):
    """What is known of a request when it was answered. No text, no query, no caller's own words."""

    route: str
    tenant: str
    status: int
    problem: str | None
    seconds: float
    request_id: str = ""
    trace_id: str = ""


class Seen:
    """What was answered since the process began, by route and status. Both come from fixed lists."""

    def __init__(self) -> None:
        self.durations: dict[str, Durations] = {}
        self.answers: dict[tuple[str, int], int] = {}

    def note(self, route: str, status: int, seconds: float) -> None:
        if route not in self.durations:
            self.durations[route] = Durations()
        self.durations[route].observe(seconds)
        key = (route, status)
        self.answers[key] = self.answers.get(key, 0) + 1


def _nobody(_: Request) -> None:
    pass


class Observed:
    """ASGI middleware that notes every request, and tells of those that were refused or are to be logged."""

    def __init__(
        self,
        app: ASGIApp,
        seen: Seen,
        told: Callable[[Request], None],
        log: tuple[int, Callable[[Request], None]] = (600, _nobody),
    ) -> None:
        """Wrap ``app``.

        Args:
            app: the door.
            seen: takes every request.
            told: takes those that were answered with a problem.
            log: takes those with this status or a higher one.

        """
        self._app = app
        self._seen = seen
        self._told = told
        self._least, self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, request_id, began = 500, "", perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status, request_id
            if message["type"] == "http.response.start":
                status = message["status"]
                if status >= 400:
                    request_id = token_hex(8)
                    message["headers"] = [*message.get("headers", ()), (REQUEST_ID, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            seconds = perf_counter() - began
            self._seen.note(scope.get(ROUTE, UNKNOWN), status, seconds)
            if status >= 400 or status >= self._least:
                request = request_of(scope, status, seconds, request_id)
                if status >= 400:
                    self._told(request)
                if status >= self._least:
                    self._log(request)


def request_of(scope: MutableMapping[str, Any], status: int, seconds: float, request_id: str) -> Request:
    """What the layers below have noted in the scope."""
    return Request(
        scope.get(ROUTE, UNKNOWN),
        scope.get(TENANT, ""),
        status,
        scope.get(PROBLEM),
        max(seconds, 0.0),
        request_id,
        scope.get(TRACE, ""),
    )
