"""A plan in time: how long each step would take, as it stands and as it could be."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.rows import ForecastRow, PlannedStep, PlannedTrack

_KINDS: Final = {
    "Until the gate passes": look.BLUE,
    "Waits for its shortest time": look.PALE_BLUE,
    "Never decided": look.RED,
}
_NEVER: Final = 7.0
"""Days at which a step that is never decided is drawn."""


def schedule(now: ForecastRow, then: ForecastRow | None) -> look.Picture:
    """The ladder's steps as bars in days from the start; with changes, the plan as it stands above them."""
    told = [("As planned", now)] if then is None else [("As planned", now), ("With changes", then)]
    rows = [row for name, forecast in told for row in _spans(name, forecast, ladder(forecast))]
    found = pd.DataFrame(rows)
    names = [step["name"] for step in ladder(now)["steps"]]
    kinds = list(_KINDS)
    base = alt.Chart(found).encode(
        y=alt.Y("step:N", sort=names, axis=look.names(size=12)),
        yOffset=alt.YOffset("plan:N", sort=[name for name, _ in told], scale=alt.Scale(paddingInner=0.25)),
        tooltip=[
            alt.Tooltip("plan:N", title="Plan"),
            alt.Tooltip("step:N", title="Step"),
            alt.Tooltip("kind:N", title="Time"),
            alt.Tooltip("days:Q", title="Days", format=".1f"),
            alt.Tooltip("waits:N", title="Slowest"),
        ],
    )
    axis = alt.Axis(
        title="days from the start", titleFontWeight="normal", grid=True, domain=False, ticks=False
    )
    bars = base.mark_bar(cornerRadius=2).encode(
        x=alt.X("start:Q", axis=axis),
        x2="end:Q",
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=kinds, range=list(_KINDS.values())), legend=look.legend("square")
        ),
        opacity=alt.Opacity(
            "plan:N",
            scale=alt.Scale(domain=["As planned", "With changes"], range=[0.55 if then else 1.0, 1.0]),
            legend=None,
        ),
    )
    text = (
        base.transform_filter("datum.last")
        .mark_text(align="left", dx=6, fontSize=12)
        .encode(x="end:Q", text="says:N")
    )
    return alt.layer(bars, text).properties(height=alt.Step(24 if then is None else 17, **{"for": "offset"}))


def waits(forecast: ForecastRow) -> look.Picture:
    """How long every metric of every gate waits: even odds to 90 %, the plan's own assurance marked."""
    power, rows = f"{forecast['assurance']:g}", []
    for step in ladder(forecast)["steps"]:
        for metric in step["metrics"]:
            days = {name: when["days"] for name, when in metric["needed"].items()}
            rows.append(
                {
                    "step": step["name"],
                    "name": f"{step['name']}: {fmt.metric(metric['metric'])}",
                    "even": days.get("0.5"),
                    "days": days.get(power),
                    "late": days.get("0.9"),
                    "says": "never" if days.get(power) is None else f"{fmt.number(days[power], 1)} days",
                }
            )
    found = pd.DataFrame(rows)
    base = alt.Chart(found).encode(
        y=alt.Y("name:N", sort=list(found["name"]), axis=look.names(size=12, limit=230)),
        tooltip=[
            alt.Tooltip("name:N", title="Metric"),
            alt.Tooltip("even:Q", title="Even odds, days", format=".1f"),
            alt.Tooltip("days:Q", title=f"At {forecast['assurance']:.0%}, days", format=".1f"),
            alt.Tooltip("late:Q", title="At 90 %, days", format=".1f"),
        ],
    )
    axis = alt.Axis(title="days in the step", titleFontWeight="normal", domain=False, ticks=False)
    return alt.layer(
        base.mark_rule(strokeWidth=5, color=look.PALE_BLUE).encode(x=alt.X("even:Q", axis=axis), x2="late:Q"),
        base.mark_point(filled=True, size=60, color=look.BLUE, opacity=1).encode(x="days:Q"),
        base.mark_text(align="left", dx=8, fontSize=12).encode(x="late:Q", text="says:N"),
    ).properties(height=alt.Step(22))


def ladder(forecast: ForecastRow) -> PlannedTrack:
    return next(track for track in forecast["tracks"] if track["track"] == "ladder")


def _spans(plan: str, forecast: ForecastRow, track: PlannedTrack) -> list[dict[str, Any]]:
    power, day, rows = f"{forecast['assurance']:g}", 0.0, []
    for step in track["steps"]:
        left = step["left"][power]["days"]
        spans = _parts(step, left)
        for place, (kind, days) in enumerate(spans):
            rows.append(
                {
                    "plan": plan,
                    "step": step["name"],
                    "kind": kind,
                    "start": day,
                    "end": day + days,
                    "days": days,
                    "waits": fmt.metric(step["slowest"]),
                    "last": place == len(spans) - 1,
                    "says": "never decided" if left is None else f"{fmt.number(left, 0)} days",
                }
            )
            day += days
    return rows


def _parts(step: PlannedStep, left: float | None) -> Sequence[tuple[str, float]]:
    if left is None:
        return [("Never decided", max(step["min_days"], _NEVER))]
    gate = min(step["gate_days"] or 0.0, left)
    spans = [("Until the gate passes", gate), ("Waits for its shortest time", left - gate)]
    return [span for span in spans if span[1] > 0] or spans[:1]
