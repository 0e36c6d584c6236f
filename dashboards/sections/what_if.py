"""The form in which a plan is changed on paper."""

import math
from typing import Any, Final

import streamlit as st

from dashboards import format as fmt
from dashboards.rows import ForecastRow, PlanRow, WhatIfRow

_COLUMNS: Final = {"weight": "%", "min_days": "Days", "margin_scale": "Scale"}
_IN_OWN_UNIT: Final = frozenset({"csat", "cost", "handle_time", "first_response", "latency"})
"""Metrics that are no rates: their margins are typed as they stand, those of rates in percentage points."""


def ask(found: WhatIfRow) -> dict[str, Any]:
    """What was asked for, as far as it differs from the plan."""
    plan, volume = found["plan"], _volume(found["now"])
    with st.form("what-if", border=False):
        asked = st.number_input(
            "Eligible tickets a day",
            min_value=1.0,
            max_value=1e6,
            value=float(round(volume or 100)),
            step=10.0,
            format="%g",
            key="volume",
        )
        st.caption("Steps: weight in %, days at least, margin scale")
        edited = st.data_editor(
            [
                {"Step": step["name"]} | {title: step[name] for name, title in _COLUMNS.items()}  # type: ignore[literal-required]
                for step in plan["steps"]
            ],
            disabled=["Step"],
            hide_index=True,
            key="steps",
            column_config={
                title: st.column_config.NumberColumn(min_value=0, max_value=366, format="%g")
                for title in _COLUMNS.values()
            },
        )
        margins = {name: _margin(name, margin) for name, margin in plan["margins"].items()}
        st.form_submit_button("Forecast", type="primary")
    changes: dict[str, Any] = {}
    if volume is None or not math.isclose(asked, round(volume)):
        changes["tickets_per_day"] = float(asked)
    if steps := _steps(plan, edited):
        changes["steps"] = steps
    if moved := {name: value for name, value in margins.items() if value is not None}:
        changes["margins"] = moved
    return changes


def _volume(forecast: ForecastRow) -> float | None:
    figures = list(forecast["figures"]["tickets_per_day"].values())
    return figures[-1]["value"] if figures else None


def _margin(name: str, margin: dict[str, Any]) -> float | None:
    """The margin asked for; None where it is the plan's."""
    relative = bool(margin["relative"])
    plain = name in _IN_OWN_UNIT and not relative
    factor = 1 if plain else 100
    value = round(float(margin["value"]) * factor, 4)
    unit = "" if plain else ", % of the human arm" if relative else ", pp"
    asked = st.number_input(
        f"Margin: {fmt.metric(name)}{unit}",
        min_value=0.001,
        value=value,
        step=0.05 if plain else 0.5,
        format="%g",
        key=f"margin-{name}",
    )
    return None if math.isclose(asked, value) else asked / factor


def _steps(plan: PlanRow, edited: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for step, row in zip(plan["steps"], edited, strict=True):
        changed = {
            name: float(row[title])
            for name, title in _COLUMNS.items()
            if row[title] is not None and float(row[title]) != step[name]  # type: ignore[literal-required]
        }
        if changed:
            found[step["name"]] = changed
    return found
