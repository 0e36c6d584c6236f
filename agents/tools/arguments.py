"""What a tool is really called with: as its schema says, bound to the ticket, and nothing beside it."""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import re2

from agents.tools.refusals import ARGUMENTS, OTHER_CUSTOMER, ToolRefused
from policies.canonical import canonical
from policies.tools import ToolDeclaration

MOST_BYTES: Final = 16 * 1024
"""Of all arguments together, as canonical JSON."""
_DEEPEST: Final = 12
_PLAIN_CONTROLS: Final = "\n\t"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Unicode categories of what nobody sees: controls, joiners, direction marks, half characters."""


def bound(tool: ToolDeclaration, arguments: object, scope: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a call, a copy that no caller holds.

    Args:
        tool: the declaration; arguments in its ``scope`` are put in here.
        arguments: what the caller chose. It may repeat a bound value, and name no other.
        scope: ``customer``, ``ticket`` and ``tenant`` of the ticket.

    Raises:
        ToolRefused: ``other-customer`` where a bound value is another, ``arguments`` for all else.

    """
    given = _plain(tool.name, arguments)
    for name, source in tool.scope.items():
        if name in given and given[name] != scope[source]:
            raise ToolRefused(OTHER_CUSTOMER, f"{tool.name}: {name!r} is the ticket's and nobody else's")
        given[name] = scope[source]
    fault = next(iter(faults(tool.name, tool.arguments, given)), None)
    if fault is not None:
        raise ToolRefused(ARGUMENTS, f"{tool.name}: {fault}")
    return given


def _plain(tool: str, arguments: object) -> dict[str, Any]:
    """The arguments as JSON would carry them."""
    if not isinstance(arguments, Mapping):
        raise ToolRefused(ARGUMENTS, f"{tool}: arguments are a mapping, not {type(arguments).__name__}")
    try:
        told = _copied(arguments)
        text = canonical(told)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolRefused(ARGUMENTS, f"{tool}: not plain JSON ({type(error).__name__})") from None
    if len(text) > MOST_BYTES:
        raise ToolRefused(ARGUMENTS, f"{tool}: more than {MOST_BYTES:,} bytes")
    copy: dict[str, Any] = json.loads(text)
    return copy


def _copied(value: object, depth: int = 0) -> object:
    """Exactly JSON's own types. A subclass may be equal to one thing and written as another."""
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(value, Mapping):
        if not all(type(key) is str for key in value):
            raise TypeError("a key that is no text")
        return {_seen(key): _copied(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(each, depth + 1) for each in value]
    if type(value) is str:
        return _seen(value)
    if type(value) is float and value.is_integer():
        return int(value)  # 25 and 25.0 are one amount, and one key
    if value is None or type(value) in {bool, int, float}:
        return value
    raise TypeError(type(value).__name__)


def _seen(text: str) -> str:
    """A text of which a person who approves it sees every character."""
    for character in text:
        if character not in _PLAIN_CONTROLS and unicodedata.category(character) in _UNSEEN:
            raise ValueError("characters that nobody sees")
    return text


def faults(tool: str, schema: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """What a tool's schema says against arguments, without the values: they may be a customer's."""
    validator = _validator(tool, json.dumps(schema, sort_keys=True))
    for error in validator.iter_errors(given):
        place = ".".join(str(part) for part in error.absolute_path)
        if error.validator == "additionalProperties":
            yield f"{place or 'arguments'}: more than is declared"
        else:
            yield f"{place or 'arguments'}: {error.validator} is not kept"


@cache
def _validator(_: str, schema: str) -> Any:
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    def pattern(_: Any, wanted: str, instance: Any, __: Any) -> Iterator[ValidationError]:
        # RE2: linear time, and `$` is the end of the text and not also a line before it.
        if isinstance(instance, str) and not re2.search(wanted, instance):
            yield ValidationError("pattern")

    return extend(Draft202012Validator, {"pattern": pattern})(json.loads(schema))
