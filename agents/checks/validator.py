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

    Codes are ``prohibited_phrase:<phrase>`` and ``ungrounded_specific_claim:<what>``. A number or link
    is grounded when it stands in one of ``grounds``: retrieved passages, tool results, the customer's
    own words. Wrong statements without a number or a link are not found here.
    """
    reply = normalise(text)
    folded = " ".join(reply.lower().split())
    found = [
        f"prohibited_phrase:{phrase}"
        for phrase in prohibited_phrases
        if " ".join(normalise(phrase).lower().split()) in folded
    ]
    known = normalise("\n".join(grounds))
    found += [f"{UNGROUNDED}:{link}" for link in _links(reply) if link not in set(_links(known))]
    known_numbers = set(_NUMBER.findall(known))
    prose = _CITATION.sub(" ", _LINK.sub(" ", reply))
    found += [
        f"{UNGROUNDED}:{number}"
        for number in _NUMBER.findall(prose)
        if number not in known_numbers and not (number.isdigit() and int(number[:9]) <= _SMALL)
    ]
    return tuple(dict.fromkeys(found))


def _links(text: str) -> list[str]:
    return [link.rstrip(".,;:!?").lower() for link in _LINK.findall(text)]
