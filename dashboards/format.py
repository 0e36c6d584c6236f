"""Numbers and moments as people read them."""

from datetime import UTC, datetime, tzinfo
from typing import Final

MINUS: Final = "\u2212"
UNKNOWN: Final = "–"
METRICS: Final = {
    "csat": "CSAT",
    "recontact_7d": "Re-contact within 7 days",
    "recontact_2d": "Re-contact within 2 days",
}
"""Names that are no plain words."""
_FEW_SECONDS: Final = 10
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def number(value: float | None, digits: int = 0) -> str:
    """``12,345`` or ``0.15``; a real minus sign; a dash where nothing is known."""
    if value is None:
        return UNKNOWN
    text = f"{abs(value):,.{digits}f}"
    return (MINUS if value < 0 and float(text.replace(",", "")) != 0 else "") + text


def percent(share: float | None, digits: int = 1) -> str:
    """A share (0 to 1) as ``12.3 %``."""
    return UNKNOWN if share is None else f"{number(share * 100, digits)} %"


def weight(percentage: float | None) -> str:
    """A traffic weight (0 to 100) with no more digits than it has: ``5 %``, ``2.5 %``."""
    return UNKNOWN if percentage is None else f"{percentage:g} %"


def usd(value: float | None) -> str:
    """Dollars; small amounts keep their first digits."""
    if value is None:
        return UNKNOWN
    digits = 2 if abs(value) >= 0.1 or value == 0 else 4
    return (MINUS if value < 0 else "") + f"${abs(value):,.{digits}f}"


def seconds(value: float | None) -> str:
    """A duration in its own size: ``40 s``, ``12 min``, ``3.5 h``, ``2.1 days``."""
    if value is None:
        return UNKNOWN
    for size, name, digits in ((86400, "days", 1), (3600, "h", 1), (60, "min", 0)):
        if abs(value) >= size:
            return f"{number(value / size, digits)} {name}"
    return f"{number(value, 0 if abs(value) >= _FEW_SECONDS else 1)} s"


def in_unit(value: float | None, unit: str) -> str:
    """A value in its metric's unit: points, rate, usd, seconds or count."""
    return {
        "rate": lambda: percent(value),
        "usd": lambda: usd(value),
        "seconds": lambda: seconds(value),
        "points": lambda: number(value, 2),
    }.get(unit, lambda: number(value, 2))()


def difference(value: float | None, unit: str) -> str:
    """A signed difference; of rates in percentage points, so that it is not read as a ratio."""
    if value is None:
        return UNKNOWN
    sign = "+" if value > 0 else ""
    if unit == "rate":
        return f"{sign}{number(value * 100, 1)} pp"
    return sign + in_unit(value, unit)


def size(value: float | None, unit: str) -> str:
    """An unsigned difference, such as a margin: of rates in percentage points."""
    return difference(value, unit).lstrip("+")


def moment(value: str | datetime | None, zone: tzinfo = UTC) -> str:
    """``21 Nov 2026, 09:05`` in the viewer's zone."""
    if value is None:
        return UNKNOWN
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M}"


def words(code: str | None) -> str:
    """A machine code as words: ``ROLL_BACK`` becomes ``Roll back``."""
    return UNKNOWN if not code else code.replace("_", " ").replace("-", " ").capitalize()


def metric(name: str | None) -> str:
    """A metric as people call it: ``recontact_7d`` becomes ``Re-contact within 7 days``."""
    return UNKNOWN if name is None else METRICS.get(name, words(name))


def inert(value: object) -> object:
    """A table cell that a spreadsheet will not run as a formula when it is downloaded."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
