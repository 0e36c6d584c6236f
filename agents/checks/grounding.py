"""Whether the specifics of a reply stand in what it may rest on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from agents.checks.claims import Claim, claims
from agents.checks.reading import Reading, matches, read
from agents.text import terms

_NUMERIC: Final = ("price", "quantity", "date")


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a reply may rest on, by kind of claim."""

    keys: frozenset[tuple[str, str]]
    """Kind and canonical form of everything specific."""
    numbers: frozenset[str]
    """Every number in it, whatever it counted."""
    texts: tuple[Reading, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """The grounds of some texts. Each is read by itself: nothing arises across two of them."""
        readings = tuple(read(text) for text in texts if text.strip())
        found = [claim for reading in readings for claim in claims(reading)]
        keys = {(claim.kind, key) for claim in found for key in claim.key}
        keys |= {("date", _yearless(key)) for claim in found if claim.kind == "date" for key in claim.key}
        numbers = {key.split()[0] for claim in found if claim.kind in _NUMERIC for key in claim.key}
        return cls(frozenset(keys), frozenset(numbers), readings)

    def support(self, claim: Claim) -> bool:
        """Whether the claim stands in the grounds.

        A price needs its currency, unless the amount stands there as a bare number; a bare number may
        have counted anything; a number with a unit needs the unit; a date without a year needs its day.
        """
        if any((claim.kind, key) in self.keys for key in claim.key):
            return True
        if claim.kind == "price":
            return any(("quantity", key.split()[0]) in self.keys for key in claim.key)
        bare = all(" " not in key for key in claim.key)
        return claim.kind == "quantity" and bare and bool(claim.key & self.numbers)


def ungrounded(reading: Reading, grounds: Grounds) -> Iterator[tuple[str, int, int]]:
    """Kind and span of every claim that nothing supports."""
    for claim in claims(reading):
        if not grounds.support(claim):
            yield (claim.kind, *reading.span(claim.start, claim.end))


def unfounded(
    reading: Reading, grounds: Grounds, patterns: tuple[str, ...], unless: tuple[str, ...] = ()
) -> Iterator[tuple[int, int]]:
    """Where a reply promises what no article promises and no tool reports.

    ``grounds`` must not hold the customer's words: a promise that a customer dictates is none.
    """
    promised = [
        frozenset(terms(known.text[start:end]))
        for known in grounds.texts
        for start, end in matches(known, patterns, unless)
    ]
    for start, end in matches(reading, patterns, unless):
        said = frozenset(terms(reading.text[start:end]))
        if not any(said <= known for known in promised):
            yield start, end


def _yearless(day: str) -> str:
    """``2025-05-03`` as ``--05-03``."""
    return f"-{day[-6:]}"
