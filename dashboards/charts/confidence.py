"""Stated confidence: does it mean what it says, and from where on should the agent answer?"""

import math
from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from dashboards.charts import look
from dashboards.rows import ReliabilityBin, ThresholdsRow

_MISSED: Final = "Missed escalations"
_NEEDLESS: Final = "Needless escalations"
_MIDDLE: Final = 0.5
_HEIGHT: Final = 260


def reliability(bins: Sequence[ReliabilityBin]) -> look.Picture:
    """Stated confidence against the share that was good. On the dashed line it means what it says.

    Both axes begin where the bins with a share do.
    """
    found = pd.DataFrame([dict(part) for part in bins if part["value"] is not None])
    start = math.floor(10 * min(found["low"].min(), found["lower"].min())) / 10
    scale = alt.Scale(domain=[start, 1], nice=False)
    x = alt.X(
        "confidence:Q",
        scale=scale,
        axis=_axis("stated confidence", ".0%"),
    )
    y = alt.Y(
        "lower:Q",
        scale=scale,
        axis=_axis("answers that were good", ".0%", grid=True),
    )
    base = alt.Chart(found).encode(
        x=x,
        tooltip=[
            alt.Tooltip("confidence:Q", title="Stated", format=".0%"),
            alt.Tooltip("value:Q", title="Good", format=".0%"),
            alt.Tooltip("lower:Q", title="from", format=".0%"),
            alt.Tooltip("upper:Q", title="to", format=".0%"),
            alt.Tooltip("n:Q", title="Reviewed", format=","),
        ],
    )
    line = alt.Chart(pd.DataFrame([{"at": start}, {"at": 1.0}]))
    return alt.layer(
        line.mark_line(color=look.GREY, strokeDash=[4, 4], strokeWidth=1.2).encode(
            x="at:Q", y=alt.Y("at:Q", scale=scale)
        ),
        base.mark_rule(strokeWidth=2.4, color=look.PALE_BLUE).encode(y=y, y2="upper:Q"),
        base.mark_point(filled=True, color=look.BLUE, opacity=1).encode(
            y=alt.Y("value:Q", scale=scale),
            size=alt.Size("n:Q", scale=alt.Scale(range=[40, 220]), legend=None),
        ),
    ).properties(height=340)


def cost_curve(found: ThresholdsRow, missed_cost: float) -> look.Picture:
    """What every threshold would have cost per hundred tickets, in needless hand-overs.

    The shaded thresholds cannot be told apart from the cheapest one, which the rule marks.
    """
    parts = [
        {
            "threshold": row["threshold"],
            "kind": kind,
            "cost": 100 * cost,
            "answered": row["answered"],
            "total": 100 * row["cost"],
        }
        for row in found["rows"]
        if row["cost"] is not None and row["missed"] is not None and row["needless"] is not None
        for kind, cost in ((_MISSED, missed_cost * row["missed"]), (_NEEDLESS, row["needless"]))
    ]
    x = alt.X(
        "threshold:Q",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=_axis("answers from this confidence on", ".1f"),
    )
    y = alt.Y(
        "cost:Q",
        stack="zero",
        axis=_axis("cost per 100 tickets", ".0f", grid=True),
    )
    area = alt.Chart(pd.DataFrame(parts)).encode(
        x=x,
        tooltip=[
            alt.Tooltip("threshold:Q", title="Threshold", format=".2f"),
            alt.Tooltip("kind:N", title="Cost of"),
            alt.Tooltip("cost:Q", title="Per 100 tickets", format=".1f"),
            alt.Tooltip("total:Q", title="Together", format=".1f"),
            alt.Tooltip("answered:Q", title="Answered", format=".0%"),
        ],
    )
    color = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=[_MISSED, _NEEDLESS], range=[look.RED, look.PALE_BLUE]),
        legend=look.legend("square"),
    )
    layers = [area.mark_area(opacity=0.75).encode(y=y, color=color)]
    if found["best"] is not None:
        layers = [*_range(found), *layers, *_chosen(found["best"])]
    return alt.layer(*layers).properties(height=_HEIGHT)


def _range(found: ThresholdsRow) -> list[alt.Chart]:
    ends = alt.Chart(pd.DataFrame([{"low": found["low"], "high": found["high"]}]))
    return [ends.mark_rect(color=look.GREEN, opacity=0.16).encode(x="low:Q", x2="high:Q")]


def _chosen(best: float) -> list[alt.Chart]:
    mark = alt.Chart(pd.DataFrame([{"best": best, "says": f"{best:.2f} cheapest"}]))
    text = (
        mark.mark_text(align="right", dx=-6, fontSize=12, fontWeight=600)
        if best > _MIDDLE
        else mark.mark_text(align="left", dx=6, fontSize=12, fontWeight=600)
    )
    return [
        mark.mark_rule(color=look.GREEN, strokeWidth=2).encode(x="best:Q"),
        text.encode(x="best:Q", y=alt.value(10), text="says:N"),
    ]


def _axis(title: str, shown: str, *, grid: bool = False) -> alt.Axis:
    return alt.Axis(
        title=title,
        titleFontWeight="normal",
        format=shown,
        tickCount=5,
        grid=grid,
        domain=False,
        ticks=False,
    )
