"""A forecast as one self-contained SVG: steps as bars in time, readable without colour.

Colours are of Okabe & Ito's set, which people with any colour vision tell apart; hatching and
labels say the same again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from xml.sax.saxutils import escape

from rollout.planning.words import days

_WIDTH: Final = 960
_LEFT: Final = 150
_RIGHT: Final = 170
_ROW: Final = 34
_GATE, _DWELL, _RANGE, _LATE = "#0072B2", "#9ecae9", "#666666", "#D55E00"
_TICKS: Final = (1, 2, 5, 7, 14, 28, 56, 91, 182, 364, 728, 1820)

_STYLE: Final = """text{font:13px system-ui,sans-serif;fill:#1a1a1a}
.h{font-size:16px;font-weight:600}.s{font-size:11px;fill:#444}.g{stroke:#ddd}"""

_HATCHING: Final = f"""<defs><pattern id="wait" width="6" height="6" patternUnits="userSpaceOnUse"
 patternTransform="rotate(45)"><rect width="6" height="6" fill="{_DWELL}"/>
<line x1="0" y1="0" x2="0" y2="6" stroke="#fff" stroke-width="2"/></pattern></defs>"""


def picture(told: Mapping[str, Any]) -> str:
    """The public form of a forecast as SVG text."""
    parts: list[str] = []
    y = 56.0
    for track in told["tracks"]:
        drawn = list(_track(track, told, y))
        parts += drawn
        y += 64 + _ROW * len(track["steps"])
    height = y + 32
    head = f"{told['workflow']}: when each gate is decided"
    rest = f"from {told['start'][:10]}, agent as good as the humans, {told['assurance']:.0%} assurance"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}"',
            f' viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{_text(head)}, {_text(rest)}">',
            f"<title>{_text(head)}</title><desc>{_text(_spoken(told))}</desc>",
            f"<style>{_STYLE}</style>",
            _HATCHING,
            f'<rect width="{_WIDTH}" height="{height:.0f}" fill="#fff"/>',
            f'<text class="h" x="16" y="26">{_text(head)}</text>',
            f'<text class="s" x="16" y="44">{_text(rest)}</text>',
            *parts,
            *_legend(height - 20),
            "</svg>",
            "",
        ]
    )


def _track(track: Mapping[str, Any], told: Mapping[str, Any], top: float) -> Iterator[str]:
    power = f"{told['assurance']:g}"
    steps = track["steps"]
    lengths = [_length(step, power) for step in steps]
    ends = [sum(lengths[: index + 1]) + _tail(step, lengths[index]) for index, step in enumerate(steps)]
    whole = max([*ends, 1.0])
    scale = (_WIDTH - _LEFT - _RIGHT) / whole
    total = track["total"][power]["days"]
    title = track["track"] if track["beside"] is None else f"{track['track']} beside {track['beside']}"
    words = _text(f"{title}: {days(total)} in all")
    yield f'<text x="16" y="{top + 10:.0f}" font-weight="600">{words}</text>'
    yield from _axis(told["start"], whole, scale, top + 30, _ROW * len(steps))
    day = 0.0
    for index, step in enumerate(steps):
        yield from _bar(step, power, _LEFT + day * scale, top + 36 + index * _ROW, scale)
        day += lengths[index]


def _axis(start: str, whole: float, scale: float, y: float, height: float) -> Iterator[str]:
    step = next((tick for tick in _TICKS if whole / tick <= 8), _TICKS[-1])
    first = datetime.fromisoformat(start)
    for number in range(int(whole // step) + 1):
        x, label = _LEFT + number * step * scale, f"{first + timedelta(days=number * step):%d %b}"
        yield f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.0f}" y2="{y + height:.0f}"/>'
        yield f'<text class="s" x="{x:.1f}" y="{y - 3:.0f}" text-anchor="middle">{label}</text>'


def _bar(step: Mapping[str, Any], power: str, x: float, y: float, scale: float) -> Iterator[str]:
    length = _length(step, power)
    reached = step["left"][power]["days"] is not None
    needed = min(step["gate_days"] if step["gate_days"] is not None else length, length)
    weight = "shadow" if step["mode"] == "shadow" else f"{step['weight']:g} %"
    yield f'<text x="{_LEFT - 8}" y="{y + 15:.0f}" text-anchor="end">{_text(step["name"])} · {weight}</text>'
    yield _rect(x, y, length * scale, "url(#wait)")
    colour = _GATE if reached and not _too_late(step) else _LATE
    if needed > 0:
        yield _rect(x, y, needed * scale, colour)
    end = x + length * scale
    tail = _tail(step, length) * scale
    if tail > 1:
        yield (
            f'<path d="M{end:.1f} {y + 10:.0f}h{tail:.1f}m0 -5v10" stroke="{_RANGE}" fill="none" '
            'stroke-dasharray="3 2"/>'
        )
    slowest = f", {step['slowest']}" if step["slowest"] else ""
    late = " over max_duration" if _too_late(step) else ""
    words = f"{days(step['left'][power]['days'])}{late}{slowest}"
    yield f'<text class="s" x="{end + tail + 6:.1f}" y="{y + 14:.0f}">{_text(words)}</text>'


def _rect(x: float, y: float, width: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.0f}" width="{max(width, 2):.1f}" height="20" fill="{fill}"/>'


def _legend(y: float) -> Iterator[str]:
    marks = (
        (_GATE, "until its gate passes"),
        ("url(#wait)", "waits for min_duration or a freeze"),
        (_LATE, "not decided within max_duration"),
    )
    x = 16
    for fill, label in marks:
        yield f'<rect x="{x}" y="{y - 10:.0f}" width="14" height="12" fill="{fill}"/>'
        yield f'<text class="s" x="{x + 20}" y="{y:.0f}">{label}</text>'
        x += 40 + 6 * len(label)
    yield f'<path d="M{x} {y - 4:.0f}h22m0 -5v10" stroke="{_RANGE}" fill="none" stroke-dasharray="3 2"/>'
    yield f'<text class="s" x="{x + 30}" y="{y:.0f}">until 90 % assurance</text>'


def _spoken(told: Mapping[str, Any]) -> str:
    power = f"{told['assurance']:g}"
    return "; ".join(
        f"{track['track']}: "
        + ", ".join(f"{step['name']} {days(step['left'][power]['days'])}" for step in track["steps"])
        for track in told["tracks"]
    )


def _length(step: Mapping[str, Any], power: str) -> float:
    known = step["left"][power]["days"]
    return float(known if known is not None else step["max_days"] or step["min_days"])


def _tail(step: Mapping[str, Any], length: float) -> float:
    return max((step["left"]["0.9"]["days"] or 0.0) - length, 0.0)


def _too_late(step: Mapping[str, Any]) -> bool:
    longest: float | None = step["max_days"]
    return longest is not None and (step["gate_days"] is None or step["gate_days"] > longest + 1e-9)


def _text(value: str | Sequence[str]) -> str:
    return escape(str(value), {'"': "&quot;"})
