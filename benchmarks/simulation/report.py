"""Figures to a table and a picture."""

import math
from html import escape
from pathlib import Path
from typing import Any

from simulation.monte_carlo import shown, upper_limit

LEFT, WIDTH, STRIDE = 170, 330, 16
ENDS = (("#2f6db3", "full weight"), ("#d9d9d9", "still holding"), ("#c8553d", "rolled back"))


def write_report(figures: dict[str, Any], folder: Path) -> str:
    """Write ``gate-simulation.md`` and ``gate-simulation.svg``; the table's text."""
    parts = ["# What the gates decide when the truth is known", "", _INTRODUCTION]
    if "ladders" in figures:
        parts += ["", "## Whole ladders", "", _LADDERS, "", *_ladder_table(figures["ladders"])]
        (folder / "gate-simulation.svg").write_text(picture(figures["ladders"]))
    if "cadences" in figures:
        parts += ["", "## Ladders looked at more often", "", _CADENCES, ""]
        parts += _cadence_table(figures["cadences"])
    if "gates" in figures:
        parts += ["", "## One gate, looked at again and again", "", _GATES]
        for name in ("at the margin", "at the margin, 3,000 heavy customers", "no difference"):
            parts += ["", f"### {name.capitalize()}", "", *_gate_table(figures["gates"][name])]
        parts += [
            "",
            "### Predicted dates",
            "",
            _DATES,
            "",
            *_mean_table(figures["gates"]["predicted dates"]),
        ]
    for name, rates in (figures.get("checks", {}) | figures.get("integrity", {})).items():
        note = _NOTES[name]
        parts += ["", f"## {name.capitalize()}", "", note, "", *_mean_table(rates)]
    parts += ["", "## How each part was made", "", _MADE, "", *_made_table(figures.get("size", {})), ""]
    text = "\n".join(parts)
    (folder / "gate-simulation.md").write_text(text)
    return text


def _ladder_table(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| Tickets a day | Truth | Policy | Reaches full weight | on day | Rolled back | on day | Runs |",
        "|--:|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        full, back = (_share(row[end], row["runs"]) for end in ("full", "back"))
        cells = (
            f"{row['volume']:,}",
            row["truth"],
            row["policy"],
            full,
            _day(row["full_day"]),
            back,
            _day(row["back_day"]),
            str(row["runs"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _cadence_table(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| Looks | Tickets a day | Truth | Reaches full weight | upper 95 % | Rolled back | Runs |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        full, back = (_share(row[end], row["runs"]) for end in ("full", "back"))
        limit = f"{upper_limit(row['full'], row['runs']):.3f}"
        cells = (row["cadence"], f"{row['volume']:,}", row["truth"], full, limit, back, str(row["runs"]))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _gate_table(rows: list[dict[str, Any]]) -> list[str]:
    heads = (
        "Rule",
        "Promoted in 75 days",
        "upper 95 %",
        "by fixed-n information",
        "by 1.5×",
        "by 4×",
        "Mean information",
        "Mean days",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for row in rows:
        cells = (
            row["rule"],
            _share(row["promoted"], row["runs"]),
            f"{upper_limit(row['promoted'], row['runs']):.3f}",
            *(
                f"{row[key]:.3f}"
                for key in ("promoted_by_fixed", "promoted_by_half_more", "promoted_by_four")
            ),
            f"{row['information']:.2f} ±{row['information_se']:.3f}",
            f"{row['days']:.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", f"{rows[0]['runs']:,} runs."]


def _mean_table(found: dict[str, Any]) -> list[str]:
    lines = ["| | Mean | Runs |", "|---|--:|--:|"]
    return lines + [f"| {name} | {shown(each)} | {each[1]:,} |" for name, each in found.items()]


def _share(share: float, runs: int) -> str:
    return f"{share:.3f} ±{math.sqrt(max(share * (1 - share), 0.0) / runs):.3f}"


def _made_table(sizes: dict[str, Any]) -> list[str]:
    lines = ["| Part | `--reps` | Seed | Reserve | τ/μ |", "|---|--:|--:|--:|--:|"]
    for part, each in sizes.items():
        cells = (part, *(str(each.get(key, "–")) for key in ("reps", "seed", "reserve", "spread")))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _day(day: float | None) -> str:
    return "–" if day is None else f"{day:.0f}"


def picture(rows: list[dict[str, Any]]) -> str:
    """Stacked bars per truth, volume and policy: full weight, still holding, rolled back."""
    policies, truths, volumes = (
        list(dict.fromkeys(row[key] for row in rows)) for key in ("policy", "truth", "volume")
    )
    by_place = {(row["policy"], row["truth"], row["volume"]): row for row in rows}
    block = len(policies) * STRIDE + 30
    height, total = 70 + len(truths) * block, LEFT + len(volumes) * (WIDTH + 24)
    frame = f'viewBox="0 0 {total} {height}" font-family="sans-serif" font-size="11"'
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>',
        f'<rect width="{total}" height="{height}" fill="white"/>',
        _text(10, 18, "Where ninety days end, by truth and policy", 'font-size="14" font-weight="bold"'),
    ]
    for place, (colour, label) in enumerate(ENDS):
        x = LEFT + 200 + 110 * place
        out += [_box(x, 9, 10, 10, colour), _text(x + 14, 18, label)]
    for line, truth in enumerate(truths):
        top = 62 + line * block
        out.append(_text(10, top, truth, 'font-weight="bold"'))
        for index, policy in enumerate(policies):
            y = top + 6 + index * STRIDE
            out.append(_text(LEFT - 6, y + 10, policy, 'text-anchor="end"'))
            for column, volume in enumerate(volumes):
                out += _bar(LEFT + column * (WIDTH + 24), y, by_place[policy, truth, volume])
    for column, volume in enumerate(volumes):
        out.append(_text(LEFT + column * (WIDTH + 24), 42, f"{volume:,} tickets a day", 'font-weight="bold"'))
    return "\n".join([*out, "</svg>", ""])


def _bar(x: float, y: float, row: dict[str, Any]) -> list[str]:
    out = []
    shares = (row["full"], max(1 - row["full"] - row["back"], 0.0), row["back"])
    for (colour, _), share in zip(ENDS, shares, strict=True):
        out.append(_box(x, y, WIDTH * share, STRIDE - 3, colour))
        x += WIDTH * share
    return out


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


_INTRODUCTION = """\
Made by `benchmarks/decisions.py`; do not edit. ± is one Monte Carlo standard error. All policies see
the same customers and the same stratified, customer-clustered estimates; what differs is the rule."""
_LADDERS = """\
Four guardrails (CSAT with 12 % response, re-contact known after seven days, escalation, cost), weights
5, 10, 30, 60 % with margins 4, 2.5, 1.5, 1 times the plan's and 2, 5, 7, 7 days at least, daily looks,
ninety days, 40,000 customers who come back and stay in their bucket, a weekly rhythm and a drifting
baseline. A ladder that reaches full weight where a metric sits at its margin is a false promotion; one
that is rolled back without a difference is a false rollback.

![Where ninety days end](gate-simulation.svg)"""

_CADENCES = """\
The same desks and rungs, our own rule, looked at every hour or every ten minutes; what is decided takes
effect the next day."""

_GATES = """\
CSAT alone, margin 0.12 points, 240 answers a day, weights 5, 10, 30, 60 % from days 0, 2, 7, 14, looked
at for 75 days. Fixed-n information is what one look with 90 % power would need. Information is counted
until promotion or the end, and always as the plain estimate has it: "with history" means the covariate
of sixty days before the rollout, with the same answers."""
_DATES = """\
Share of gates without a difference that had passed by the date predicted with the stated assurance,
daily looks."""
_MADE = """\
The share of alpha that a pass keeps back and the spread of its mixture are what they were when the part was
made; a part whose figures differ there shows an earlier rule."""
_NOTES = {
    "sample ratio": "New customers only, against the share in force when each was first seen.",
    "thirty categories, sixty looks": "Five of thirty categories harmed by 2.5 margins; a fallback stays.",
    "looks without end": "The boundary alone on Brownian paths up to four times the fixed-n information.",
    "open windows": "Re-contact at its margin or equal, 1,500 tickets a day at 30 %, every second day.",
    "silent customers": "The agent is worse by twice the margin; its unhappy customers answer half as often.",
    "erosion of the human arm": """\
The human arm of a rollout against the eight weeks before it: CSAT, 60 answers a day, margin 0.12, three
margins tolerated, alpha 0.0025 (a quarter of 1 %), looked at on each of 70 days. An alarm stays.""",
    "contamination by the human queue": """\
A desk of 600 tickets a day that works from 8 to 20 o'clock in the order of arrival, weights 10, 30, 60 %
from days 0, 14, 28, alpha 0.01, looked at on each of 70 days. Own queue: the people of the human arm answer
nothing else. One queue: they answer the agent's escalations too, 35 % of its tickets on average, changing
from day to day.""",
    "shared queue": """\
Escalations of the agent slow the queue that both arms share. Randomised arms cannot see it; the drift of
the human arm's own level can. Means of relative slowdowns, not shares.""",
}
