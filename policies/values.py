"""The spellings people write in YAML and the exact values they stand for.

Each type reads its spellings, writes one canonical spelling to JSON (so that a pinned plan can be
read back to an equal one) and tells the JSON Schema which spellings an editor may offer.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

import re2
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

_UNITS: Final = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
DURATION_PATTERN: Final = r"^\d+(\.\d+)?(s|m|h|d|w)$"
PERCENT_PATTERN: Final = r"^\d+(\.\d+)?%?$"
MARGIN_PATTERN: Final = r"^\d+(\.\d+)?(pp|%)?$"
WINDOW_PATTERN: Final = r"^\d{4}-\d{2}-\d{2}/\d{4}-\d{2}-\d{2}$"
SLUG_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
OWNER_PATTERN: Final = r"\S"
AGENT_PATTERN: Final = r"^[a-z][a-z0-9-]*@[0-9A-Za-z][0-9A-Za-z.+-]*$"
_DURATION: Final = re2.compile(r"^(\d+(?:\.\d+)?)(s|m|h|d|w)$")
_PERCENT: Final = re2.compile(r"^(\d+(?:\.\d+)?) ?%?$")
_MARGIN: Final = re2.compile(r"^(\d+(?:\.\d+)?) ?(pp|%)?$")
_LONGEST: Final = timedelta(days=3650)
_MOST_CHARACTERS: Final = 32


class Strict(BaseModel):
    """Base of everything read from YAML: unknown keys, coerced types and NaN are refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def refusal(message: str, *at: str | int, suggestion: str | None = None) -> PydanticCustomError:
    """An error for a model's validator to raise: ``at`` is where, seen from that model."""
    return PydanticCustomError(
        "refused", "{message}", {"message": message, "at": at, "suggestion": suggestion}
    )


def _text_of(value: Any) -> str | None:
    """A number or text as it would be written; None for what is neither, and for nonsense lengths."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, float):
        value = Decimal(repr(value))
    text = format(value, "f") if isinstance(value, Decimal) else str(value).strip()
    return text if len(text) <= _MOST_CHARACTERS else None


def _shown(value: Any) -> str:
    """A wrong value as people would call it."""
    if isinstance(value, str | int | float):
        return repr(value) if len(str(value)) <= 60 else f"{str(value)[:60]!r}…"
    return (
        "a list" if isinstance(value, list | tuple) else "a mapping" if isinstance(value, Mapping) else "this"
    )


def parse_duration(value: Any) -> Any:
    """``90s``, ``15m``, ``48h``, ``14d`` or ``2w`` as a timedelta of at most ten years."""
    if isinstance(value, timedelta):
        return value
    text = _text_of(value)
    found = _DURATION.match(text) if text else None
    if not found:
        raise ValueError(f"{_shown(value)} is not a duration; write a number and its unit, e.g. 48h or 14d")
    seconds = float(found.group(1)) * _UNITS[found.group(2)]
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{value} is longer than ten years")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest spelling: the largest unit that needs no fraction, seconds otherwise."""
    microseconds = round(value.total_seconds() * 1_000_000)
    for unit, seconds in _UNITS.items():
        if unit == "w":  # 14d and 28d are how people speak of steps
            continue
        whole, rest = divmod(microseconds, seconds * 1_000_000)
        if not rest and (whole or unit == "s"):
            return f"{whole}{unit}"
    return f"{_plain(Decimal(microseconds) / 1_000_000)}s"


def parse_percent(value: Any) -> Any:
    """A percentage as an exact Decimal; ``5``, ``2.5`` and ``"5%"`` are one form each of it."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is a boolean, a percentage is a number from 0 to 100")  # noqa: TRY004
    text = _text_of(value)
    found = _PERCENT.match(text) if text else None
    if not found:
        raise ValueError(f"{_shown(value)} is not a percentage; write a number from 0 to 100")
    number = Decimal(found.group(1))
    if number > 100:
        raise ValueError(f"{value} is not between 0 and 100 percent")
    if number != round(number, 4):
        raise ValueError(f"{value} is finer than 0.0001 percent")
    return number


def format_percent(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


class Margin(Strict):
    """The largest tolerated worsening. ``relative`` is a share of the human arm's mean."""

    value: float = Field(gt=0)
    relative: bool = False


def parse_margin(value: Any) -> Any:
    """``0.15`` in the metric's own unit, ``2pp`` of a rate, ``10%`` of the human arm's mean."""
    if isinstance(value, Margin):
        return value
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is a boolean; write a margin such as 0.15, 2pp or 10%")  # noqa: TRY004
    text = _text_of(value)
    found = _MARGIN.match(text) if text else None
    if not found:
        raise ValueError(f"{_shown(value)} is not a margin; write e.g. 0.15, 2pp or 10%")
    number, unit = Decimal(found.group(1)), found.group(2)
    if not number:
        raise ValueError(f"a margin of {value} can never be met; it must be larger than 0")
    return Margin(value=float(number / 100 if unit else number), relative=unit == "%")


def format_margin(value: Margin) -> str | float:
    """``40%`` of a relative margin, the bare number of any other (2pp is 0.02)."""
    return f"{_plain(Decimal(repr(value.value)) * 100)}%" if value.relative else value.value


def parse_limit(value: Any) -> Any:
    """A floor or ceiling: a percentage for rates, a duration for times."""
    if isinstance(value, str) and _DURATION.match(value.strip()):
        return parse_duration(value)
    return value if isinstance(value, timedelta) else parse_percent(value)


def format_limit(value: Decimal | timedelta) -> int | float | str:
    return format_duration(value) if isinstance(value, timedelta) else format_percent(value)


class Band(Strict):
    """The range a rate must stay in, as shares (0 to 1); below it fails as well as above."""

    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)


def parse_band(value: Any) -> Any:
    """``[5%, 45%]`` as shares."""
    if isinstance(value, Band):
        return value
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise ValueError("a band is a list of two percentages, e.g. [5%, 45%]")
    low, high = (parse_percent(part) for part in value)
    if low >= high:
        raise ValueError(f"the band's lower end {value[0]} is not below its upper end {value[1]}")
    return Band(low=float(low / 100), high=float(high / 100))


def format_band(value: Band) -> list[str]:
    return [f"{_plain(Decimal(repr(end)) * 100)}%" for end in (value.low, value.high)]


class FreezeWindow(Strict):
    """Whole days, both ends included, UTC: nothing is promoted, rolling back stays allowed."""

    first: date
    last: date

    def covers(self, moment: datetime) -> bool:
        start = datetime.combine(self.first, time.min, UTC)
        return start <= moment < datetime.combine(self.last, time.min, UTC) + timedelta(days=1)


def parse_window(value: Any) -> Any:
    """``2026-12-18/2027-01-04`` as its first and last day."""
    if isinstance(value, FreezeWindow):
        return value
    if not isinstance(value, str) or value.count("/") != 1:
        raise ValueError(f"{_shown(value)} is not a window; write first/last day, e.g. 2026-12-18/2027-01-04")
    days = [part.strip() for part in value.split("/")]
    if not all(len(day) == 10 for day in days):  # fromisoformat also takes 20261218 and week dates
        raise ValueError(f"{value!r} is not a window; write both days as YYYY-MM-DD")
    try:
        first, last = (date.fromisoformat(day) for day in days)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a window: {error}; write both days as YYYY-MM-DD") from None
    if last < first:
        raise ValueError(f"{value!r} ends before it begins")
    return FreezeWindow(first=first, last=last)


def format_window(value: FreezeWindow) -> str:
    return f"{value.first.isoformat()}/{value.last.isoformat()}"


def _plain(number: Decimal) -> str:
    """Digits without exponent and without trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _each_once(value: list[Any]) -> list[Any]:
    seen = set()
    for index, item in enumerate(value):
        if item in seen:
            raise refusal(f"{str(item)!r} stands twice in one list", index, suggestion="keep one of them")
        seen.add(item)
    return value


def _spelled(pattern: str, example: str, numbers: Mapping[str, float] | None = None) -> WithJsonSchema:
    """The JSON Schema of a value that is text of a pattern or, where ``numbers`` is given, a number."""
    text = {"type": "string", "pattern": pattern, "examples": [example]}
    return WithJsonSchema(text if numbers is None else {"anyOf": [{"type": "number", **numbers}, text]})


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, when_used="json"),
    _spelled(DURATION_PATTERN, "14d"),
]
Percent = Annotated[
    Decimal,
    BeforeValidator(parse_percent),
    PlainSerializer(format_percent, when_used="json"),
    _spelled(PERCENT_PATTERN, "5%", {"minimum": 0, "maximum": 100}),
]
MarginValue = Annotated[
    Margin,
    BeforeValidator(parse_margin),
    PlainSerializer(format_margin, when_used="json"),
    _spelled(MARGIN_PATTERN, "2pp", {"exclusiveMinimum": 0}),
]
Limit = Annotated[
    Decimal | timedelta,
    BeforeValidator(parse_limit),
    PlainSerializer(format_limit, when_used="json"),
    _spelled(r"^\d+(\.\d+)?(%|s|m|h|d|w)?$", "80%", {"minimum": 0, "maximum": 100}),
]
BandValue = Annotated[
    Band,
    BeforeValidator(parse_band),
    PlainSerializer(format_band, when_used="json"),
    WithJsonSchema(
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "number", "minimum": 0, "maximum": 100},
                    {"type": "string", "pattern": PERCENT_PATTERN, "examples": ["45%"]},
                ]
            },
            "minItems": 2,
            "maxItems": 2,
        }
    ),
]
Window = Annotated[
    FreezeWindow,
    BeforeValidator(parse_window),
    PlainSerializer(format_window, when_used="json"),
    _spelled(WINDOW_PATTERN, "2026-12-18/2027-01-04"),
]
Unique = AfterValidator(_each_once)
"""Of a list: nothing stands in it twice."""
Slug = Annotated[str, Field(pattern=SLUG_PATTERN)]
AgentRef = Annotated[str, Field(pattern=AGENT_PATTERN)]
"""``NAME@VERSION`` of a manifest in ``policies/agents``."""
