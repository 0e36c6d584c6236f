"""What stands between a toolset and whoever chooses from it: descriptions, placeholders, both ways."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from agents.contract import Toolset
from agents.pii import Vault

MOST_SHOWN: Final = 8_000
"""Characters of one result, as JSON; of a longer one the beginning is shown, as text."""
_DEEPEST: Final = 12
_CUT: Final = "…"


def offered(tools: Toolset) -> Sequence[Mapping[str, Any]]:
    """The tools of a run with the schema of what may be chosen; none where the toolset describes none."""
    describe = getattr(tools, "described", None)
    return [] if describe is None else [dict(one) for one in describe()]


def redacted(result: Mapping[str, Any], vault: Vault) -> Any:
    """A result with placeholders in the place of what identifies a person, as long as it may be."""
    shown = _walked(result, vault)
    text = orjson.dumps(shown, default=str).decode()
    return shown if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + _CUT


def _walked(value: object, vault: Vault, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        return _CUT
    if isinstance(value, Mapping):
        return {vault.redact(str(key)): _walked(each, vault, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_walked(each, vault, depth + 1) for each in value]
    if isinstance(value, str):
        return vault.redact(value)
    if isinstance(value, int) and not isinstance(value, bool):  # a card's number may come as one
        text = str(value)
        return value if vault.redact(text) == text and abs(value) < 2**63 else vault.redact(text)
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
