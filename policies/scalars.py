"""What a plain (unquoted) YAML scalar means, and which ones are refused because tools disagree.

The YAML 1.2 core schema without its traps: what YAML 1.1 and 1.2 read differently, or what people
read differently from either, has to be written in the one way that everybody reads alike.
"""

from dataclasses import dataclass
from typing import Any, Final

import re2

_MOST_DIGITS: Final = 15
"""Up to here a number is the same in every reader, binary floating point included."""

_INT: Final = re2.compile(r"^[-+]?(0|[1-9][0-9]*)$")
_FLOAT: Final = re2.compile(r"^[-+]?((0|[1-9][0-9]*)?\.[0-9]+|(0|[1-9][0-9]*)\.)$")
_NUMBERS_BEGIN: Final = frozenset("+-.0123456789")
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_OLD_BOOLEANS: Final = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}

_TRAPS: Final = tuple(
    (re2.compile(pattern), message, suggestion)
    for pattern, message, suggestion in (
        (
            r"^[-+]?\.(inf|Inf|INF)$",
            "{text} is infinite",
            "write the number that is meant",
        ),
        (r"^\.(nan|NaN|NAN)$", "{text} is not a number", "write the number that is meant"),
        (
            r"^[-+]?0[0-9_]+(\.[0-9_]*)?$",
            "{text} has a leading zero: some readers take it as octal",
            "write it without, or in quotes if text is meant",
        ),
        (
            r"^[-+]?0[oO][0-7_]+$|^[-+]?0[xX][0-9a-fA-F_]+$|^[-+]?0[bB][01_]+$",
            "{text} is an octal, hexadecimal or binary number",
            "write it in decimals, or in quotes if text is meant",
        ),
        (
            r"^[-+]?[0-9][0-9_]*(:[0-9]{1,2})+(\.[0-9_]*)?$",
            "{text} is a sexagesimal number to some readers and text to others",
            "write a duration such as 90s, or quotes if text is meant",
        ),
        (
            r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$",
            "{text} is a number to some readers and text to others",
            "write it in full, without an exponent, or in quotes if text is meant",
        ),
        (
            r"^[-+]?[0-9][0-9,]*_[0-9_,]*(\.[0-9_]*)?$",
            "{text} has underscores: a number to some readers and text to others",
            "write the digits alone",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A scalar that has no one meaning."""

    message: str
    suggestion: str | None = None


def plain(text: str) -> Any:
    """The value of an unquoted scalar: str, int, float, bool, None, or ``Refused``."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text.lower() in _OLD_BOOLEANS:
        return _old_boolean(text)
    return _number(text) if text[0] in _NUMBERS_BEGIN else text


def _old_boolean(text: str) -> str | Refused:
    if text not in {text.lower(), text.upper(), text.capitalize()}:
        return text
    return Refused(
        f"{text} is a boolean to some readers and text to others",
        f"write {_OLD_BOOLEANS[text.lower()]}, or '{text}' in quotes if text is meant",
    )


def _number(text: str) -> int | float | str | Refused:
    for pattern, message, suggestion in _TRAPS:
        if pattern.match(text):
            return Refused(message.format(text=text), suggestion)
    whole = bool(_INT.match(text))
    if not whole and not _FLOAT.match(text):
        return text
    if sum(character.isdigit() for character in text) > _MOST_DIGITS:
        return Refused(
            f"{text[:24]}… has more digits than a number keeps",
            f"write at most {_MOST_DIGITS} digits, or quotes if text is meant",
        )
    return int(text) if whole else float(text)
