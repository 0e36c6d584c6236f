"""For the engineer: rules broken, time and money taken, and whether the desk or the agent has changed."""

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.charts.look import label
from dashboards.quality_rows import DriftRow, QualityRow
from dashboards.sections import filters, parts, processes
from dashboards.viewing import Viewing


def show(viewing: Viewing) -> None:
    parts.title("Quality", f"{viewing.name}: how agents work, and whether the desk or the agent has changed.")
    with st.container(horizontal=True):
        period = filters.period()
    found = viewing.reads.quality(viewing.name, period)
    left, right = parts.beside("quality-first", 1, 1, gap="medium")
    with left, st.container(border=True, height="stretch"), parts.guarded("The violations"):
        _violations(found)
    with right, st.container(border=True, height="stretch"), parts.guarded("The latency"):
        _latency(found)
    with st.container(border=True), parts.guarded("The cost"):
        _cost(found)
    with parts.guarded("The drift"):
        _drift(found["drift"])
    st.divider()
    with parts.guarded("The server"):
        processes.show(viewing)


def _violations(found: QualityRow) -> None:
    part = found["violations"]
    parts.card("Rules broken, of all replies")
    if part["rows"]:
        parts.chart(charts.violations(part["rows"]), part["sentence"])
    st.text(part["sentence"])
    parts.details(
        [
            {**row, "at": parts.moment(row["at"]), "examples": ", ".join(row["examples"])}
            for row in part["rows"]
        ],
        {
            "at": "From",
            "version": "Version",
            "mode": "Mode",
            "rule": "Rule",
            "n": "Times",
            "replies": "Replies",
            "examples": "Tickets",
        },
        "Rules that the checks found broken in an agent's reply, also in those that were then kept back, and "
        "in shadow. Periods in which a version broke none have no point.",
        part["sql"],
    )


def _latency(found: QualityRow) -> None:
    part = found["latency"]
    parts.card("Time for a reply")
    if part["rows"]:
        parts.chart(charts.latency(part["rows"]), part["sentence"])
    st.text(part["sentence"])
    parts.details(
        part["rows"],
        {"version": "Version", "mode": "Mode", "n": "Replies", "p50": "Median", "p95": "95 %", "p99": "99 %"},
        "Seconds from the customer's message to the agent's reply: dot, the median; long tick, the 95th "
        "percentile; short tick, the 99th.",
        part["sql"],
        units={"p50": "seconds", "p95": "seconds", "p99": "seconds"},
    )


def _cost(found: QualityRow) -> None:
    part = found["cost"]
    parts.card("Model cost per day")
    if any(row["usd"] is not None for row in part["rows"]):
        parts.chart(charts.cost_per_day(part["rows"]), part["sentence"])
    st.text(part["sentence"])
    parts.details(
        [{**row, "at": parts.moment(row["at"]).split(",")[0]} for row in part["rows"]],
        {"at": "Day", "version": "Version", "replies": "Replies", "usd": "Cost", "unknown": "Price unknown"},
        "What the models of live and shadow replies cost, without people's time. A price that nobody knows "
        "is counted apart, never as 0.",
        part["sql"],
        units={"usd": "usd"},
    )


def _drift(drift: DriftRow | None) -> None:
    parts.heading("Drift", "Beside the equally long period before. Descriptive: nothing here was randomised.")
    if drift is None:
        parts.empty(
            "Nothing to compare with", "Choose 7, 28 or 90 days above: all time has no period before it."
        )
        return
    st.text(drift["sentence"])
    if not drift["mix"]:
        return
    left, right = parts.beside("drift", 1, 1, gap="medium")
    with left, st.container(border=True, height="stretch"):
        _mix(drift)
    with right, st.container(border=True, height="stretch"):
        _changes(drift)


def _mix(drift: DriftRow) -> None:
    parts.card("Have the tickets changed?")
    moved = [fmt.words(row["dimension"]).lower() for row in drift["mix"] if row["drifted"]]
    said = f"Beyond chance: {', '.join(moved)}." if moved else "No dimension moved beyond chance."
    parts.chart(charts.mix(drift["mix"]), said)
    st.text(said)
    parts.details(
        [
            {"dimension": fmt.words(row["dimension"]), **share}
            for row in drift["mix"]
            for share in row["shares"]
        ],
        {"dimension": "Dimension", "value": "Value", "then": "Before", "now": "Now"},
        "Population stability index of each dimension's values, half a ticket added to each. The tick is "
        "what it stays below with 95 % where both periods draw from the same tickets.",
        drift["sql"],
        units={"then": "rate", "now": "rate"},
    )


def _changes(drift: DriftRow) -> None:
    parts.card("Has the service changed?")
    rows = drift["quality"]
    if not rows:
        parts.empty("Too few tickets", "A rate needs 30 tickets of an arm in both periods.")
        return
    for unit in dict.fromkeys(row["unit"] for row in rows):
        of_unit = [row for row in rows if row["unit"] == unit]
        said = "; ".join(
            f"{row['title']} ({label(row['arm']).lower()}) {fmt.difference(row['quality'], unit)}"
            for row in of_unit
        )
        parts.chart(charts.changes(of_unit), f"Changes at the earlier mix: {said}.")
    st.text("Dot and bar: the change at the earlier mix, with its interval. Diamond: the mix alone.")
    parts.details(
        [{**row, "arm": label(row["arm"]), **_shaped(row["unit"], row)} for row in rows],
        {
            "title": "Rate",
            "arm": "Arm",
            "then": "Before",
            "now": "Now",
            "mix": "By the mix",
            "quality": "At the earlier mix",
            "lower": "From",
            "upper": "To",
            "covered": "Covered",
            "n": "n at least",
        },
        "The difference of two periods taken apart by category (direct standardisation to the earlier "
        "period): what the changed mix makes, and what is left at the same mix, with a 95 % interval for "
        "one look. Covered: the earlier tickets whose category is in both.",
        units={"covered": "rate"},
        label="Table and definition",
    )


def _shaped(unit: str, row: object) -> dict[str, str]:
    values: dict[str, float] = row  # type: ignore[assignment]
    told = {name: fmt.in_unit(values[name], unit) for name in ("then", "now")}
    return told | {name: fmt.difference(values[name], unit) for name in ("mix", "quality", "lower", "upper")}
