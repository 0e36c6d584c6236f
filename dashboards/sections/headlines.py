"""The four numbers a support leader asks for, each with what keeps it honest."""

from collections.abc import Sequence

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.rows import Headline, Overview, Point
from dashboards.sections import parts


def show(overview: Overview) -> None:
    parts.heading("Are customers better off?", f"{fmt.number(overview['tickets'])} tickets in this period.")
    if not overview["tickets"]:
        parts.empty("No ticket in this period", "Choose a longer period above, or all of the record.")
        return
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _csat(overview["csat"])
    with right, st.container(border=True):
        _recontact(overview["recontact"])
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _escalation(overview["escalation"])
    with right, st.container(border=True):
        _cost(overview["cost"])


def _title(title: str, tag: str, color: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{title}**")
        st.badge(tag, color=color)  # type: ignore[arg-type]


def _numbers(rows: Sequence[Point], unit: str) -> None:
    """One figure per group, with interval and n under it."""
    shown = _known(rows)[:4]
    for place, row in zip(st.columns(max(len(shown), 1)), shown, strict=False):
        with place, st.container(gap=None):
            st.metric(charts.label(row["group"]), fmt.in_unit(row["value"], unit))
            interval = f"{fmt.in_unit(row['lower'], unit)} to {fmt.in_unit(row['upper'], unit)}"
            st.caption(parts.plain(f"{interval}, n {fmt.number(row['n'])}"))


_BY_ARM = (
    " Every ticket of an arm counts here, also those that were never eligible and so went to humans "
    "without a draw: the gate above compares like with like."
)


def _known(rows: Sequence[Point]) -> list[Point]:
    """The points that say something; the others stay in the table."""
    return [row for row in rows if row["value"] is not None]


def _nothing(what: str) -> None:
    parts.empty(f"No {what} yet", "It appears when outcomes are recorded for this workflow and period.")


def _csat(row: Headline) -> None:
    _title("CSAT by resolution path", "Descriptive", "gray")
    if not _known(row["rows"]):
        _nothing("rating")
        return
    _numbers(row["rows"], "points")
    if marks := _known(row["trend"]):
        parts.chart(charts.trend(marks, "points", "CSAT"), row["sentence"])
    st.text(row["sentence"])
    arms = row.get("by_arm") or []
    if arms:
        read = ", ".join(
            f"{charts.label(arm['group'])} {fmt.number(arm['value'], 2)} "
            f"({fmt.number(arm['lower'], 2)} to {fmt.number(arm['upper'], 2)}, n {fmt.number(arm['n'])})"
            for arm in arms
        )
        st.caption(parts.plain(f"By assigned arm, the causal read: {read}."))
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
    )


def _recontact(row: Headline) -> None:
    _title("Re-contact within 7 days", "Descriptive, by arm", "gray")
    if not row["rows"]:
        _nothing("resolved ticket")
        return
    _numbers(row["rows"], "rate")
    if marks := _known(row["trend"]):
        parts.chart(charts.recontact(marks), row["sentence"])
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
        "Tickets whose window is still open are counted apart and drawn hollow: their rate can only rise."
        + _BY_ARM,
        row["sql"],
    )


def _escalation(row: Headline) -> None:
    _title("Escalation by category", "Descriptive, by arm", "gray")
    if not (known := _known(row["rows"])):
        _nothing("category with enough handled tickets")
        return
    parts.chart(charts.by_category(known), row["sentence"])
    st.text(row["sentence"])
    parts.details(
        row["rows"],
        {
            "group": "Category",
            "arm": "Arm",
            "value": "Rate",
            "lower": "Lower",
            "upper": "Upper",
            "n": "Tickets",
            "band_low": "Band from",
            "band_high": "Band to",
        },
        "Share of the arm's tickets that went on to a human. The grey stretch is the band of the plan: "
        "below it is as suspicious as above it." + _BY_ARM,
        row["sql"],
    )


def _cost(row: Headline) -> None:
    _title("Cost per resolution", "Descriptive, by arm", "gray")
    if not row["rows"]:
        _nothing("priced resolution")
        return
    parts.chart(charts.cost(row["rows"]), row["sentence"])
    st.text(row["sentence"])
    parts.details(
        row["rows"],
        {
            "group": "Arm",
            "gross": "Gross USD",
            "net": "Net USD",
            "model": "Model USD",
            "human": "Human USD",
            "n": "Resolutions",
        },
        "Model cost plus human minutes at the plan's wage, per resolved ticket. Net counts only resolutions "
        "that did not come back within 7 days." + _BY_ARM,
        row["sql"],
    )
