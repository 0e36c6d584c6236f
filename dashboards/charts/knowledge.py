"""Gaps by category, and the articles that are used most."""

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.quality_rows import ArticleRow, GapRow

KINDS: Final = {
    "withheld": ("Handed off, not known", look.ORANGE),
    "unsure": ("Answered unsure", look.PURPLE),
    "unanswered": ("Not answered", look.SLATE),
}
_ROW: Final = 30


def gaps(rows: Sequence[GapRow], by: str) -> look.Picture:
    """Stacked bars per category; ``by`` is ``tickets`` or ``usd``."""
    found = pd.DataFrame(
        [
            {
                "category": fmt.words(row["category"]),
                "kind": KINDS[row["kind"]][0],
                "place": list(KINDS).index(row["kind"]),
                "tickets": row["tickets"],
                "usd": row["usd"] or 0.0,
                "mode": row["mode"],
            }
            for row in rows
        ]
    )
    found = found.groupby(["category", "kind", "place"], as_index=False)[["tickets", "usd"]].sum()
    order = list(found.groupby("category")[by].sum().sort_values(ascending=False).index)
    base = alt.Chart(found).encode(
        y=alt.Y("category:N", sort=order, axis=look.names(size=12)),
        x=alt.X(f"{by}:Q", stack="zero", axis=_axis(by)),
        order=alt.Order("place:Q"),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(
                domain=[name for name, _ in KINDS.values()], range=[color for _, color in KINDS.values()]
            ),
            legend=look.legend("square"),
        ),
        tooltip=[
            alt.Tooltip("category:N", title="Category"),
            alt.Tooltip("kind:N", title="Gap"),
            alt.Tooltip("tickets:Q", title="Tickets", format=","),
            alt.Tooltip("usd:Q", title="Cost", format="$,.2f"),
        ],
    )
    return alt.layer(base.mark_bar(cornerRadius=2)).properties(height=max(120, _ROW * len(order) + 30))


def _axis(by: str) -> alt.Axis:
    return alt.Axis(
        format="$,.0f" if by == "usd" else ",.0f", title=None, tickCount=5, domain=False, ticks=False
    )


def articles(rows: Sequence[ArticleRow], stale_days: float) -> look.Picture:
    """One bar per article: how many replies used it; old ones in another colour, with their age in words."""
    kinds = {f"Older than {stale_days:g} days": look.RED, "In date, or undated": look.BLUE}
    found = pd.DataFrame(
        [
            {
                "article": row["article"],
                "replies": row["replies"],
                "state": list(kinds)[0 if (row["age_days"] or 0.0) > stale_days else 1],
                "says": fmt.number(row["replies"])
                + ("" if row["age_days"] is None else f", {fmt.number(row['age_days'])} days old"),
            }
            for row in rows
        ]
    )
    most = float(found["replies"].max())
    base = alt.Chart(found).encode(
        y=alt.Y("article:N", sort=None, axis=look.names(size=12, limit=220)),
        x=alt.X("replies:Q", axis=None, scale=alt.Scale(domain=[0, most * 1.5])),
    )
    bars = base.mark_bar(cornerRadiusEnd=3, height=18).encode(
        color=alt.Color(
            "state:N",
            scale=alt.Scale(domain=list(kinds), range=list(kinds.values())),
            legend=look.legend("square"),
        ),
        tooltip=[alt.Tooltip("article:N", title="Article"), alt.Tooltip("says:N", title="Replies")],
    )
    text = base.mark_text(align="left", dx=5, fontSize=12).encode(text="says:N")
    return alt.layer(bars, text).properties(height=max(120, _ROW * len(found) + 30))
