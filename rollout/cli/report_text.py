"""The four headlines as Markdown, which is also plain text."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Row = Mapping[str, Any]
_NONE: Final = "–"


def report_text(overview: Mapping[str, Any]) -> str:
    """One page: a sentence, a table and what is left out, for each headline."""
    period = f"{overview['since'] or 'the beginning'} to {overview['as_of']}"
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in overview["excluded"].items())
    filters = ", ".join(f"{name} = {value}" for name, value in overview["filters"].items())
    lines = [
        f"# {overview['workflow']}",
        "",
        f"{overview['tickets']:,} tickets opened from {period}."
        + (f" Only {filters}." if filters else "")
        + (f" Left out by rule: {left_out}." if left_out else ""),
        "",
    ]
    for title, key, columns in _SECTIONS:
        lines += [f"## {title}", "", overview[key]["sentence"], ""]
        lines += _table(overview[key]["rows"], columns)
    arms = overview["csat"]["by_arm"]
    if arms:
        lines += [
            "## CSAT by assigned arm",
            "",
            "Randomised tickets only; the gate compares like with like.",
            "",
        ]
        lines += _table(arms, _CSAT)
    if overview["shadow"]:
        lines += ["## Shadow", "", overview["shadow"]["sentence"], ""]
        lines += _table(overview["shadow"]["by_category"], _SHADOW)
    return "\n".join(lines).rstrip()


Cell = Callable[[Row], str]


def _share(key: str) -> Cell:
    return lambda row: _NONE if row[key] is None else f"{row[key]:.1%}"


def _money(key: str) -> Cell:
    return lambda row: _NONE if row[key] is None else f"${row[key]:.2f}"


def _count(key: str) -> Cell:
    return lambda row: _NONE if row[key] is None else f"{row[key]:,}"


def _number(key: str, places: int, unit: str = "") -> Cell:
    return lambda row: _NONE if row[key] is None else f"{row[key]:,.{places}f}{unit}"


def _text(key: str) -> Cell:
    return lambda row: str(row[key] or _NONE)


def _interval(form: str) -> Cell:
    def cell(row: Row) -> str:
        if row["lower"] is None:
            return _NONE
        return f"{row['lower']:{form}} to {row['upper']:{form}}"

    return cell


_CSAT: Final[dict[str, Cell]] = {
    "who": _text("group"),
    "mean": _number("value", 2),
    "95 % interval": _interval(".2f"),
    "answers": _count("n"),
    "offered": _count("offered"),
    "response": _share("response_rate"),
}
_SHADOW: Final[dict[str, Cell]] = {
    "category": _text("group"),
    "agreement": _share("value"),
    "95 % interval": _interval(".1%"),
    "rated": _count("n"),
}
_SECTIONS: Final[tuple[tuple[str, str, dict[str, Cell]], ...]] = (
    ("CSAT by resolution path (descriptive)", "csat", _CSAT),
    (
        "Re-contact within 7 days",
        "recontact",
        {
            "arm": _text("group"),
            "rate": _share("value"),
            "95 % interval": _interval(".1%"),
            "matured": _count("n"),
            "immature": _count("immature"),
            "confirmed": _count("confirmed"),
            "assumed": _count("assumed"),
            "reversed": _count("reversed"),
        },
    ),
    (
        "Escalation by category",
        "escalation",
        {
            "category": _text("group"),
            "arm": _text("arm"),
            "rate": lambda row: "too few" if row["value"] is None else f"{row['value']:.1%}",
            "95 % interval": _interval(".1%"),
            "at triage": _share("at_triage"),
            "later": _share("mid_conversation"),
            "tickets": _count("n"),
            "band": _text("band"),
        },
    ),
    (
        "Cost per resolution",
        "cost",
        {
            "arm": _text("group"),
            "gross": _money("gross"),
            "net": _money("net"),
            "95 % interval of net": _interval(".2f"),
            "model": _money("model"),
            "people": _money("human"),
            "minutes": _number("human_minutes", 1),
            "resolutions": _count("n"),
            "unknown cost": _count("unknown"),
        },
    ),
    (
        "Flow",
        "flow",
        {
            "arm": _text("group"),
            "contained": _share("value"),
            "ended": _count("n"),
            "abandoned": _count("abandoned"),
            "first response (median)": _number("first_response_median", 0, " s"),
            "handle time (median)": _number("handle_time_median", 0, " s"),
        },
    ),
)


def _table(rows: Sequence[Row], columns: Mapping[str, Cell]) -> list[str]:
    if not rows:
        return []
    cells = [[cell(row) for cell in columns.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    lines = [_line(list(columns), widths), _line(["-" * width for width in widths], widths)]
    return [*lines, *(_line(row, widths) for row in cells), ""]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    safe = (cell.replace("|", "\\|").ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(safe)} |"
