"""What became of tickets: resolutions by what stands behind them, and containment beside satisfaction."""

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.rows import Headline
from dashboards.sections import parts


def resolutions(row: Headline) -> None:
    """Confirmed, assumed and reversed apart: a closed ticket is not yet a helped customer."""
    parts.card("Resolutions, by what stands behind them", "By arm")
    rows = [part for part in row["rows"] if part.get("confirmed") is not None]
    if not rows:
        parts.empty("No claimed resolution yet", "It appears when tickets of this period are resolved.")
        return
    total = sum(part["confirmed"] + part["assumed"] for part in rows)
    back = sum(part["reversed"] for part in rows)
    confirmed = sum(part["confirmed"] for part in rows)
    said = (
        f"Of {fmt.number(total)} claimed resolutions the customer confirmed {fmt.number(confirmed)}; "
        f"{fmt.number(back)} were reversed by coming back within 7 days."
    )
    parts.chart(charts.resolutions(rows), said)
    st.text(said)
    parts.details(
        rows,
        {
            "group": "Arm",
            "confirmed": "Confirmed",
            "assumed": "Assumed",
            "reversed": "Reversed since",
            "immature": "Window still open",
            "abandoned": "Abandoned",
        },
        "Confirmed: the customer said so. Assumed: nobody objected. Reversed: claimed, matured, and the "
        "customer came back on the same issue within 7 days; reversed ones are among the claimed. Abandoned "
        "tickets were claimed by nobody.",
        row["sql"],
    )


def containment(row: Headline, csat: Headline) -> None:
    """Ended without a person, never without what customers thought of it."""
    parts.card("Containment beside satisfaction", "Descriptive")
    known = [part for part in row["rows"] if part["value"] is not None]
    rated = {part["group"]: part for part in csat.get("by_arm") or [] if part["value"] is not None}
    if not known:
        parts.empty("No ticket has ended in this period", "Choose a longer period above.")
        return
    both = [part for part in known if part["group"] in rated]
    if both:
        parts.chart(charts.containment(both, rated), row["sentence"])
    else:
        parts.empty("No rating beside it yet", "Containment alone says nothing of satisfaction.")
    st.text(row["sentence"])
    parts.details(
        known,
        {
            "group": "Arm",
            "value": "Contained",
            "lower": "Lower",
            "upper": "Upper",
            "n": "Ended tickets",
            "first_response_median": "First response",
            "handle_time_median": "Handle time",
        },
        "Share of ended tickets that no person touched. A customer who gave up is contained too, so it is "
        "shown beside CSAT only, and no gate asks for it. Times are medians.",
        row["sql"],
        units={
            "value": "rate",
            "lower": "rate",
            "upper": "rate",
            "first_response_median": "seconds",
            "handle_time_median": "seconds",
        },
    )
