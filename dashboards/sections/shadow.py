"""The agent beside the human on real tickets. No customer saw these replies."""

from typing import Final

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.rows import ShadowReadingRow, ShadowRow, SpendingRow, ThresholdsRow
from dashboards.sections import parts, raters

_REVIEWED: Final = (
    "Reviewed tickets, each weighted by one over its chance of review, with customers as clusters; 95 % "
    "intervals for one look. "
)
_SHED: Final = {"budget": "Over budget", "capacity": "Shed under load", "deadline": "Too late"}
"""Reasons for which a reply is dropped, in the order in which they are counted."""


def show(row: ShadowRow) -> None:
    _counters(row)
    reading = row.get("reading")
    left, right = parts.beside("shadow-first", 1, 1, gap="medium")
    with left, st.container(border=True, height="stretch"):
        _by_category(row)
    with right, st.container(border=True, height="stretch"):
        _escalation(reading)
    if reading is not None:
        left, right = parts.beside("shadow-second", 1, 1, gap="medium")
        with left, st.container(border=True, height="stretch"):
            _reliability(reading)
        with right, st.container(border=True, height="stretch"):
            _thresholds(reading)
        _raters(reading)
    if (spent := row.get("spending")) is not None:
        with st.container(border=True):
            _spending(spent)
    if row["gaps"]:
        with st.expander("Knowledge gaps, most frequent first"):
            parts.table(row["gaps"], {key: fmt.words(key) for key in row["gaps"][0]})


def _counters(row: ShadowRow) -> None:
    """How much was watched, and what was left out for want of time, room or money."""
    share = row["abstained"] / row["comparisons"] if row["comparisons"] else None
    counts = {
        "Compared": fmt.number(row["comparisons"]),
        "Abstained": fmt.percent(share),
        "Knowledge gaps": fmt.number(len(row["gaps"])),
    }
    dropped = {why: row["dropped"].get(why, 0) for why in (*_SHED, *row["dropped"])}
    counts |= {_SHED.get(why, fmt.words(why)): fmt.number(n) for why, n in dropped.items()}
    for place, (name, value) in zip(st.columns(len(counts)), counts.items(), strict=True):
        place.metric(name, value)
    st.text(row["sentence"])
    if any(dropped.values()):
        reasons = ", ".join(f"{fmt.number(n)} {fmt.words(why).lower()}" for why, n in dropped.items() if n)
        st.caption(parts.plain(f"Dropped and counted, so that no share is taken for the whole: {reasons}."))


def _spending(row: SpendingRow) -> None:
    """What it took per day, and what it may take."""
    st.markdown("**What does watching cost?**")
    if row["days"] and any(day["usd"] is not None for day in row["days"]):
        parts.chart(charts.spending(row), row["sentence"])
    st.text(row["sentence"])
    if (allowed := row["allowed"]) is not None:
        told = (
            f"The plan lets it see {fmt.weight(allowed['percentage'])} of the eligible tickets, "
            f"{fmt.number(allowed['concurrency'])} at a time, "
            f"{fmt.seconds(allowed['deadline_seconds'])} for each, "
            f"and take {fmt.usd(allowed['budget_usd_per_day'])} a day."
        )
        st.caption(parts.plain(told))
    parts.details(
        [{**day, "day": fmt.moment(day["at"]).split(",")[0]} for day in row["days"]],
        {
            "day": "Day (UTC)",
            "replies": "Replies",
            "usd": "Cost",
            "unknown": "Price unknown",
            "over_budget": "Over budget",
            "shed": "Shed under load",
            "late": "Too late",
            "failed": "Failed",
        },
        "What the models of the shadow took, each reply once however many rated it. Tickets over the budget, "
        "shed under load or answered too late are not compared, and are counted here.",
        row["sql"],
        units={"usd": "usd"},
    )


def _by_category(row: ShadowRow) -> None:
    st.markdown("**Agreement by category**")
    rated = [point for point in row["by_category"] if point["value"] is not None]
    if rated:
        parts.chart(charts.agreement(rated), "Agreement with the human by category.")
        worst = min(rated, key=lambda point: point["value"] or 0.0)
        st.text(
            f"Least agreed in {fmt.words(worst['group']).lower()}: {fmt.percent(worst['value'], 0)} of "
            f"{fmt.number(worst['n'])} rated."
        )
        parts.details(
            row["by_category"],
            {"group": "Category", "value": "Agreement", "lower": "From", "upper": "To", "n": "Rated"},
            "Share of rated replies that agreed with the human, Wilson intervals at 95 %. A category with "
            "fewer than 30 ratings has no share.",
            row.get("sql", ""),
            units={"value": "rate", "lower": "rate", "upper": "rate"},
        )
    else:
        parts.empty("Nothing judged yet", "Agreement appears when comparisons are rated.")


def _escalation(reading: ShadowReadingRow | None) -> None:
    st.markdown("**Did it hand over where a human was needed?**")
    if reading is None or not reading["escalation"]["n"]:
        parts.empty("Nothing to compare", "It needs tickets on which a person said whether one was needed.")
        return
    found = reading["escalation"]
    if found["cells"][0]["share"] is not None:
        parts.chart(charts.confusion(found["cells"]), found["sentence"])
    st.text(found["sentence"])
    names = {
        "sensitivity": "Handed over, of those that needed a human",
        "specificity": "Answered, of those that needed none",
        "precision": "Needed a human, of those handed over",
        "missed_of_answered": "Needed a human, of those answered",
    }
    parts.details(
        [{"what": title, **found[name]} for name, title in names.items()],  # type: ignore[literal-required]
        {"what": "Share", "value": "Value", "lower": "From", "upper": "To", "n": "Reviews"},
        _REVIEWED + "Cells show the share of all tickets, and how many reviewed tickets stand for it.",
        reading["sql"],
        units={"value": "rate", "lower": "rate", "upper": "rate"},
    )


def _reliability(reading: ShadowReadingRow) -> None:
    st.markdown("**Does its confidence mean what it says?**")
    found = reading["reliability"]
    if any(part["value"] is not None for part in found["bins"]):
        parts.chart(charts.reliability(found["bins"]), found["sentence"])
        st.text(found["sentence"])
    else:
        parts.empty("Not known yet", found["sentence"])
        return
    parts.details(
        found["bins"],
        {
            "low": "From",
            "high": "Up to",
            "confidence": "Stated",
            "value": "Good",
            "lower": "Lower",
            "upper": "Upper",
            "n": "Reviews",
        },
        _REVIEWED + "A bin of fewer than ten effective customers has no share. On the dashed line stated "
        "confidence is the share that was good; larger points hold more reviews. "
        + ", ".join(f"{name} {fmt.number(part, 3)}" for name, part in found["brier"].items())
        + " are the Brier score and its parts.",
        units=dict.fromkeys(("low", "high", "confidence", "value", "lower", "upper"), "rate"),
    )


def _thresholds(reading: ShadowReadingRow) -> None:
    st.markdown("**Which threshold is cheapest?**")
    found = reading["thresholds"]
    if not any(row["cost"] is not None for row in found["rows"]):
        parts.empty("Not known yet", found["sentence"])
        return
    parts.chart(charts.cost_curve(found, reading["missed_cost"]), found["sentence"])
    st.text(found["sentence"])
    _at_threshold(found)
    parts.details(
        found["rows"],
        {
            "threshold": "Threshold",
            "answered": "Answered",
            "good": "Good among them",
            "good_lower": "At least",
            "missed": "Missed",
            "needless": "Needless",
            "missed_of_answered": "Missed of answered",
            "cost": "Cost per ticket",
            "tied": "May be cheapest",
        },
        _REVIEWED
        + "Cost is in needless hand-overs. The shaded range holds the cheapest threshold with 95 %; "
        "what a rule hands over stays handed over at any threshold. A wrong answer to a ticket that needed "
        "no human is not in the cost: see the good among the answered.",
        units=dict.fromkeys(
            ("answered", "good", "good_lower", "missed", "needless", "missed_of_answered"), "rate"
        )
        | {"cost": "points"},
    )


def _at_threshold(found: ThresholdsRow) -> None:
    """What one threshold would do with the tickets: the row of the API nearest to the slider."""
    steps = [row["threshold"] for row in found["rows"]]
    best = min(steps, key=lambda step: abs(step - (found["best"] if found["best"] is not None else 0.5)))
    chosen = st.select_slider(
        "The agent answers from this confidence on",
        steps,
        value=best,
        format_func="{:.2f}".format,
        key="threshold",
    )
    row = found["rows"][steps.index(chosen)]
    said = (
        f"At {chosen:.2f} it answers {fmt.percent(row['answered'], 0)} of the tickets; "
        f"{fmt.percent(row['good'], 0)} of its answers are good, "
        f"and {fmt.percent(row['missed_of_answered'])} should have gone to a human."
    )
    parts.chart(charts.served(found["rows"], chosen), said)
    st.text(said)


def _raters(reading: ShadowReadingRow) -> None:
    if not reading["agreement"]:
        return
    with st.expander("Do the raters agree?"):
        raters.agreement(reading["agreement"])
