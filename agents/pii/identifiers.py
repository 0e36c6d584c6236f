"""Numbers that somebody issued to a person: accounts, cards, identities. All with their check digits.

Formats that nothing else has are found anywhere. Bare digits that only a check sum tells from an order
number count where the words before them say what they are: one order number in ten would pass.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

import re2

_IBAN: Final = re2.compile(r"(?i)\b[a-z]{2}\d{2}(?:[ -]?[a-z0-9]){11,32}")
_SHORTEST_IBAN: Final = 15
_CARD: Final = re2.compile(r"\d(?:[ -]?\d){12,18}")
_CARD_STARTS: Final = ("34", "35", "36", "37", "4", "5", "6", "2")
_CARD_LENGTHS: Final = frozenset({13, 14, 15, 16, 18, 19})

_SHAPED: Final[Mapping[str, str]] = {
    "us.ssn": r"\d{3}-\d{2}-\d{4}",
    "ca.sin": r"\d{3}-\d{3}-\d{3}",
    "br.cpf": r"\d{3}\.\d{3}\.\d{3}-\d{2}",
    "ch.ssn": r"756\.\d{4}\.\d{4}\.\d{2}",
    "es.dni": r"\d{8}-?[A-Za-z]",
    "es.nie": r"[XYZxyz]-?\d{7}-?[A-Za-z]",
    "it.codicefiscale": r"[A-Za-z]{6}\d{2}[A-Za-z]\d{2}[A-Za-z]\d{3}[A-Za-z]",
    "fi.hetu": r"\d{6}[-+A]\d{3}[0-9A-Za-z]",
    "se.personnummer": r"\d{6}-\d{4}",
    "fr.nir": r"[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3} ?\d{2}",
}
"""Formats of their own; each is checked by the module of python-stdnum of this name."""
_NINO: Final = re2.compile(r"(?i)\b[a-ceghj-prtw-z][a-ceghj-nprtw-z] ?\d{2} ?\d{2} ?\d{2} ?[a-d]\b")
"""United Kingdom; it has no check digit, its form is its own."""
_SAID: Final = re2.compile(
    r"(?i)\b(?:ssn|social security|sin|bsn|burgerservicenummer|pesel|aadhaar|nhs|tax[ -]?id|tin|steuer-?id"
    r"|idnr|national id|identity (?:card|number)|id (?:card|number)|personal (?:id|number)|passport)"
    r"(?: (?:number|no|nr))?[ .:#]{0,3}(?:is |was )?[ :]{0,2}([A-Za-z]{0,2}\d(?:[ -]?[0-9]){5,14}[A-Za-z]?)"
)


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """International bank account numbers with a right check sum, their longest reading."""
    iban = _module("iban")
    for match in _IBAN.finditer(text):
        start, end = match.span()
        while end - start >= _SHORTEST_IBAN:
            whole = not text[end : end + 1].isalnum()
            if whole and iban.is_valid(text[start:end].replace("-", " "), check_country=False):
                yield start, end
                break
            end -= 1


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Payment card numbers: a length and a beginning that cards have, and Luhn's sum."""
    luhn = _module("luhn")
    for match in _CARD.finditer(text):
        start, end = match.span()
        digits = "".join(char for char in match.group(0) if char.isdigit())
        alone = not text[max(start - 1, 0) : start].isalnum() and not text[end : end + 1].isalnum()
        if (
            alone
            and len(digits) in _CARD_LENGTHS
            and digits.startswith(_CARD_STARTS)
            and luhn.is_valid(digits)
        ):
            yield start, end


def national(text: str) -> Iterator[tuple[int, int]]:
    """Numbers of identity, tax and insurance."""
    for name, pattern in _patterns().items():
        valid = _module(name).is_valid
        yield from (match.span(1) for match in pattern.finditer(text) if valid(match.group(1)))
    yield from (match.span() for match in _NINO.finditer(text))
    yield from (match.span(1) for match in _SAID.finditer(text))


@cache
def _patterns() -> Mapping[str, Any]:
    return {name: re2.compile(rf"\b({shape})\b") for name, shape in _SHAPED.items()}


@cache
def _module(name: str) -> Any:
    return import_module(f"stdnum.{name}")
