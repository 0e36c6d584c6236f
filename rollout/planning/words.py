"""Numbers of a forecast as people write them in plans and read them in sentences."""

import math
from typing import Final

from policies.vocabulary import METRICS

SLOW: Final = frozenset(name for name, metric in METRICS.items() if metric.lag_hours > 0)
"""Metrics that are known only days after the ticket."""


def days(value: float | None) -> str:
    """``9d``; hours up to three days, as canaries are spoken of; ``never`` beyond the horizon."""
    if value is None or not math.isfinite(value):
        return "never"
    if value <= 0:
        return "0d"
    hours = value * 24
    if hours < 72:
        return f"{max(math.ceil(hours - 1e-9), 1)}h"
    return f"{math.ceil(value - 1e-9)}d"


def margin_up(value: float, metric: str, *, relative: bool) -> str:
    """A margin for a plan file, rounded up to two digits so that what is named does suffice."""
    if relative or METRICS[metric].unit == "rate":
        return f"{_up(value * 100)}{'%' if relative else 'pp'}"
    return _up(value)


def size(value: float | None, metric: str) -> str:
    """A difference in the metric's unit, two digits."""
    if value is None or not math.isfinite(value):
        return "–"
    match METRICS[metric].unit:
        case "rate":
            return f"{value * 100:.3g} pp"
        case "usd":
            return f"{value:.3g} $"
        case "seconds":
            return f"{value:.3g} s"
        case _:
            return f"{value:.3g}"


def level(value: float, metric: str) -> str:
    """A level in the metric's unit."""
    return f"{value * 100:.3g} %" if METRICS[metric].unit == "rate" else size(value, metric)


def percent(value: float) -> str:
    return f"{value:g} %"


def _up(value: float) -> str:
    if value <= 0:
        return "0"
    digits = 1 - math.floor(math.log10(value))
    factor = 10.0**digits
    return f"{math.ceil(value * factor - 1e-9) / factor:.{max(digits, 0)}f}".rstrip("0").rstrip(".")
