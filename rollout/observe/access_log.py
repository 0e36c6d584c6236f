"""A line per request, where somebody wants it: the route's template, never the path, query or body."""

import logging
from collections.abc import Callable
from typing import Final

from rollout.observe.logs import ACCESS_LOGGER, LogSettings
from rollout.observe.requests import Request

_log = logging.getLogger(ACCESS_LOGGER)
_LEAST: Final = {"off": 600, "errors": 500, "all": 0}


def access_log(settings: LogSettings) -> tuple[int, Callable[[Request], None]]:
    """The least status that gets a line, and what writes it."""
    return _LEAST[settings.access], write


def write(request: Request) -> None:
    """One line."""
    told = {
        "request_id": request.request_id,
        "route": request.route,
        "tenant": request.tenant,
        "status": request.status,
        "problem": request.problem,
        "trace_id": request.trace_id,
        "milliseconds": round(request.seconds * 1000, 3),
    }
    level = logging.WARNING if request.status >= 500 else logging.INFO
    _log.log(level, "request", extra={"told": {name: value for name, value in told.items() if value}})
