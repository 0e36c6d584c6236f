"""Phone numbers, by the numbering plans of the countries (Google's libphonenumber)."""

from collections.abc import Iterator, Sequence
from typing import Final

import re2

_CANDIDATE: Final = re2.compile(r"(?:\+|\b00|\()?\d[\d ()/.\t-]{5,24}\d")
_SPOKEN: Final = re2.compile(
    r"(?i)\b(?:phone|telephone|tel|mobile|cell|cellphone|call|ring|reach|text|whatsapp|sms|fax|telefon|handy)"
    r"(?: me| us)?(?: at| on)?(?: number| no| nr)?(?: is)?[ .:#]{0,3}$"
)
_OTHERWISE: Final = re2.compile(
    r"(?i)(?:\b(?:order|invoice|purchase|tracking|booking|account|case|ticket|reference|ref|serial|version|build"
    r"|bug|article|sku|item|product|model|part|id)(?: (?:number|no|nr|id))?[ .:#]{0,3}|[#$€£])$"
)
_DOTTED_OR_DATE: Final = re2.compile(
    r"^(?:\d+(?:\.\d+)+|\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}.*|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{4}.*)$"
)
_US_DOTS: Final = re2.compile(r"^\d{3}\.\d{3}\.\d{4}$")
_LEAST, _MOST = 7, 15
_CONTEXT: Final = 40
ALWAYS: Final = ("US", "GB")
"""National numbers of these are looked for wherever the customer is."""


def numbers(text: str, regions: Sequence[str] = ()) -> Iterator[tuple[int, int]]:
    """Phone numbers that their country's plan allows. Bare digits only where the words before say so."""
    for match in _CANDIDATE.finditer(text):
        start, end = match.span()
        before = text[max(start - _CONTEXT, 0) : start]
        if before[-1:].isalnum() or before[-1:] in {".", "-", "/"} or text[end : end + 1].isalnum():
            continue
        if not _OTHERWISE.search(before):
            yield from (
                (start + first, start + last)
                for first, last in _within(match.group(0), regions, said=bool(_SPOKEN.search(before)))
            )


def _within(candidate: str, regions: Sequence[str], *, said: bool) -> Iterator[tuple[int, int]]:
    import phonenumbers
    from phonenumbers import Leniency, PhoneNumberMatcher

    bare, abroad_said = candidate.isdigit(), candidate.startswith(("+", "00"))
    if sum(map(str.isdigit, candidate)) < _LEAST or (bare and not (said or abroad_said)):
        return
    dated = _DOTTED_OR_DATE.match(candidate) and not _US_DOTS.match(candidate)
    if dated and not (said or abroad_said):
        return
    known = {*phonenumbers.SUPPORTED_REGIONS}
    tried = [region for region in dict.fromkeys((*regions, *ALWAYS)) if region in known]
    abroad = "+" + candidate[2:] if candidate.startswith("00") else candidate
    for region in tried if abroad[:1] != "+" else tried[:1]:
        matches = PhoneNumberMatcher(abroad, region, leniency=Leniency.VALID, max_tries=5)
        found = [(match.start, match.end) for match in matches]
        if found:
            shift = len(candidate) - len(abroad)
            yield from ((first + shift if first else 0, last + shift) for first, last in found)
            return
