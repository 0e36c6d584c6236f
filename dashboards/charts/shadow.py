"""Shadow replies beside the humans'."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.rows import Point


def confusion(rows: Sequence[Mapping[str, Any]]) -> look.Picture:
    """Would the agent have escalated where the human did? Four cells with counts."""
    found = pd.DataFrame(
        [
            {
                "agent": "Agent hands off" if row["agent_escalated"] else "Agent answers",
                "human": "Human escalated" if row["human_escalated"] else "Human answered",
                "n": row["n"],
            }
            for row in rows
        ]
    )
    base = alt.Chart(found).encode(
        x=alt.X("agent:N", axis=look.names(size=12), sort=["Agent answers", "Agent hands off"]),
        y=alt.Y("human:N", axis=look.names(size=12), sort=["Human answered", "Human escalated"]),
        tooltip=["human:N", "agent:N", alt.Tooltip("n:Q", title="Tickets", format=",")],
    )
    scale = alt.Scale(range=["#E3EEF6", look.BLUE], domainMin=0)
    dark_cell = f"datum.n > {found['n'].max() * 0.6}"
    return alt.layer(
        base.mark_rect(cornerRadius=4).encode(color=alt.Color("n:Q", scale=scale, legend=None)),
        base.mark_text(fontSize=16, fontWeight=600).encode(
            text=alt.Text("n:Q", format=","),
            color=alt.condition(dark_cell, alt.value("white"), alt.value("#1C2733")),
        ),
    ).properties(height=200)


def agreement(rows: Sequence[Point]) -> look.Picture:
    """Agreement with the human per category, with intervals."""
    found = pd.DataFrame([{**row, "category": fmt.words(row["group"])} for row in rows])
    order = list(found.sort_values("value", ascending=False)["category"])
    base = alt.Chart(found).encode(
        y=alt.Y("category:N", sort=order, axis=look.names(size=12)),
        tooltip=[
            alt.Tooltip("category:N", title="Category"),
            alt.Tooltip("value:Q", title="Agreement", format=".0%"),
            alt.Tooltip("n:Q", title="Judged", format=","),
        ],
    )
    x = alt.X("lower:Q", axis=look.amount("rate"), scale=alt.Scale(domain=[0, 1]))
    return alt.layer(
        base.mark_rule(strokeWidth=2.4, color=look.BLUE).encode(x=x, x2="upper:Q"),
        base.mark_point(filled=True, size=60, color=look.BLUE, opacity=1).encode(x="value:Q"),
    ).properties(height=max(200, 30 * len(found)))
