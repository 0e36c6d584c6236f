"""Dates in a text, as days: ``2025-05-03``, ``--05-03`` where no year is given.

An order of day and month that a text does not tell gives two readings; either may be the one meant.
"""

from typing import Any, Final

import re2

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_ORDINAL: Final = "(?:st|nd|rd|th)?"
DATE: Final = re2.compile(
    r"(?i)\b(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
    r"|(?P<a>\d{1,2})(?:[/.-])(?P<b>\d{1,2})[/.-](?P<y2>\d{4}|\d{2})"
    rf"|(?P<d3>\d{{1,2}}){_ORDINAL}\.? (?:of )?(?P<m3>{_MONTH})\b\.?(?:,? (?P<y3>\d{{4}}))?"
    rf"|(?P<m4>{_MONTH})\.? (?P<d4>\d{{1,2}}){_ORDINAL}\b(?:,? (?P<y4>\d{{4}}))?)\b"
)
"""Of a squeezed text."""


def days(match: Any) -> frozenset[str]:
    """What a match of ``DATE`` may mean; empty where it is no day of any year."""
    part = match.groupdict()
    if part["y"]:
        return _of(part["y"], [(part["m"], part["d"])])
    if part["a"]:
        year = part["y2"] if len(part["y2"]) == 4 else f"20{part['y2']}"
        return _of(year, [(part["a"], part["b"]), (part["b"], part["a"])])
    month = part["m3"] or part["m4"]
    number = str(_MONTHS[month.lower()])
    return _of(part["y3"] or part["y4"], [(number, part["d3"] or part["d4"])])


def _of(year: str | None, readings: list[tuple[str, str]]) -> frozenset[str]:
    whole = {
        f"-{int(month):02}-{int(day):02}"
        for month, day in readings
        if 1 <= int(month) <= 12 and 1 <= int(day) <= 31
    }
    return frozenset(f"{year or '-'}{rest}" for rest in whole)
