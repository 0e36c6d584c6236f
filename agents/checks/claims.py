"""The specifics of a text: prices, dates, quantities and links, each in one canonical form.

Two spellings of the same thing are one claim (``$1,200.00`` and ``1200 USD``), so a reply may say in its
own way what it rests on. What a claim is about is not understood: a right number in the wrong place
passes, a wrong statement without a specific is not found.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import re2

from agents.checks.reading import Reading
from agents.checks.when import DATE, days

_CURRENCIES: Final = {
    **dict.fromkeys(("$", "usd", "us$", "dollar", "dollars", "bucks"), "usd"),
    **dict.fromkeys(("€", "eur", "euro", "euros"), "eur"),
    **dict.fromkeys(("£", "gbp", "pound", "pounds", "quid"), "gbp"),
    **dict.fromkeys(("¥", "jpy", "yen"), "jpy"),
    **dict.fromkeys(("chf", "francs", "franken"), "chf"),
    **{code: code for code in ("cad", "aud", "nzd", "sek", "nok", "dkk", "pln", "inr", "brl", "mxn", "cny")},
    **dict.fromkeys(("₹", "rupee", "rupees"), "inr"),
    **dict.fromkeys(("cent", "cents"), "cent"),
}
_CODES: Final = "|".join(
    sorted((re2.escape(name) for name in _CURRENCIES if name.isalpha()), key=len, reverse=True)
)
_AMOUNT: Final = r"\d+(?:[.,' ]\d{3})*(?:[.,]\d{1,2})?"
_PRICE: Final = re2.compile(
    rf"(?i)(?P<before>us\$|[$€£¥₹]|\b(?:{_CODES})\b) ?(?P<first>{_AMOUNT}(?:k\b)?)"
    rf"|(?P<second>\b{_AMOUNT}(?:k\b)?) ?(?P<after>[$€£¥₹]|(?:{_CODES})\b)"
)
_LINK: Final = re2.compile(
    r"(?i)\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s<>\"')\]]+"
    r"|\b(?:javascript|data|vbscript):[^\s<>\"')\]]+"
    r"|\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|net|org|io|co|app|dev|info|biz|example|test|ru|cn|de|fr|eu|uk|me|ly|to|xyz|top|site|online)\b(?:/[^\s<>\"')\]]*)?"
)
_NUMBER: Final = re2.compile(r"\d+(?:[.,:/]\d+)*")
_CENTS: Final = re2.compile(r"\b\d{1,7}[.,]\d{2}\b")
_CITATION: Final = re2.compile(r"\[\d{1,2}\]")
_TENS: Final = {"twenty": "20", "thirty": "30", "sixty": "60", "ninety": "90"}
_UP_TO_TWELVE: Final = "one two three four five six seven eight nine ten eleven twelve"
_WORDS: Final = {
    **{word: str(number) for number, word in enumerate(_UP_TO_TWELVE.split(), start=1)},
    **_TENS,
}
_UNITS: Final = (
    r"seconds?|minutes?|hours?|(?:business |working |calendar )?days?|weeks?|months?|years?|percent|%"
)
_COUNTED: Final = "|".join(_WORDS)
_MEASURE: Final = re2.compile(
    rf"(?i)\b(?:(\d+(?:[.,]\d+)?|{_COUNTED}) ?(?:-|to|and|or) ?)?"
    rf"(\d+(?:[.,]\d+)?|{_COUNTED})[ -]?({_UNITS})(?:\b|$|[^\w])"
)
_SMALL: Final = 10
"""Bare numbers up to this count steps and items; they claim nothing. With a unit they do."""


class Claim(NamedTuple):
    """Something specific at ``start`` to ``end`` of the squeezed text."""

    kind: str
    """``price``, ``date``, ``quantity`` or ``link``."""
    key: frozenset[str]
    """What it may mean; it is grounded by any other claim of its kind that shares one."""
    start: int
    end: int


def claims(reading: Reading) -> Iterator[Claim]:
    """Every claim of a text. What is part of one kind is not looked at again: a date is no quantity."""
    text = reading.squeezed
    taken: list[tuple[int, int]] = []

    def free(start: int, end: int) -> bool:
        return not any(start < high and low < end for low, high in taken)

    for match in _LINK.finditer(text):
        start = match.start()
        if text[start - 1 : start] == "@":  # the domain of an address: personal data, not a link
            taken.append(match.span())
            continue
        link = match.group(0).rstrip(".,;:!?").lower()
        taken.append((start, start + len(link)))
        yield Claim("link", frozenset({_bare(link)}), start, start + len(link))
    taken += [match.span() for match in _CITATION.finditer(text)]
    for match in _PRICE.finditer(text):
        if free(*match.span()):
            taken.append(match.span())
            yield Claim("price", _price(match), *match.span())
    for match in DATE.finditer(text):
        meant = days(match)
        if meant and free(*match.span()) and not _goes_on(text, *match.span()):
            taken.append(match.span())
            yield Claim("date", meant, *match.span())
    for match in _MEASURE.finditer(text):
        if free(*match.span(2)):
            end = match.end(3)
            taken.append((match.start(), end))
            unit = match.group(3).lower().split()[-1].removesuffix("s").replace("percent", "%")
            numbers = [match.group(1) or match.group(2), match.group(2)]
            key = "-".join(dict.fromkeys(_plain(number) for number in numbers))
            yield Claim("quantity", frozenset({f"{key} {unit}"}), match.start(), end)
    for match in _NUMBER.finditer(text):
        number = match.group(0)
        if free(*match.span()) and not (number.isdigit() and int(number[:9]) <= _SMALL):
            yield Claim("quantity", frozenset({_plain(number)}), *match.span())


def prose(reading: Reading) -> str:
    """The squeezed text without its links: what is left is in somebody's language."""
    without: str = _LINK.sub(" ", reading.squeezed)
    return without


def amounts(reading: Reading) -> Iterator[Decimal]:
    """Every amount of money a text names, whatever the currency, and bare ones with two decimals."""
    priced = list(_PRICE.finditer(reading.squeezed))
    for match in priced:
        yield Decimal(_decimal(match.group("first") or match.group("second")))
    for match in _CENTS.finditer(reading.squeezed):
        if not any(match.start() < price.end() and price.start() < match.end() for price in priced):
            yield Decimal(match.group(0).replace(",", "."))


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether digits are joined on either side: a version or an address, no date."""
    behind, ahead = text[end : end + 2], text[max(start - 2, 0) : start]
    joined = behind[:1] in (".", "-", "/", ":") and behind[1:].isdigit()
    return joined or (ahead[1:] in (".", "-", "/", ":") and ahead[:1].isdigit())


def _price(match: Any) -> frozenset[str]:
    amount = _decimal(match.group("first") or match.group("second"))
    currency = _CURRENCIES[(match.group("before") or match.group("after")).lower()]
    return frozenset({f"{amount} {currency}"})


def _decimal(text: str) -> str:
    """An amount in plain digits: the last separator with one or two digits behind it is the decimal one."""
    thousand = text.lower().endswith("k")
    text = text.lower().removesuffix("k").replace("'", "").replace(" ", "")
    whole, fraction = text, ""
    at = max(text.rfind("."), text.rfind(","))
    if at >= 0 and len(text) - at - 1 <= 2:
        whole, fraction = text[:at], text[at + 1 :]
    digits = whole.replace(".", "").replace(",", "")
    return _trimmed(Decimal(f"{digits}.{fraction or 0}") * (1000 if thousand else 1))


def _plain(number: str) -> str:
    """A number in plain digits; with several separators, or a colon or slash, as it is written."""
    number = _WORDS.get(number.lower(), number)
    try:
        return _trimmed(Decimal(number.replace(",", ".")))
    except InvalidOperation:
        return number


def _trimmed(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bare(link: str) -> str:
    """A link without its scheme, ``www.`` and the last slash: browsers treat them alike."""
    for prefix in ("https://", "http://", "www."):
        link = link.removeprefix(prefix)
    return link.rstrip("/")
