"""What stands between a toolset and whoever chooses from it: descriptions, placeholders, both ways."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from agents.contract import Toolset
from agents.pii import Vault

MOST_SHOWN: Final = 8_000
"""Characters of one result, as JSON; of a longer one the beginning is shown, as text."""
_DEEPEST: Final = 12
_CUT: Final = "…"
_HALVED: Final = 200
"""Characters at a cut that are dropped: what was cut in two is recognised by nobody."""
_SHORTEST_NUMBER: Final = 1_000_000
"""What identifies somebody has more digits than a smaller one."""


def offered(tools: Toolset) -> Sequence[Mapping[str, Any]]:
    """The tools of a run with the schema of what may be chosen; none where the toolset describes none."""
    describe = getattr(tools, "described", None)
    return [] if describe is None else [dict(one) for one in describe()]


def redacted(result: Mapping[str, Any], vault: Vault) -> Any:
    """A result with placeholders in the place of what identifies a person, as long as it may be."""
    text = orjson.dumps(result, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    if len(text) > MOST_SHOWN:
        return vault.redact(text[:MOST_SHOWN])[:-_HALVED] + _CUT
    known: dict[str, str] = {}

    def once(said: str) -> str:
        if said not in known:
            known[said] = vault.redact(said)
        return known[said]

    return _walked(result, once)


def _walked(value: object, redact: Callable[[str], str], depth: int = 0) -> Any:
    if depth > _DEEPEST:
        return _CUT
    if isinstance(value, Mapping):
        return {redact(str(key)): _walked(each, redact, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_walked(each, redact, depth + 1) for each in value]
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, int) and abs(value) >= _SHORTEST_NUMBER:  # a card's number may come as one
        text = str(value)
        return value if redact(text) == text else redact(text)
    return value


def restored(arguments: object, vault: Vault, depth: int = 0) -> Any:
    """Arguments with what placeholders stand for.

    What is nested deeper than any schema allows is left as it is, to be refused.

    Raises:
        LookupError: a placeholder was never given out.

    """
    if isinstance(arguments, str):
        if vault.unknown(arguments):
            raise LookupError("a placeholder that was never given out")
        return vault.restore(arguments)
    if depth > _DEEPEST:
        return arguments
    if isinstance(arguments, Mapping):
        return {key: restored(each, vault, depth + 1) for key, each in arguments.items()}
    if isinstance(arguments, list):
        return [restored(each, vault, depth + 1) for each in arguments]
    return arguments
