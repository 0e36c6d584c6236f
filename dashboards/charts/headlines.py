"""The four headlines: trends with bands, breakdowns with intervals."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.rows import Point

_HEIGHT: Final = 200
_GROSS, _NET = "Gross", "Net of re-contact"


def trend(rows: Sequence[Point], unit: str, title: str) -> look.Picture:
    """A weekly mean or rate per group; the band is its interval."""
    groups = [row["group"] for row in rows]
    base = alt.Chart(look.frame(rows)).encode(
        x=alt.X("at:T", axis=look.days()),
        color=alt.Color("label:N", scale=look.palette(groups), legend=look.legend_of(groups)),
        tooltip=look.tips(unit, title),
    )
    scale = alt.Scale(zero=unit != "points")
    return alt.layer(
        base.mark_area(opacity=0.14).encode(
            y=alt.Y("lower:Q", axis=look.amount(unit), scale=scale), y2="upper:Q"
        ),
        base.mark_line(strokeWidth=2.2).encode(y="value:Q"),
        base.mark_point(filled=True, size=26, opacity=1).encode(y="value:Q"),
    ).properties(height=_HEIGHT)


def recontact(rows: Sequence[Point]) -> look.Picture:
    """Weekly re-contact per arm; weeks whose window is still open are hollow, on a dashed line."""
    groups = [row["group"] for row in rows]
    found = look.frame(rows)
    found["open"] = [bool(row.get("immature")) for row in rows]
    base = alt.Chart(found).encode(
        x=alt.X("at:T", axis=look.days(), scale=alt.Scale(nice={"interval": "week", "step": 1})),
        y=alt.Y("value:Q", axis=look.amount("rate"), scale=alt.Scale(zero=True)),
        color=alt.Color("label:N", scale=look.palette(groups), legend=look.legend_of(groups)),
        tooltip=[
            *look.tips("rate", "Re-contact"),
            alt.Tooltip("immature:Q", title="Window still open", format=","),
        ],
    )
    mature = base.transform_filter("!datum.open")
    return alt.layer(
        mature.mark_area(opacity=0.14).encode(y="lower:Q", y2="upper:Q"),
        base.mark_line(strokeWidth=1.4, strokeDash=[3, 3]),
        mature.mark_line(strokeWidth=2.2),
        mature.mark_point(filled=True, size=26, opacity=1),
        base.transform_filter("datum.open").mark_point(filled=False, size=64, strokeWidth=2, opacity=1),
    ).properties(height=_HEIGHT)


def by_category(rows: Sequence[Point]) -> look.Picture:
    """Escalation per category and arm with intervals; the plan's band as a grey stretch behind."""
    found = look.frame(rows)
    arms = [row.get("arm", "agent") for row in rows]
    found["arm_label"] = [look.label(arm) for arm in arms]
    found["category"] = [fmt.words(row["group"]) for row in rows]
    y = alt.Y("category:N", sort=sorted(set(found["category"])), axis=look.names(size=12, limit=120))
    axis = look.amount("rate")
    base = alt.Chart(found).encode(
        y=y,
        yOffset=alt.YOffset("arm_label:N", scale=alt.Scale(paddingOuter=0.4)),
        color=alt.Color("arm_label:N", scale=look.palette(arms), legend=look.legend_of(arms)),
        tooltip=[
            alt.Tooltip("category:N", title="Category"),
            alt.Tooltip("arm_label:N", title="Arm"),
            alt.Tooltip("value:Q", title="Escalated", format=".1%"),
            alt.Tooltip("lower:Q", title="from", format=".1%"),
            alt.Tooltip("upper:Q", title="to", format=".1%"),
            alt.Tooltip("n:Q", title="Tickets", format=","),
        ],
    )
    layers = [
        base.mark_rule(strokeWidth=2.4).encode(x=alt.X("lower:Q", axis=axis), x2="upper:Q"),
        base.mark_point(filled=True, size=55, opacity=1).encode(x="value:Q"),
    ]
    room = max(38, 12 * len(set(arms)) + 8)
    bands = {
        fmt.words(row["group"]): (row["band_low"], row["band_high"])
        for row in rows
        if row.get("band_low") is not None and row.get("band_high") is not None
    }
    if bands:
        ground = pd.DataFrame(
            [{"category": name, "low": low, "high": high} for name, (low, high) in bands.items()]
        )
        stretch = alt.Chart(ground).mark_bar(color=look.GREY, opacity=0.18)
        layers.insert(0, stretch.encode(y=y, x=alt.X("low:Q", axis=axis), x2="high:Q"))
    return alt.layer(*layers).properties(height=max(_HEIGHT, room * found["category"].nunique()))


def cost(rows: Sequence[Point]) -> look.Picture:
    """Cost per resolution and arm: gross beside net of the tickets that came back."""
    parts: list[dict[str, Any]] = [
        {
            "arm": look.label(row["group"]),
            "kind": kind,
            "usd": amount,
            "text": f"{fmt.usd(amount)} {kind.lower()}",
        }
        for row in rows
        for kind, amount in ((_GROSS, row.get("gross")), (_NET, row.get("net")))
        if amount is not None
    ]
    arms = [row["group"] for row in rows]
    most = max((part["usd"] for part in parts), default=1.0)
    base = alt.Chart(pd.DataFrame(parts)).encode(
        y=alt.Y("arm:N", sort=[look.label(arm) for arm in look.listed(arms)], axis=look.names()),
        yOffset=alt.YOffset("kind:N", sort=[_GROSS, _NET]),
        x=alt.X("usd:Q", axis=None, scale=alt.Scale(domain=[0, most * 1.85])),
    )
    bars = base.mark_bar(cornerRadiusEnd=3).encode(
        color=alt.Color("arm:N", scale=look.palette(arms), legend=None),
        opacity=alt.Opacity("kind:N", scale=alt.Scale(domain=[_GROSS, _NET], range=[0.55, 1.0]), legend=None),
        tooltip=[
            alt.Tooltip("arm:N", title="Arm"),
            alt.Tooltip("kind:N", title="Cost"),
            alt.Tooltip("text:N", title="USD"),
        ],
    )
    text = base.mark_text(align="left", dx=5, fontSize=12).encode(text="text:N")
    return alt.layer(bars, text).properties(height=max(_HEIGHT, 72 * len(set(arms))))
