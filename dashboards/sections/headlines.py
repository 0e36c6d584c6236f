"""The four numbers a support leader asks for, each with what keeps it honest."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.rows import Headline, Overview, Point
from dashboards.sections import flow, parts

_BY_ARM: Final = (
    " An arm is who was drawn to serve; tickets that no chance dealt stand apart and are not compared. The "
    "gate compares like with like."
)
_MOST_NUMBERS: Final = 4


def show(overview: Overview) -> None:
    if not overview["tickets"]:
        newest = overview.get("newest")
        known = f" The newest ticket is of {parts.moment(newest)}." if newest else ""
        parts.empty("No ticket in this period", f"Choose a longer period above, or take filters away.{known}")
        return
    flowing = overview.get("flow")
    rows = (
        (lambda: _csat(overview["csat"]), lambda: _recontact(overview["recontact"])),
        (lambda: _escalation(overview["escalation"]), lambda: _cost(overview["cost"])),
        (
            lambda: flow.resolutions(overview["recontact"]),
            (lambda: flow.containment(flowing, overview["csat"])) if flowing else None,
        ),
    )
    for number, pair in enumerate(rows):
        for place, draw in zip(parts.beside(f"cards-{number}", 1, 1, gap="medium"), pair, strict=True):
            if draw is not None:
                with place, st.container(border=True, height="stretch"), parts.guarded("This number"):
                    draw()


def _numbers(rows: Sequence[Point], unit: str) -> None:
    """One figure per group, with interval and n under it."""
    shown = _known(rows)[:_MOST_NUMBERS]
    for place, row in zip(st.columns(max(len(shown), 1), gap="small"), shown, strict=False):
        with place, st.container(gap=None):
            st.metric(charts.label(row["group"]), fmt.in_unit(row["value"], unit))
            interval = f"{fmt.in_unit(row['lower'], unit)} to {fmt.in_unit(row['upper'], unit)}"
            st.caption(parts.plain(f"{interval}  \nn {fmt.number(row['n'])}"))


def _known(rows: Sequence[Point]) -> list[Point]:
    """The points that say something, in the order in which groups are always listed."""
    order = charts.listed([row["group"] for row in rows])
    return sorted(
        (row for row in rows if row["value"] is not None), key=lambda row: order.index(row["group"])
    )


def _nothing(what: str) -> None:
    parts.empty(f"No {what} yet", "It appears when outcomes are recorded for this workflow and period.")


def _csat(row: Headline) -> None:
    parts.card("CSAT by resolution path", "Descriptive")
    if not _known(row["rows"]):
        _nothing("rating")
        return
    if marks := _known(row["trend"]):
        parts.chart(charts.trend(marks, "points", "CSAT"), row["sentence"])
    _numbers(row["rows"], "points")
    st.text(row["sentence"])
    arms = row.get("by_arm") or []
    if arms:
        read = ", ".join(
            f"{charts.label(arm['group'])} {fmt.number(arm['value'], 2)} "
            f"({fmt.number(arm['lower'], 2)} to {fmt.number(arm['upper'], 2)}, n {fmt.number(arm['n'])})"
            for arm in arms
        )
        st.text(f"By assigned arm, the causal read: {read}.")
    parts.details(
        [*row["rows"], *arms],
        {
            "group": "Path or arm",
            "value": "Mean",
            "lower": "Lower",
            "upper": "Upper",
            "n": "Answers",
            "offered": "Offered",
            "response_rate": "Response rate",
        },
        "Mean of answered surveys, 1 to 5. A path is who served in the end: it is decided after treatment, "
        "so paths may differ because their tickets do. Only the assigned arms can be compared.",
        row["sql"],
        units={
            "group": "words",
            "value": "points",
            "lower": "points",
            "upper": "points",
            "response_rate": "rate",
        },
    )


def _recontact(row: Headline) -> None:
    parts.card("Re-contact within 7 days", "By arm")
    if not row["rows"]:
        _nothing("resolved ticket")
        return
    if marks := _known(row["trend"]):
        parts.chart(charts.recontact(marks), row["sentence"])
    _numbers(row["rows"], "rate")
    st.text(row["sentence"])
    parts.details(
        row["rows"],
        {
            "group": "Arm",
            "value": "Rate",
            "lower": "Lower",
            "upper": "Upper",
            "n": "Matured tickets",
            "immature": "Window still open",
        },
        "The same customer opens another ticket on the same issue within 7 days of a claimed resolution. "
        "Tickets whose window is still open are counted apart and drawn hollow on a dashed line: their rate "
        "can only rise." + _BY_ARM,
        row["sql"],
        units={"value": "rate", "lower": "rate", "upper": "rate"},
    )


def _escalation(row: Headline) -> None:
    parts.card("Escalation by category", "By arm")
    if not (known := _known(row["rows"])):
        _nothing("category with enough handled tickets")
        return
    parts.chart(charts.by_category(known), row["sentence"])
    st.text(row["sentence"])
    if any(point.get("band_low") is not None for point in known):
        st.caption("Grey: the band of the plan, in which a category should stay.")
    parts.details(
        row["rows"],
        {
            "group": "Category",
            "arm": "Arm",
            "value": "Rate",
            "lower": "Lower",
            "upper": "Upper",
            "n": "Tickets",
            "at_triage": "Of it at triage",
            "band_low": "Band from",
            "band_high": "Band to",
            "band": "Band",
        },
        "Share of the arm's tickets that went on to a human, for cells of at least 30 tickets. A grey "
        "stretch is the band of the plan: below it is as suspicious as above it." + _BY_ARM,
        row["sql"],
        units=dict.fromkeys(("value", "lower", "upper", "at_triage", "band_low", "band_high"), "rate"),
    )


def _cost(row: Headline) -> None:
    parts.card("Cost per resolution", "By arm")
    if not row["rows"]:
        _nothing("priced resolution")
        return
    parts.chart(charts.cost(row["rows"]), row["sentence"])
    st.text(row["sentence"])
    parts.details(
        row["rows"],
        {
            "group": "Arm",
            "gross": "Gross",
            "net": "Net",
            "model": "Of it model",
            "human": "Of it people",
            "n": "Resolutions",
        },
        "Model cost plus human minutes at the plan's wage, per resolved ticket. Net counts only resolutions "
        "that did not come back within 7 days." + _BY_ARM,
        row["sql"],
        units=dict.fromkeys(("gross", "net", "model", "human"), "usd"),
    )
