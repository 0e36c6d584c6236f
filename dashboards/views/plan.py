"""Before anybody is exposed: how long would each step take, and what would change that?"""

import json
from typing import Any

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.charts.plan import ladder
from dashboards.rows import ForecastRow, WhatIfRow
from dashboards.sections import backtest, parts, what_if
from dashboards.viewing import Viewing


def show(viewing: Viewing) -> None:
    parts.title("Plan", f"What if {viewing.name} had other steps, margins or volume? On paper only.")
    as_it_is = viewing.reads.what_if(viewing.name, "{}")
    controls, picture = parts.beside("plan", 4, 8)
    with controls:
        changes = what_if.ask(as_it_is)
    with picture, parts.guarded("The forecast"):
        text = json.dumps(changes, sort_keys=True)
        found = viewing.reads.what_if(viewing.name, text) if changes else as_it_is
        _forecast(found, changed=bool(changes))
    st.divider()
    with parts.guarded("The backtest"):
        backtest.show(viewing, changes, [step["name"] for step in as_it_is["plan"]["steps"]])


def _forecast(found: WhatIfRow, *, changed: bool) -> None:
    now, then = found["now"], found["then"]
    total = ladder(then)["total"]
    power = f"{then['assurance']:g}"
    said = _total(ladder(now)["total"][power]["days"], total[power]["days"], changed=changed)
    parts.card("When each step would be left")
    parts.chart(charts.schedule(now, then if changed else None), said)
    st.text(said)
    for each in then["undecidable"]:
        days, metric = fmt.number(each["max_days"]), fmt.metric(each["metric"])
        text = f"{each['step']}: {metric} is not decided within {days} days."
        st.warning(parts.plain(text))
    _gates(then)
    notes = "; ".join(["Were the agent as good as the humans", *then["notes"]])
    st.caption(parts.plain(f"{notes}."))


def _gates(then: ForecastRow) -> None:
    """What each gate waits for, metric by metric."""
    parts.card("What each gate waits for")
    slow = [(step["name"], step["slowest"]) for step in ladder(then)["steps"] if step["slowest"]]
    said = f"Slowest: {', '.join(f'{name} on {fmt.metric(metric)}' for name, metric in slow)}."
    parts.chart(charts.waits(then), said)
    st.text(f"{said} A bar runs from even odds to 90 %.")
    parts.details(
        [
            {
                "step": step["name"],
                "metric": fmt.metric(metric["metric"]),
                "margin": metric["margin"],
                "tickets": fmt.number(metric["needed_tickets"]),
                "days": fmt.number(metric["needed_days"], 1),
                "even": _date(metric["needed"].get("0.5")),
                "late": _date(metric["needed"].get("0.9")),
            }
            for step in ladder(then)["steps"]
            for metric in step["metrics"]
        ],
        {
            "step": "Step",
            "metric": "Metric",
            "margin": "Margin or limit",
            "tickets": "Tickets needed",
            "days": "Days",
            "even": "Even odds",
            "late": "At 90 %",
        },
        "Days from entering the step until the metric has passed, maturity included, with the plan's "
        "assurance for the whole gate. Margins are scaled by the step, in the metric's own unit.",
        label="Table and definition",
    )


def _total(now: float | None, then: float | None, *, changed: bool) -> str:
    def said(days: float | None) -> str:
        return "never" if days is None else f"in about {fmt.number(days)} days"

    if not changed:
        return f"As planned, the ladder is climbed {said(now)}."
    return f"With these changes the ladder is climbed {said(then)}; as planned, {said(now)}."


def _date(when: Any) -> str:
    return fmt.moment(when["date"], parts.zone()).split(",")[0] if when and when["date"] else "never"
