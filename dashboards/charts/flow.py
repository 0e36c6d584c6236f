"""What became of tickets."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.rows import Point

_HEIGHT: Final = 200
_STANDING: Final = {
    "Confirmed": look.GREEN,
    "Assumed": look.PALE_BLUE,
    "Too new to tell": look.SAND,
    "Reversed": look.RED,
}


def resolutions(rows: Sequence[Point]) -> look.Picture:
    """Claimed resolutions per arm as shares: confirmed, assumed, too new to tell, reversed."""
    parts = [part for row in rows for part in _standing(row)]
    order = [look.label(group) for group in look.listed([row["group"] for row in rows])]
    base = alt.Chart(pd.DataFrame(parts)).encode(
        y=alt.Y("arm:N", sort=order, axis=look.names(size=12, limit=120)),
        x=alt.X("share:Q", stack="zero", axis=look.amount("rate"), scale=alt.Scale(domain=[0, 1])),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=list(_STANDING), range=list(_STANDING.values())),
            legend=look.legend("square"),
        ),
        order=alt.Order("place:Q"),
        tooltip=[
            alt.Tooltip("arm:N", title="Arm"),
            alt.Tooltip("kind:N", title="Resolutions"),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
            alt.Tooltip("n:Q", title="n", format=","),
        ],
    )
    return alt.layer(base.mark_bar(height={"band": 0.55}, stroke="white", strokeWidth=0.6)).properties(
        height=max(_HEIGHT, 44 * len(order))
    )


def _standing(row: Point) -> list[dict[str, Any]]:
    """Reversed and open ones are of the assumed, as far as those go."""
    claimed = row["confirmed"] + row["assumed"]
    undone, new = row["reversed"], row.get("immature", 0)
    held = max(claimed - undone - new, 0)
    confirmed = min(row["confirmed"], held)
    counts = (confirmed, held - confirmed, new, undone)
    return [
        {
            "arm": look.label(row["group"]),
            "kind": kind,
            "n": n,
            "share": n / claimed if claimed else 0.0,
            "place": place,
        }
        for place, (kind, n) in enumerate(zip(_STANDING, counts, strict=True))
    ]


def containment(rows: Sequence[Point], rated: Mapping[str, Point]) -> look.Picture:
    """One mark per arm: across, how many ended without a person; up, what those arms' customers said."""
    found = pd.DataFrame(
        [
            {
                "arm": look.label(row["group"]),
                "contained": row["value"],
                "low": row["lower"],
                "high": row["upper"],
                "csat": rated[row["group"]]["value"],
                "csat_low": rated[row["group"]]["lower"],
                "csat_high": rated[row["group"]]["upper"],
                "says": f"{look.label(row['group'])}: {fmt.percent(row['value'], 0)}, "
                f"CSAT {fmt.number(rated[row['group']]['value'], 2)}",
            }
            for row in rows
        ]
    )
    groups = [row["group"] for row in rows]
    scale = alt.Scale(zero=False, padding=18)
    base = alt.Chart(found).encode(
        x=alt.X("contained:Q", scale=alt.Scale(domain=[0, 1]), axis=_axis("ended without a person", ".0%")),
        color=alt.Color("arm:N", scale=look.palette(groups), legend=None),
        tooltip=[
            alt.Tooltip("arm:N", title="Arm"),
            alt.Tooltip("contained:Q", title="Contained", format=".1%"),
            alt.Tooltip("csat:Q", title="CSAT", format=".2f"),
        ],
    )
    # To the left of the mark where it stands on the right, so that no name is cut off.
    ends: tuple[tuple[str, Literal["left", "right"], int], ...] = (
        ("datum.contained > 0.5", "right", -10),
        ("datum.contained <= 0.5", "left", 10),
    )
    names = [
        base.transform_filter(where)
        .mark_text(align=side, dx=dx, fontSize=12)
        .encode(y="csat:Q", text="says:N", color=alt.value(look.GREY))
        for where, side, dx in ends
    ]
    return alt.layer(
        base.mark_rule(strokeWidth=2.4).encode(
            y=alt.Y("csat_low:Q", scale=scale, axis=_axis("CSAT", ".1f")), y2="csat_high:Q"
        ),
        base.mark_point(filled=True, size=90, opacity=1).encode(y=alt.Y("csat:Q", scale=scale)),
        *names,
    ).properties(height=_HEIGHT)


def _axis(title: str, shown: str) -> alt.Axis:
    return alt.Axis(
        title=title, titleFontWeight="normal", format=shown, tickCount=4, domain=False, ticks=False
    )
