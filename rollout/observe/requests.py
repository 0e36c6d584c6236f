"""Around every request of a door: how long it took and what became of it.

Outermost, so that what other layers refuse is seen too. One comparison of the clock, one bisection and
two additions per request; nothing waits for a lock.
"""

from collections.abc import Callable, MutableMapping
from time import perf_counter
from typing import Any, Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollout.durations import Durations

ROUTE: Final = "ridealong.route"
"""In the scope: ``POST /v1/route``, the template of the route that answers; never a path as it came."""
TENANT: Final = "ridealong.tenant"
PROBLEM: Final = "ridealong.problem"
"""In the scope: the code of the refusal that was answered."""
UNKNOWN: Final = "none"
"""The route of what no route answers."""


class Request(NamedTuple):
    """What is known of a request when it was answered. No text, no query, no caller's own words."""

    route: str
    tenant: str
    status: int
    problem: str | None
    seconds: float


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


class Observed:
    """ASGI middleware that tells ``seen`` of every request and ``refused`` of those that were not done."""

    def __init__(self, app: ASGIApp, seen: Seen, told: Callable[[Request], None]) -> None:
        self._app = app
        self._seen = seen
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            seconds = perf_counter() - began
            route = scope.get(ROUTE, UNKNOWN)
            self._seen.note(route, status, seconds)
            if status >= 400:
                self._told(request_of(scope, status, seconds))


def request_of(scope: MutableMapping[str, Any], status: int, seconds: float) -> Request:
    """What the layers below have noted in the scope."""
    return Request(
        scope.get(ROUTE, UNKNOWN), scope.get(TENANT, ""), status, scope.get(PROBLEM), max(seconds, 0.0)
    )
