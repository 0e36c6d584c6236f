"""The last look at a text before a customer may see it: what it must not say, what it must not invent."""

from collections.abc import Iterable, Sequence
from typing import Final

import re2

from agents.text import normalise

PROHIBITED_PHRASES: Final = (
    "Unfortunately, I cannot",
    "I'm just an AI",
    "That's not something I can help with",
)
UNGROUNDED: Final = "ungrounded_specific_claim"

_LINK: Final = re2.compile(r"(?i)\b(?:https?://|www\.)[^\s<>\"')\]]+")
_NUMBER: Final = re2.compile(r"\d+(?:[.,:/]\d+)*")
_CITATION: Final = re2.compile(r"\[\d{1,2}\]")
_SMALL: Final = 10
"""Bare numbers up to this count steps and items; they claim nothing."""


def validate(
    text: str, grounds: Iterable[str], *, prohibited_phrases: Sequence[str] = PROHIBITED_PHRASES
) -> tuple[str, ...]:
    """The violations of a reply, as machine codes; none means that nothing known is wrong.

    Codes are ``prohibited_phrase:<phrase>`` and ``ungrounded_specific_claim:<what>``.

    Args:
        text: the reply.
        grounds: what it may rest on: retrieved passages, tool results, the customer's own words.
        prohibited_phrases: compared without regard to case, spacing and kind of apostrophe.

    """
    return (*prohibited(text, prohibited_phrases), *ungrounded(text, grounds))


def prohibited(text: str, phrases: Sequence[str] = PROHIBITED_PHRASES) -> tuple[str, ...]:
    """The phrases a reply must not contain and does."""
    folded = _folded(text)
    return tuple(f"prohibited_phrase:{phrase}" for phrase in phrases if _folded(phrase) in folded)


def ungrounded(text: str, grounds: Iterable[str]) -> tuple[str, ...]:
    """The numbers and links of a reply that stand nowhere in what it may rest on.

    Wrong statements without a number or a link are not found.
    """
    reply, known = normalise(text), normalise("\n".join(grounds))
    known_links, known_numbers = set(_links(known)), set(_NUMBER.findall(known))
    found = [link for link in _links(reply) if link not in known_links]
    prose = _CITATION.sub(" ", _LINK.sub(" ", reply))
    found += [
        number
        for number in _NUMBER.findall(prose)
        if number not in known_numbers and not (number.isdigit() and int(number[:9]) <= _SMALL)
    ]
    return tuple(dict.fromkeys(f"{UNGROUNDED}:{what}" for what in found))


def _folded(text: str) -> str:
    return " ".join(normalise(text).lower().split())


def _links(text: str) -> list[str]:
    return [link.rstrip(".,;:!?").lower() for link in _LINK.findall(text)]
