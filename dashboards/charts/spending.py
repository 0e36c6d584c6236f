"""What a shadow cost per day, beside its budget."""

from typing import Any, Final

import altair as alt
import pandas as pd

from dashboards.charts import look
from dashboards.rows import SpendingRow

_LEFT_OUT: Final = {
    "over_budget": "over budget",
    "shed": "shed under load",
    "late": "too late",
    "failed": "failed",
}


def spending(row: SpendingRow) -> look.Picture:
    """A bar per day; the budget as a line; a mark over days on which tickets were left out."""
    found = pd.DataFrame([{**day, "left": _left_out(day)} for day in row["days"]])
    found["at"] = pd.to_datetime(found["at"], utc=True, format="ISO8601")
    found["usd"] = found["usd"].astype(float)
    axis = alt.Axis(format="$,.2~f", title=None, tickCount=4, domain=False, ticks=False)
    x = alt.X("utcyearmonthdate(at):T", axis=look.days())
    tips = [
        alt.Tooltip("at:T", title="Day (UTC)", format="%-d %b %Y"),
        alt.Tooltip("usd:Q", title="Cost", format="$,.2f"),
        alt.Tooltip("replies:Q", title="Replies", format=","),
        alt.Tooltip("left:N", title="Left out"),
    ]
    bars = (
        alt.Chart(found)
        .mark_bar(color=look.BLUE, opacity=0.85)
        .encode(x=x, y=alt.Y("usd:Q", axis=axis), tooltip=tips)
    )
    layers: list[Any] = [bars]
    if (found["left"] != "").any():
        marks = (
            alt.Chart(found)
            .transform_filter("datum.left != ''")
            .mark_point(shape="triangle-down", filled=True, color=look.RED, size=60, yOffset=-8, opacity=1)
        )
        layers.append(marks.encode(x=x, y="usd:Q", tooltip=tips))
    if row["allowed"] is not None:
        budget = pd.DataFrame([{"usd": row["allowed"]["budget_usd_per_day"], "says": "Budget a day"}])
        line = alt.Chart(budget).encode(y="usd:Q")
        layers.append(line.mark_rule(color=look.ORANGE, strokeWidth=2))
        layers.append(line.mark_text(align="left", dy=-7, x=4).encode(text="says:N"))
    return alt.layer(*layers).properties(height=170)


def _left_out(day: Any) -> str:
    return ", ".join(f"{day[name]} {says}" for name, says in _LEFT_OUT.items() if day[name])
