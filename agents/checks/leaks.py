"""Personal data in a reply that the customer did not bring and no article publishes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agents.checks.reading import Span
from agents.pii import find
from agents.text import normalise

KINDS: Final = frozenset({"email", "iban", "card", "id", "phone"})
"""What is looked for. Names are not: a greeting has one, and no text says whose it is."""


def leaks(text: str, known: Iterable[str], regions: Sequence[str] = ()) -> Iterator[Span]:
    """Where a normalised text names data of somebody else.

    Args:
        text: the reply.
        known: what may be repeated: the conversation, published articles, answers of tools that are
            bound to this customer.
        regions: countries whose national phone numbers are looked for.

    """
    found = [one for one in find(text, regions=regions) if one.kind in KINDS]
    if not found:
        return
    allowed = {
        key
        for source in map(normalise, known)
        for one in find(source, regions=regions)
        for key in _keys(one.kind, source[one.start : one.end])
    }
    for one in found:
        if not allowed & set(_keys(one.kind, text[one.start : one.end])):
            yield one.start, one.end


def _keys(kind: str, value: str) -> Iterator[tuple[str, str]]:
    """Canonical forms, so that another spelling of the same thing is the same."""
    if kind in {"email", "iban"}:
        yield kind, "".join(value.lower().split()).replace("-", "") if kind == "iban" else value.lower()
        return
    digits = "".join(char for char in value if char.isalnum()).lower()
    yield kind, digits
    if kind == "phone":  # with and without the country's code
        yield kind, digits[-8:]
