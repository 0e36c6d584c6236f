"""Answers as bytes."""

from typing import Any

import orjson
from starlette.responses import Response


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """``value`` as a JSON response."""
    return Response(orjson.dumps(value), status, headers, "application/json")
