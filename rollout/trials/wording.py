"""What the simulated desk's customers write and what they are told: made up, in English and German.

The texts are in ``wording.json``, one entry per subject of ``world.TOPICS``. Nobody in there exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

_FILE: Final = Path(__file__).with_name("wording.json")
GERMAN_EVERY: Final = 6
"""One in so many customers of the EU writes German."""


@dataclass(frozen=True, slots=True)
class Article:
    """What the agent answers from."""

    source_id: str
    title: str
    age_days: float
    """When the simulation begins."""


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that is said of one ticket, in its customer's language."""

    subject: str
    text: str
    """How the customer opens."""
    agent: str
    human: str
    again: str
    """What a customer writes whom the answer did not help."""
    person_please: str
    article: Article
    order: str
    """The customer's; ``text`` names it where it is about one."""
    email: str
    """The address they would like to have."""


def language_of(customer: int, region: str) -> str:
    return "de" if region == "eu" and customer % GERMAN_EVERY == 0 else "en"


def order_of(customer: int) -> str:
    """The one order that a customer ever writes about."""
    return f"R-{20_000 + 7 * customer % 70_000}"


def words_of(subject: str, language: str, number: int, customer: int) -> Words:
    """The words of the ticket with this number; the same for the same ticket, whatever the seed.

    Args:
        subject: as in ``world.TOPICS``, in English.
        language: ``en`` or ``de``.
        number: the ticket's own; tickets of a subject take turns with what there is.
        customer: theirs is the name below it.

    """
    known = _known()
    entry = known["subjects"][subject]
    said = entry[language]
    name = known["names"][customer % len(known["names"])]
    blanks = {"order": order_of(customer), "name": name, "email": f"{name.lower()}.{customer}@mail.example"}

    def letter(frame: str, body: str) -> str:
        filled = body.format(**blanks)
        return str(known[frame][language]).format(body=filled, **blanks)

    return Words(
        subject=said["subject"],
        text=letter("greeting", said["asks"][number % len(said["asks"])]),
        agent=letter("reply", said["agent"]),
        human=letter("reply", said["human"]),
        again=letter("greeting", said["again"]),
        person_please=known["person_please"][language],
        article=Article(**entry["article"]),
        order=blanks["order"],
        email=blanks["email"],
    )


@cache
def _known() -> dict[str, Any]:
    known: dict[str, Any] = orjson.loads(_FILE.read_bytes())
    return known


def subjects() -> Mapping[str, Any]:
    """Every subject there are words for."""
    return dict(_known()["subjects"])
