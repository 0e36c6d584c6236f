"""Tool results as grounds: what a reply may rest on of what tools answered for this very ticket.

Numbers, prices and dates count wherever they stand. A link counts only where it is a value by itself,
as a field for links has it: one inside prose (a note, a message) may be anybody's, and a model that was
talked into passing it on would pass it on with our blessing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import re2

from agents.checks.claims import claims
from agents.checks.reading import read

_LINK: Final = re2.compile(r"(?i)^https?://[^\s<>\"')\]]+$")
_WORDS: Final = re2.compile(r"[A-Za-z]+|\d+")
_CLOCK: Final = re2.compile(r"^(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}")
_DEEPEST: Final = 20


def grounds_of(results: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The texts of results, one per value. Each is read by itself: nothing arises across two of them."""
    values = dict.fromkeys(one for result in results for one in _values("", result, 0))
    texts = (text for name, value in values for text in _texts(name, value))
    return tuple(dict.fromkeys(texts))


def _values(name: str, value: object, depth: int) -> Iterator[tuple[str, str]]:
    """Every text and number in it, with the name of its field; a number as it is written."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _values(str(key), each, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _values(name, each, depth + 1)
    elif isinstance(value, str):
        yield name, value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, str(value)


def _texts(name: str, value: str) -> Iterator[str]:
    whole = value.strip()
    if _LINK.match(whole):
        yield whole
        return
    moment = _CLOCK.match(whole)
    if moment:
        yield moment.group(1)
    yield _without_links(value)
    if whole.replace(".", "", 1).isdecimal():
        yield from _counted(name, whole)


def _without_links(value: str) -> str:
    """Prose as it may be rested on. An address of somebody is no link."""
    reading = read(value)
    text, done, out = reading.squeezed, 0, []
    for claim in claims(reading):
        if claim.kind == "link":
            out.append(text[done : claim.start])
            done = claim.end
    return " ".join([*out, text[done:]])


def _counted(name: str, number: str) -> Iterator[str]:
    """A number as it stands, and with what its field says it counts: ``delivery_days: 3`` is 3 days."""
    yield number
    words = _WORDS.findall(name)
    if words:
        yield f"{number} {words[-1]}"
        yield f"{number} {words[0]}"
