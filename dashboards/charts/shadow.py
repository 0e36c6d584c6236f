"""Shadow replies beside the humans'."""

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.rows import EscalationCell, Point, ThresholdRow

_KINDS: Final = {
    (True, True): "Rightly handed over",
    (False, False): "Rightly answered",
    (True, False): "Needless",
    (False, True): "Missed",
}
"""(handed over, human needed) as people call it."""
_SMALL: Final = 0.06
"""Share below which a number would not fit into its bar."""


def confusion(rows: Sequence[EscalationCell]) -> look.Picture:
    """Did the agent hand over where a human was needed? Four cells, each with its share and count."""
    found = pd.DataFrame(
        [
            {
                "agent": "Agent hands over" if row["agent_escalated"] else "Agent answers",
                "human": "Human needed" if row["human_needed"] else "No human needed",
                "kind": _KINDS[row["agent_escalated"], row["human_needed"]],
                "share": row["share"],
                "n": row["n"],
                "reviews": f"{fmt.number(row['n'])} reviewed",
            }
            for row in rows
        ]
    )
    base = alt.Chart(found).encode(
        x=alt.X("agent:N", axis=look.names(size=12), sort=["Agent answers", "Agent hands over"]),
        y=alt.Y("human:N", axis=look.names(size=12), sort=["No human needed", "Human needed"]),
        tooltip=[
            alt.Tooltip("kind:N", title="This is"),
            alt.Tooltip("share:Q", title="Of all tickets", format=".1%"),
            alt.Tooltip("n:Q", title="Reviewed", format=",.0f"),
        ],
    )
    scale = alt.Scale(
        domain=list(_KINDS.values()), range=["#DCE9F3", "#DCE9F3", look.ORANGE_TINT, look.RED_TINT]
    )
    ink = alt.value("#1C2733")
    return alt.layer(
        base.mark_rect(cornerRadius=4).encode(color=alt.Color("kind:N", scale=scale, legend=None)),
        base.mark_text(fontSize=12, dy=-20).encode(text="kind:N", color=ink),
        base.mark_text(fontSize=18, fontWeight=600).encode(text=alt.Text("share:Q", format=".1%"), color=ink),
        base.mark_text(fontSize=12, dy=19).encode(text="reviews:N", color=ink),
    ).properties(height=220)


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


def served(rows: Sequence[ThresholdRow], threshold: float) -> look.Picture:
    """What a threshold does with a hundred tickets: answered well, answered badly, handed over."""
    row = min(rows, key=lambda each: abs(each["threshold"] - threshold))
    answered, good = row["answered"] or 0.0, row["good"] or 0.0
    shares = {
        "Answered well": answered * good,
        "Answered, not good": answered * (1 - good),
        "Handed over": 1 - answered,
    }
    colors = [look.GREEN, look.RED, look.GREY]
    found = pd.DataFrame(
        [
            {"kind": kind, "share": share, "place": place, "says": f"{share:.0%}" if share > _SMALL else ""}
            for place, (kind, share) in enumerate(shares.items())
        ]
    )
    base = alt.Chart(found).encode(
        x=alt.X("share:Q", stack="zero", axis=None, scale=alt.Scale(domain=[0, 1])),
        order=alt.Order("place:Q"),
        tooltip=[alt.Tooltip("kind:N", title="Tickets"), alt.Tooltip("share:Q", title="Share", format=".1%")],
    )
    bars = base.mark_bar(cornerRadius=2, height=30).encode(
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=list(shares), range=colors), legend=look.legend("square")
        )
    )
    text = base.mark_text(fontSize=12, fontWeight=600).encode(
        x=alt.X("share:Q", stack="zero", bandPosition=0.5), text="says:N", color=alt.value("#FFFFFF")
    )
    return alt.layer(bars, text).properties(height=40)
