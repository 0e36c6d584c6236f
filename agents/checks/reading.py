"""A text as rules read it: normalised, white space squeezed, every place traceable to where it stood."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import re2

from agents.text import normalise

_SPACES: Final = re2.compile(r"\s+")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """``squeezed[i]`` stood at ``places[i]`` of ``text``, the normalised original."""

    text: str
    squeezed: str
    places: tuple[int, ...]

    def span(self, start: int, end: int) -> Span:
        """A span of the squeezed text as a span of the text."""
        return self.places[start], self.places[end - 1] + 1


def read(text: str) -> Reading:
    """The reading of a text, in linear time."""
    text = normalise(text)
    pieces: list[str] = []
    places: list[int] = []
    done = 0
    for match in _SPACES.finditer(text):
        pieces += [text[done : match.start()], " "]
        places += [*range(done, match.start()), match.start()]
        done = match.end()
    pieces.append(text[done:])
    places += range(done, len(text))
    return Reading(text, "".join(pieces), tuple(places))


@lru_cache(maxsize=512)
def any_of(patterns: Sequence[str]) -> Any:
    """One RE2 pattern that finds what any of these finds; case does not count. ``patterns`` is a tuple."""
    return re2.compile("(?i)" + "|".join(f"(?:{pattern})" for pattern in patterns))


def matches(reading: Reading, patterns: tuple[str, ...], unless: tuple[str, ...] = ()) -> Iterator[Span]:
    """Where any pattern matches, as spans of the text; not inside a match of ``unless``."""
    if not patterns or not reading.squeezed.strip():
        return
    excepted = [match.span() for match in any_of(unless).finditer(reading.squeezed)] if unless else []
    for match in any_of(patterns).finditer(reading.squeezed):
        start, end = match.span()
        if end > start and not any(low <= start and end <= high for low, high in excepted):
            yield reading.span(start, end)


def phrase_pattern(phrase: str) -> str:
    """A pattern for exactly these words, whatever the white space and the kind of apostrophe."""
    return r"\s+".join(re2.escape(word) for word in normalise(phrase).split())
