"""An application with a way past its own layers for the routes that are asked once per ticket.

Routing, exception layers and telemetry of the framework cost several times what a decision costs. What the
door itself puts around every request (who may, how large, how long it took) is around these too.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rollout.api.problems import Refused, answer_to, problem
from rollout.errors import RidealongError

_log = logging.getLogger(__name__)
_GONE: Final = Response(status_code=400)
"""To nobody: whoever asked has left in the middle of the body."""


class DoorApp(FastAPI):
    """FastAPI, its guards outermost, and some routes answered without its layers."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self._direct: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {}
        self._guarded: ASGIApp = self._inside

    def answer_directly(
        self, method: str, path: str, handler: Callable[[Request], Awaitable[Response]]
    ) -> None:
        """Answer a path without parameters by ``handler`` alone; its errors become problems as elsewhere."""
        self._direct[method, path] = handler

    def guard(self, guards: Callable[[ASGIApp], ASGIApp]) -> None:
        """Put ``guards`` around every request."""
        self._guarded = guards(self._inside)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._guarded(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._direct.get((scope["method"], scope["path"]))
        if handler is None:
            await super().__call__(scope, receive, send)
        else:
            response = await _answered(handler, Request(scope, receive))
            await response(scope, receive, send)


async def _answered(handler: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    try:
        return await handler(request)
    except (Refused, RidealongError, ValidationError) as error:
        return answer_to(error)
    except ClientDisconnect:
        return _GONE
    except Exception:  # noqa: BLE001 - whatever it was, whoever asked hears of it and the next one is served
        _log.exception("%s %s failed", request.method, request.url.path)
        return problem(
            "internal", f"{request.method} {request.url.path} failed; the server's log has the cause"
        )
