"""Small pictures for a report that has no scripts: SVG text, coloured by the page's own custom properties."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

_WIDTH: Final = 640
_LEFT: Final = 190
_ROW: Final = 30


def forest(rows: Sequence[Mapping[str, Any]]) -> str:
    """Each metric's interval in units of its margin: left of the red line it would be harm.

    Rows are a gate's; those without an interval or a margin are left out. Larger is better for the agent on
    every row, whichever direction the metric has.
    """
    shown = [row for row in rows if row["comparative"] and row["lower"] is not None and row["margin"]]
    if not shown:
        return ""
    scaled = [_in_margins(row) for row in shown]
    reach = max(1.3, *(abs(value) for each in scaled for value in each)) * 1.05
    reach = min(reach, 4.0)

    def x(value: float) -> float:
        clipped = max(-reach, min(reach, value))
        return _LEFT + (clipped + reach) / (2 * reach) * (_WIDTH - _LEFT - 16)

    height = _ROW * len(shown) + 34
    parts = [
        f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="{height - 26}"/>',
        f'<line class="margin" x1="{x(-1):.1f}" x2="{x(-1):.1f}" y1="4" y2="{height - 26}"/>',
        f'<text class="small" x="{x(-1):.1f}" y="{height - 8}" text-anchor="middle">margin</text>',
        f'<text class="small" x="{x(0):.1f}" y="{height - 8}" text-anchor="middle">no difference</text>',
    ]
    for number, (row, (low, middle, high)) in enumerate(zip(shown, scaled, strict=True)):
        y = 20 + _ROW * number
        kind = escape(str(row["verdict"]).lower())
        parts += [
            _name(str(row["title"]), y),
            f'<line class="{kind}" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y}" y2="{y}"/>',
            f'<circle class="{kind}" cx="{x(middle):.1f}" cy="{y}" r="5"/>',
        ]
    return _svg(height, parts, "Intervals of the gate's comparisons, in units of their margins")


def intervals(rows: Sequence[Mapping[str, Any]], form: str) -> str:
    """One line per group with its interval, on a common axis; ``form`` writes the value."""
    shown = [row for row in rows if row["value"] is not None and row["lower"] is not None][:12]
    if not shown:
        return ""
    low = float(min(row["lower"] for row in shown))
    high = float(max(row["upper"] for row in shown))
    room = (high - low) * 0.08 or 1.0

    def x(value: float) -> float:
        return _LEFT + (value - low + room) / (high - low + 2 * room) * (_WIDTH - _LEFT - 90)

    parts = []
    for number, row in enumerate(shown):
        y = 18 + _ROW * number
        name = " · ".join(str(row[key]).replace("_", " ") for key in ("group", "arm") if row.get(key))
        parts += [
            _name(name, y),
            f'<line class="bar" x1="{x(row["lower"]):.1f}" x2="{x(row["upper"]):.1f}" y1="{y}" y2="{y}"/>',
            f'<circle class="bar" cx="{x(row["value"]):.1f}" cy="{y}" r="5"/>',
            _value(format(row["value"], form), y),
        ]
    return _svg(_ROW * len(shown) + 12, parts, "Values with their 95 % intervals")


def ladder(names: Sequence[str], weights: Sequence[float], here: int | None) -> str:
    """The steps as rungs: what was passed is filled, where it stands is outlined."""
    if not names:
        return ""
    width, parts = _WIDTH / len(names), list[str]()
    for number, (name, weight) in enumerate(zip(names, weights, strict=True)):
        kind = "todo" if here is None or number > here else "here" if number == here else "done"
        left = number * width
        parts += [
            f'<rect class="{kind}" x="{left + 3:.1f}" y="4" width="{width - 6:.1f}" height="14" rx="4"/>',
            f'<text x="{left + width / 2:.1f}" y="38" text-anchor="middle">{escape(_short(name, 12))}</text>',
            f'<text class="small" x="{left + width / 2:.1f}" y="54" text-anchor="middle">{weight:g} %</text>',
        ]
    return _svg(60, parts, "The steps of the ladder")


def _name(text: str, y: float) -> str:
    return f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(_short(text))}</text>'


def _value(text: str, y: float) -> str:
    return f'<text class="value" x="{_WIDTH - 4}" y="{y + 4}" text-anchor="end">{escape(text)}</text>'


def _in_margins(row: Mapping[str, Any]) -> tuple[float, float, float]:
    sign = 1.0 if row["better"] == "higher" else -1.0
    low, middle, high = (sign * row[name] / row["margin"] for name in ("lower", "estimate", "upper"))
    return min(low, high), middle, max(low, high)


def _short(text: str, longest: int = 26) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _svg(height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
