"""One ticket in time: who did what when, from its opening."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import altair as alt
import pandas as pd

from dashboards.charts import look
from dashboards.record_rows import EntryRow
from dashboards.story_words import LANES, detail, lane, what

_COLOURS: Final = {
    "Customer": look.OCHRE,
    "Ridealong": look.SLATE,
    "Agent": look.BLUE,
    "People": look.GREY,
}
_HEIGHT: Final = 44
_WIDEST: Final = 860
"""Pixels that all marks share for what is written above them."""


def story(entries: Sequence[EntryRow]) -> look.Picture:
    """A lane per side, a mark per record in the order in which they came; hovering says when.

    Equal steps, not hours: minutes and days of one ticket do not fit on one axis.
    """
    begun = datetime.fromisoformat(entries[0]["at"])
    found = pd.DataFrame(
        [
            {
                "step": number,
                "lane": LANES[lane(entry)],
                "what": what(entry),
                "detail": detail(entry),
                "after": (datetime.fromisoformat(entry["at"]) - begun).total_seconds(),
                "at": entry["at"],
            }
            for number, entry in enumerate(entries)
        ]
    )
    found["at"] = pd.to_datetime(found["at"], utc=True, format="ISO8601")
    lanes = list(LANES.values())
    x = alt.X("step:Q", axis=None, scale=alt.Scale(domain=[-0.4, len(entries) - 0.6]))
    y = alt.Y("lane:N", sort=lanes, scale=alt.Scale(domain=lanes), axis=look.names(size=12))
    base = alt.Chart(found).encode(x=x, y=y)
    # Down before on: what is written above a mark is then crossed by no line that comes to it.
    line = base.mark_line(color=look.GREY, strokeWidth=1, opacity=0.6, interpolate="step-before")
    path = line.encode(order="step:Q")
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        color=alt.Color(
            "lane:N", scale=alt.Scale(domain=lanes, range=[_COLOURS[each] for each in lanes]), legend=None
        ),
        tooltip=[
            alt.Tooltip("what:N", title="What"),
            alt.Tooltip("detail:N", title="Said"),
            alt.Tooltip("at:T", title="When", format="%-d %b %Y, %H:%M:%S"),
        ],
    )
    said = base.mark_text(dy=-13, fontSize=11, limit=_WIDEST // len(entries)).encode(text="what:N")
    return alt.layer(path, dots, said).properties(height=_HEIGHT * len(lanes))
