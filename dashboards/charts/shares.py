"""Who is served by whom: before and after an order, and of several rollouts side by side."""

from collections.abc import Mapping, Sequence
from typing import Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.rows import SharesRow, SplitRow, WorkflowRow

_WHO: Final = {"Agent": look.BLUE, "Canary": look.ORANGE, "Human": look.GREY}
_ROOM_FOR_TEXT: Final = 9.0
"""Percent below which a share's number would not fit into its bar."""


def shares(before: SharesRow, after: SharesRow, per_day: float) -> look.Picture:
    """Two bars, now and then, of the percent of eligible customers with each arm."""
    rows = [
        {"when": when, "who": who, "share": share, "says": _says(share), "tickets": share * per_day / 100}
        for when, found in (("Now", before), ("Then", after))
        for who, share in _parts(found["weight"], found["canary_weight"]).items()
    ]
    return _bars(rows, "when", ["Now", "Then"], 96)


def strips(rows: Sequence[WorkflowRow]) -> look.Picture:
    """One bar per rollout: who serves its eligible customers now."""
    found = [
        {"when": row["workflow"], "who": who, "share": share, "says": _says(share), "tickets": None}
        for row in rows
        for who, share in _split(row["split"]).items()
    ]
    return _bars(found, "when", [row["workflow"] for row in rows], max(70, 44 * len(rows)))


def _split(split: SplitRow) -> dict[str, float]:
    return _parts(0.0 if split["mode"] == "shadow" else split["weight"], split["canary_weight"])


def _parts(weight: float, canary_weight: float) -> dict[str, float]:
    canary = weight * canary_weight / 100
    return {"Agent": weight - canary, "Canary": canary, "Human": 100 - weight}


def _says(share: float) -> str:
    return fmt.weight(round(share, 1)) if share >= _ROOM_FOR_TEXT else ""


def _bars(
    rows: Sequence[Mapping[str, object]], field: str, order: Sequence[str], height: int
) -> look.Picture:
    found = pd.DataFrame([row for row in rows if row["share"]])
    found["place"] = [list(_WHO).index(str(who)) for who in found["who"]]
    base = alt.Chart(found).encode(
        y=alt.Y(f"{field}:N", sort=list(order), axis=look.names(size=12)),
        x=alt.X("share:Q", stack="zero", axis=None, scale=alt.Scale(domain=[0, 100])),
        order=alt.Order("place:Q"),
        tooltip=[
            alt.Tooltip("who:N", title="Served by"),
            alt.Tooltip("share:Q", title="Percent of eligible customers", format=".1f"),
        ],
    )
    bars = base.mark_bar(cornerRadius=2, height={"band": 0.66}).encode(
        color=alt.Color(
            "who:N",
            scale=alt.Scale(domain=list(_WHO), range=list(_WHO.values())),
            legend=look.legend("square"),
        )
    )
    text = base.mark_text(fontSize=12, fontWeight=600).encode(
        x=alt.X("share:Q", stack="zero", bandPosition=0.5), text="says:N", color=alt.value("#FFFFFF")
    )
    return alt.layer(bars, text).properties(height=height)
