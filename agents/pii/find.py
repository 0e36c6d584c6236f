"""Where a text identifies somebody: spans that do not overlap, in order.

Checked where a check exists: a card number keeps Luhn's sum, an account number its ISO 7064 sum, a phone
number its country's plan. What merely looks like a number (an order, a version, a price, a date) is left,
because an answer often turns on it. Linear in the length of the text; patterns are RE2.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import re2

from agents.pii import identifiers, names, network, phones

KINDS: Final = ("email", "iban", "card", "id", "ip", "phone", "name")
"""In the order in which they win an overlap: the surest first."""

_PART = r"""[^\s@,;:<>()\[\]"'|/\\\x{27e6}\x{27e7}.?!*=]"""
_EMAIL: Final = re2.compile(
    rf"{_PART}(?:{_PART}|[.!?*=/'|])*(?:@| ?[\[(] ?(?i:at) ?[\])] ?)"
    rf"{_PART}+(?:(?:\.| ?[\[(] ?(?i:dot) ?[\])] ?){_PART}+)+"
)


class Found(NamedTuple):
    """``text[start:end]`` is of this kind."""

    start: int
    end: int
    kind: str


Finder = Callable[[str], Iterable[tuple[int, int]]]


def find(
    text: str, *, regions: Sequence[str] = (), names: Sequence[str] = (), skip: Any = None
) -> tuple[Found, ...]:
    """Everything found in a normalised text.

    Args:
        text: as ``agents.text.normalise`` gives it.
        regions: countries whose national phone numbers are looked for; international ones always are.
        names: persons known from elsewhere in the conversation.
        skip: a pattern of what is left alone whatever it holds.

    """
    finders: dict[str, Finder] = {
        "email": _emails,
        "iban": identifiers.ibans,
        "card": identifiers.cards,
        "id": identifiers.national,
        "ip": network.addresses,
        "phone": lambda one: phones.numbers(one, regions),
        "name": lambda one: _named(one, names),
    }
    taken: list[Found] = (
        [Found(match.start(), match.end(), "") for match in skip.finditer(text)] if skip else []
    )
    for kind in KINDS:
        free = [
            Found(start, end, kind)
            for start, end in sorted(finders[kind](text))
            if not any(start < other.end and other.start < end for other in taken)
        ]
        last = -1
        for one in free:
            if one.start >= last:
                taken.append(one)
                last = one.end
    return tuple(sorted(one for one in taken if one.kind))


def learned_names(text: str) -> tuple[str, ...]:
    """Names of several words that a text gives away: worth looking for wherever they stand."""
    return tuple(dict.fromkeys(text[start:end] for start, end in names.given(text) if " " in text[start:end]))


def _emails(text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in _EMAIL.finditer(text))


def _named(text: str, known: Sequence[str]) -> Iterator[tuple[int, int]]:
    yield from names.given(text)
    for name in known:
        at = text.find(name)
        while at >= 0:
            end = at + len(name)
            if not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum():
                yield at, end
            at = text.find(name, end)
