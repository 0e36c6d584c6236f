"""Bodies that two readers could read differently, or that cost more to read than to send.

A parser's own limits are its author's; these are the door's. One pass of the standard library's scanner,
written in C, sees names that stand twice in one object (the last one would win silently), numbers that are
none, and nesting. What it lets through is read by the strict models afterwards.
"""

import json
from typing import Any, Final, NoReturn

from rollout.api.problems import Refused

DEEPEST: Final = 32
"""Objects and lists inside one another; the doors' own bodies need four."""
MOST_PARTS: Final = 100_000
"""Brackets in one body, so that two megabytes of empty lists do not hold up everybody else."""


class _Unsound(Exception):
    pass


def require_sound(body: bytes) -> None:
    """Refuse a body of JSON that is not well-formed, is ambiguous or nested too deeply.

    Raises:
        Refused: 400 ``malformed``; no value of the body is in its words.

    """
    if body.count(b"{") + body.count(b"[") > MOST_PARTS:
        raise Refused("malformed", f"more than {MOST_PARTS:,} objects and lists; send smaller batches")
    try:
        _depth(_SCANNER.decode(body.decode()), 0)
    except RecursionError:
        raise Refused("malformed", _TOO_DEEP) from None
    except _Unsound as found:
        raise Refused("malformed", str(found)) from None
    except json.JSONDecodeError as found:
        raise Refused("malformed", f"{found.msg} at character {found.pos}") from None
    except UnicodeDecodeError as found:
        raise Refused("malformed", f"not UTF-8 at byte {found.start}") from None
    except ValueError:  # what a number of thousands of digits raises
        raise Refused("malformed", "a number has more digits than any number here has") from None


_TOO_DEEP: Final = f"nested more than {DEEPEST} deep"


class _Nested:
    """What is left of an object: how deep it goes."""

    __slots__ = ("depth",)

    def __init__(self, depth: int) -> None:
        self.depth = depth


_FLAT: Final = _Nested(1)


def _object(pairs: list[tuple[str, Any]]) -> _Nested:
    if len(dict(pairs)) != len(pairs):
        raise _Unsound("a name stands twice in one object")
    deepest = 0
    for _, value in pairs:
        if isinstance(value, _Nested | list):
            deepest = max(deepest, _depth(value, 1))
    return _Nested(deepest + 1) if deepest else _FLAT


def _depth(value: Any, above: int) -> int:
    """How deep ``value`` goes, with ``above`` levels around it."""
    own = 0
    if isinstance(value, list):
        if above >= DEEPEST:
            raise _Unsound(_TOO_DEEP)
        own = 1 + max((_depth(each, above + 1) for each in value), default=0)
    elif isinstance(value, _Nested):
        own = value.depth
    if above + own > DEEPEST:
        raise _Unsound(_TOO_DEEP)
    return own


def _constant(name: str) -> NoReturn:
    raise _Unsound(f"{name} is no number in JSON")


_SCANNER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
