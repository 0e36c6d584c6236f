"""A plan held against the history: where its ladder would have stood at each look, and what held it."""

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.record_rows import LookRow

_SAID: Final = {
    "PROMOTE": ("Gate passed", look.GREEN, "triangle-up"),
    "HOLD": ("Held", look.ORANGE, "circle"),
    "ROLL_BACK": ("Would have been taken back", look.RED, "triangle-down"),
}


def backtest(looks: Sequence[LookRow], steps: Sequence[str]) -> look.Picture:
    """The step walked as a line over the looks, one mark each; the step the history was in as a pale one."""
    rows = pd.DataFrame(
        [
            {
                "at": each["as_of"],
                "step": each["step"],
                "said": _SAID.get(each["decision"], (fmt.words(each["decision"]), look.GREY, "circle"))[0],
                "sentence": each["sentence"],
                "tickets": each["tickets"],
                "then": each["moved_to"] or "",
            }
            for each in looks
        ]
    )
    past = pd.DataFrame(
        [{"at": each["as_of"], "step": each["data_step"]} for each in looks if each["data_step"] in steps]
    )
    x = alt.X("at:T", axis=look.days())
    y = alt.Y(
        "step:N", sort=list(reversed(steps)), scale=alt.Scale(domain=list(reversed(steps))), axis=look.names()
    )
    rows["at"] = pd.to_datetime(rows["at"], utc=True, format="ISO8601")
    base = alt.Chart(rows).encode(x=x, y=y)
    names = [name for name, _, _ in _SAID.values() if name in set(rows["said"])]
    known = {name: (colour, shape) for name, colour, shape in _SAID.values()}
    marks = base.mark_point(filled=True, size=70, opacity=1).encode(
        color=alt.Color(
            "said:N",
            scale=alt.Scale(domain=names, range=[known[name][0] for name in names]),
            legend=look.legend(),
        ),
        shape=alt.Shape(
            "said:N", scale=alt.Scale(domain=names, range=[known[name][1] for name in names]), legend=None
        ),
        tooltip=[
            alt.Tooltip("at:T", title="As of", format="%-d %b %Y"),
            alt.Tooltip("step:N", title="At step"),
            alt.Tooltip("said:N", title="Gate"),
            alt.Tooltip("sentence:N", title="Why"),
            alt.Tooltip("then:N", title="Goes to"),
            alt.Tooltip("tickets:Q", title="Tickets", format=","),
        ],
    )
    walked = base.mark_line(interpolate="step-after", color=look.BLUE, strokeWidth=2)
    layers = [walked, marks]
    if len(past):
        past["at"] = pd.to_datetime(past["at"], utc=True, format="ISO8601")
        layers.insert(
            0,
            alt.Chart(past)
            .mark_line(interpolate="step-after", color=look.SAND, strokeWidth=7, opacity=0.7)
            .encode(x=x, y=y),
        )
    return alt.layer(*layers).properties(height=46 * len(steps) + 40)
