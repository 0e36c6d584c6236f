"""How long somebody asks to be left alone: ``Retry-After`` (RFC 9110, section 10.2.3), taken on no trust."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final

LONGEST: Final = 3600.0
"""Seconds. Whoever asks for more is answered by nobody's deadline anyway."""


def retry_after(headers: Mapping[str, str] | None, now: datetime | None = None) -> float | None:
    """Seconds, from 0 to ``LONGEST``; ``None`` without the header, or where it says nothing that is a time.

    Args:
        headers: of the answer, by lower-case name or without regard to case.
        now: aware; the moment a date is counted from, where the answer has no ``Date`` of its own. Its
            own is better: two clocks differ.

    """
    value = headers.get("retry-after") if headers is not None else None
    if headers is None or value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        at, told = _moment(value), _moment(headers.get("date"))
        if at is None:
            return None
        seconds = max((at - (told or now or datetime.now(UTC))).total_seconds(), 0.0)
    return min(seconds, LONGEST) if isfinite(seconds) and seconds >= 0 else None


def _moment(text: str | None) -> datetime | None:
    """A date of HTTP; one without a zone means UTC."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
