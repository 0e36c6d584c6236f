"""A gate for a terminal: an aligned table, a sentence per metric, the decision."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from policies.vocabulary import METRICS
from rollout.cli.shadow_text import shadow_text

_COLOURS: Final = {"PASS": "32", "FAIL": "31", "INVALID": "35", "INCONCLUSIVE": "33"}
_HEADINGS: Final = (
    "metric",
    "role",
    "verdict",
    "agent − human",
    "interval",
    "margin",
    "MDE",
    "n agent",
    "n human",
    "days",
)
_NUMBERS: Final = frozenset(_HEADINGS[3:])


def gate_text(gate: Mapping[str, Any], *, colour: bool | None = None) -> str:
    """The public form of a gate as text; colours only on a terminal."""
    colour = sys.stdout.isatty() if colour is None else colour
    rows = [*gate["metrics"], *gate["bands"]]
    lines = [
        f"{gate['workflow']}: {gate['track']}, step {gate['step'] or 'none'}, as of {gate['as_of']}",
        f"judged by {gate['plan']['source']}; margins × {gate['margin_scale']:g} at this step",
        "",
        *_table([_cells(row) for row in rows], [row["verdict"] for row in rows], colour=colour),
        "",
        *(f"- {row['sentence']}{_dates(row)}" for row in rows),
        *(f"- {row['sentence']}" for row in gate.get("categories", ()) if row["harmed"]),
        *(
            f"- {check['sentence']}"
            for name, check in gate["integrity"].items()
            if name == "srm" or check["verdict"] != "PASS"
        ),
        *(["", *shadow_text(gate["shadow"])] if gate.get("shadow") else []),
        "",
        f"{gate['decision']} ({gate['reason']})",
    ]
    if gate["decision"] != "PROMOTE":
        lines += [f"  because {reason}" for reason in gate["reasons"]]
    return "\n".join(lines)


def _dates(row: Mapping[str, Any]) -> str:
    """When an open metric will be decided, at this weight and the next, if there is no difference."""
    forecast = row.get("forecast")
    if forecast is None:
        return ""
    parts = [_span(forecast["here"], forecast["assurance"])]
    if forecast["next"] is not None:
        parts.append(_span(forecast["next"], forecast["assurance"]))
    return f" Decided, were there no difference: {'; '.join(parts)}."


def _span(dates: Mapping[str, Any], assurance: Mapping[str, float]) -> str:
    at = f"at {dates['weight']:.0%}"
    if dates["even"] is None:
        return f"{at} never"
    late = f", by {dates['late']['date']} ({assurance['late']:.0%})" if dates["late"] else ", perhaps never"
    return f"{at} by {dates['even']['date']} (even odds){late}"


def amount(value: float | None, metric: str, *, signed: bool = False, points: bool = False) -> str:
    """A number in the metric's own unit, as people write it; differences of rates in points."""
    if value is None:
        return "–"
    sign = "+" if signed else ""
    match METRICS[metric].unit:
        case "rate":
            return f"{value * 100:{sign}.2f} {'pp' if signed or points else '%'}"
        case "usd":
            return f"{value:{sign}.2f} $"
        case "seconds":
            return f"{value:{sign}.1f} s"
        case _:
            return f"{value:{sign}.3f}"


def _cells(row: Mapping[str, Any]) -> list[str]:
    metric = row["metric"]
    signed = row["comparative"]
    ends = (amount(row["lower"], metric, signed=signed), amount(row["upper"], metric, signed=signed))
    category = row.get("category")
    return [
        f"{metric} ({category})" if category else metric,
        row["role"] if row["required"] or row["role"] != "guardrail" else "band",
        row["verdict"] if row["verdict"] in ("PASS", "FAIL") else f"{row['verdict']} {row['reason']}",
        amount(row["estimate"], metric, signed=signed),
        f"{ends[0]} … {ends[1]}" if row["lower"] is not None or row["upper"] is not None else "–",
        amount(row["margin"], metric, points=signed),
        amount(row["mde"], metric, points=signed),
        f"{row['n_agent']:,}",
        f"{row['n_human']:,}",
        "–" if row["needed_days"] is None else f"{row['needed_days']:.0f}",
    ]


def _table(rows: Sequence[Sequence[str]], verdicts: Sequence[str], *, colour: bool) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(_HEADINGS, *rows, strict=True)]
    lines = ["  ".join(_fit(name, width, name) for name, width in zip(_HEADINGS, widths, strict=True))]
    lines.append("  ".join("-" * width for width in widths))
    for row, verdict in zip(rows, verdicts, strict=True):
        cells = [_fit(cell, width, name) for cell, width, name in zip(row, widths, _HEADINGS, strict=True)]
        if colour:
            cells[2] = f"\x1b[{_COLOURS[verdict]}m{cells[2]}\x1b[0m"
        lines.append("  ".join(cells).rstrip())
    return lines


def _fit(cell: str, width: int, heading: str) -> str:
    return cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)
