"""Incidents on a line of time: from when until when each was open."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import altair as alt
import pandas as pd

from dashboards.charts import look
from dashboards.rows import IncidentRow

_COLOURS: Final = {"Severe (1, 2)": look.RED, "Others (3, 4)": look.OCHRE}
_MOST: Final = 20
_LONGEST: Final = 48


def incidents(rows: Sequence[IncidentRow]) -> look.Picture:
    """One bar each, newest on top; an open one reaches to now."""
    shown = sorted(rows, key=lambda row: row["opened_at"], reverse=True)[:_MOST]
    now = datetime.now(UTC).isoformat()
    found = pd.DataFrame(
        [
            {
                "name": row["title"] if len(row["title"]) <= _LONGEST else row["title"][:_LONGEST] + "…",
                "id": row["incident_id"],
                "from": row["opened_at"],
                "to": row.get("closed_at") or now,
                "kind": list(_COLOURS)[0 if row["severity"] <= 2 else 1],
                "severity": row["severity"],
                "status": row["status"],
            }
            for row in shown
        ]
    )
    for name in ("from", "to"):
        found[name] = pd.to_datetime(found[name], utc=True, format="ISO8601")
    base = alt.Chart(found).encode(
        y=alt.Y("id:N", sort=None, axis=None),
        tooltip=[
            alt.Tooltip("name:N", title="What happened"),
            alt.Tooltip("severity:Q", title="Severity"),
            alt.Tooltip("status:N", title="Status"),
            alt.Tooltip("from:T", title="Opened", format="%-d %b %Y, %H:%M"),
            alt.Tooltip("to:T", title="Until", format="%-d %b %Y, %H:%M"),
        ],
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())),
            legend=look.legend("square"),
        ),
    )
    bars = base.mark_bar(cornerRadius=2, height=8, yOffset=10).encode(
        x=alt.X("from:T", axis=look.days()), x2="to:T"
    )
    dots = base.mark_point(filled=True, size=60, opacity=1, yOffset=10).encode(x="from:T")
    text = (
        alt.Chart(found)
        .mark_text(align="left", dy=-6, fontSize=12)
        .encode(y=alt.Y("id:N", sort=None, axis=None), x="from:T", text="name:N")
    )
    return alt.layer(bars, dots, text).properties(height=max(90, 48 * len(shown) + 30))
