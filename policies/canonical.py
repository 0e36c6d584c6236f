"""The one JSON text of a value: what digests are taken of."""

import json
from typing import Any


def canonical(value: Any) -> bytes:
    """The one JSON text of a value. NaN and infinities raise ValueError."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
