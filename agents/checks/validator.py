"""The last look at a text where no conduct policy is at hand: phrases never to be used, specifics made up.

What a policy asks for beside these is examined by ``agents.checks.conduct``, on the same claims.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from agents.checks.grounding import Grounds
from agents.checks.grounding import ungrounded as ungrounded_claims
from agents.checks.reading import matches, phrase_pattern, read

PROHIBITED_PHRASES: Final = (
    "Unfortunately, I cannot",
    "I'm just an AI",
    "That's not something I can help with",
)
UNGROUNDED: Final = "ungrounded_specific_claim"


def validate(
    text: str, grounds: Iterable[str], *, prohibited_phrases: Sequence[str] = PROHIBITED_PHRASES
) -> tuple[str, ...]:
    """The violations of a reply, as machine codes; none means that nothing known is wrong.

    Codes are ``prohibited_phrase:<phrase>`` and ``ungrounded_specific_claim:<kind>``; they hold nothing
    of the reply itself.

    Args:
        text: the reply.
        grounds: what it may rest on: retrieved passages, tool results, the customer's own words.
        prohibited_phrases: compared without regard to case, spacing and kind of apostrophe.

    """
    return (*prohibited(text, prohibited_phrases), *ungrounded(text, grounds))


def prohibited(text: str, phrases: Sequence[str] = PROHIBITED_PHRASES) -> tuple[str, ...]:
    """The phrases a reply must not contain and does."""
    reading = read(text)
    return tuple(
        f"prohibited_phrase:{phrase}"
        for phrase in phrases
        if any(True for _ in matches(reading, (phrase_pattern(phrase),)))
    )


def ungrounded(text: str, grounds: Iterable[str]) -> tuple[str, ...]:
    """The kinds of specifics in a reply that stand nowhere in what it may rest on.

    ``price``, ``date``, ``quantity``, ``link``. Wrong statements without a specific are not found.
    """
    found = ungrounded_claims(read(text), Grounds.of(grounds))
    return tuple(dict.fromkeys(f"{UNGROUNDED}:{kind}" for kind, _, _ in found))
