"""Text as the rules see it: normalised, split into terms and sentences. Linear time throughout."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_INVISIBLE: Final = (
    range(0x00AD, 0x00AE),  # soft hyphen
    range(0x061C, 0x061D),
    range(0x180E, 0x180F),
    range(0x200B, 0x2010),  # zero-width space, joiners, direction marks
    range(0x202A, 0x202F),
    range(0x2060, 0x2070),
    range(0xD800, 0xE000),  # lone surrogates: no encoder takes them
    range(0xFE00, 0xFE10),  # variation selectors
    range(0xFEFF, 0xFF00),  # byte order mark
    range(0xFFF9, 0xFFFC),
    range(0xE0000, 0xE0080),  # tag characters
)
_TABLE: Final[dict[int, str | None]] = {
    **{code: None for block in _INVISIBLE for code in block},
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u02bc\u0060\u00b4\u2032"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    **{code: None for code in range(32) if chr(code) not in "\t\n"},
    0x7F: None,
}
# These are on the hot path and cannot backtrack: no two parts of one can match the same character.
# Patterns that people write are RE2 (roles/triage.py, checks/).
_ODD: Final = re.compile(r"[^\t\n\x20-\x5f\x61-\x7e]")
"""Anything but plain printable ASCII; most texts have none, and nothing is to be done."""
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
_SENTENCE_END: Final = re.compile(r"[.!?][\"')\]]*\s+|\n+")
_ABBREVIATION: Final = ("e.g.", "i.e.", "etc.", "vs.", "no.", "mr.", "mrs.", "dr.", "approx.", "incl.")

_STOP_WORDS: Final = """
a about after all also am an and any are as at be because been before being both but by can could did do does
doing don't down each few for from further get got had has have having he her here hers him his how i i'm i've
if in into is isn't it it's its just like me more most my no nor not now of off on once only or other our out
over own please same she should so some such than thank thanks that that's the their them then there these
they this those through to too under until up very was we were what when where which while who why will with
would you your
"""
STOP_WORDS: Final = frozenset(_STOP_WORDS.split())


def normalise(text: str) -> str:
    """NFKC with straight quotes, apostrophes and hyphens; nothing invisible survives.

    Idempotent. The result always encodes to UTF-8.
    """
    if not _ODD.search(text):
        return text
    cleaned = text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)
    return unicodedata.normalize("NFKC", cleaned).translate(_TABLE)


def words(text: str) -> list[str]:
    """The words of a normalised text, lower case, in order; an inner apostrophe belongs to its word."""
    return [match.lower() for match in _WORD.findall(text)]


@lru_cache(maxsize=1 << 16)  # few words make up most text
def stem(word: str) -> str:
    """The S-stemmer: plural to singular and nothing else (Harman 1991, "How effective is suffixing?")."""
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word


def terms(text: str) -> list[str]:
    """What a search compares: stemmed words that carry meaning, in order, repeats kept."""
    return [stem(word) for word in words(normalise(text)) if word not in STOP_WORDS]


def sentences(text: str) -> Iterator[str]:
    """The sentences of a normalised text; a line break ends one, an abbreviation does not."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        piece = text[start : match.end()].strip()
        if piece.lower().endswith(_ABBREVIATION) and "\n" not in match.group():
            continue
        if piece:
            yield piece
        start = match.end()
    rest = text[start:].strip()
    if rest:
        yield rest
