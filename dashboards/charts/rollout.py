"""The ladder as a staircase, and the transitions on a time axis."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.rows import StepRow, TransitionRow

_ROOM_ABOVE: Final = 112
"""Top of the weight axis: 100 percent and the label over it."""
_STUB: Final = 2.0
"""Height, in percent, at which a step without live traffic is drawn."""
_ACTIONS: Final = {
    "Start": (look.GREY, "circle"),
    "Promote": (look.BLUE, "triangle-up"),
    "Pause": (look.ORANGE, "square"),
    "Resume": (look.BLUE, "triangle-right"),
    "Abort": (look.RED, "cross"),
    "Roll back": (look.RED, "triangle-down"),
    "Readmit": (look.PURPLE, "circle"),
    "Adopt": (look.PURPLE, "diamond"),
}


def ladder(steps: Sequence[StepRow], current: str | None, status: str, holdout: float) -> look.Picture:
    """The staircase of agent weights: behind, here, ahead; above it what stays with humans."""
    names = [step["name"] for step in steps]
    here = {"aborted": look.RED, "paused": look.ORANGE}.get(status, look.BLUE)
    base = alt.Chart(pd.DataFrame(_stairs(steps, current))).encode(
        x=alt.X("step:N", sort=names, axis=look.names()),
        tooltip=[alt.Tooltip("step:N", title="Step"), alt.Tooltip("label:N", title="Agent's share")],
    )
    bars = base.mark_bar(
        cornerRadiusTopLeft=3, cornerRadiusTopRight=3, width=alt.RelativeBandSize(0.72)
    ).encode(
        y=alt.Y("shown:Q", scale=alt.Scale(domain=[0, _ROOM_ABOVE]), axis=None),
        color=alt.Color(
            "state:N",
            scale=alt.Scale(domain=["Behind", "Here", "Ahead"], range=[look.PALE_BLUE, here, look.GREY]),
            legend=look.legend("square"),
        ),
        opacity=alt.condition(alt.datum.state == "Ahead", alt.value(0.3), alt.value(1.0)),
    )
    text = base.mark_text(dy=-9, fontSize=13, fontWeight=600).encode(y="shown:Q", text="label:N")
    layers: list[alt.Chart] = [bars, text]
    if holdout:
        says = f"{fmt.weight(holdout)} of customers stay with humans for good"
        line = alt.Chart(pd.DataFrame([{"ceiling": 100 - holdout, "says": says}]))
        layers += [
            line.mark_rule(strokeDash=[4, 4], color=look.GREY).encode(y="ceiling:Q"),
            line.mark_text(align="left", baseline="top", dy=6, fontSize=12, color=look.GREY).encode(
                y="ceiling:Q", x=alt.value(0), text="says:N"
            ),
        ]
    return alt.layer(*layers).properties(height=230)


def _stairs(steps: Sequence[StepRow], current: str | None) -> list[dict[str, Any]]:
    names = [step["name"] for step in steps]
    at = names.index(current) if current in names else -1
    return [
        {
            "step": step["name"],
            "shown": max(step["weight"], _STUB),
            "label": fmt.weight(step["weight"]) if step["mode"] == "live" else _unlive(step),
            "state": "Behind" if place < at else "Here" if place == at else "Ahead",
        }
        for place, step in enumerate(steps)
    ]


def _unlive(step: StepRow) -> str:
    return "nobody" if step["mode"] == "shadow" else f"{fmt.weight(step['weight'])} drafts"


def timeline(rows: Sequence[TransitionRow]) -> look.Picture:
    """Transitions on a time axis, one lane per track; shape and colour say the action."""
    found = pd.DataFrame(
        [
            {
                "at": row["at"],
                "lane": fmt.words(row["track"]),
                "action": fmt.words(row["action"]),
                "says": row["to_step"] or fmt.words(row["action"]).lower(),
                "sentence": row["sentence"],
                "actor": row["actor"],
            }
            for row in rows
        ]
    )
    found["at"] = pd.to_datetime(found["at"], utc=True, format="ISO8601")
    pad = max((found["at"].max() - found["at"].min()) * 0.04, pd.Timedelta(hours=6))
    ends = [found["at"].min() - pad, found["at"].max() + pad]
    span = [moment.isoformat() for moment in ends]
    lanes = [lane for lane in ("Ladder", "Canary") if lane in set(found["lane"])]
    base = alt.Chart(found).encode(
        x=alt.X("at:T", axis=look.days(), scale=alt.Scale(domain=span)),
        y=alt.Y("lane:N", sort=lanes, axis=look.names()),
    )
    actions = list(_ACTIONS)
    marks = base.mark_point(filled=True, size=140, opacity=1).encode(
        color=alt.Color(
            "action:N",
            scale=alt.Scale(domain=actions, range=[color for color, _ in _ACTIONS.values()]),
            legend=None,
        ),
        shape=alt.Shape(
            "action:N", scale=alt.Scale(domain=actions, range=[shape for _, shape in _ACTIONS.values()])
        ),
        tooltip=[
            alt.Tooltip("at:T", title="When", format="%-d %b %Y %H:%M"),
            alt.Tooltip("action:N", title="Action"),
            alt.Tooltip("says:N", title="To"),
            alt.Tooltip("actor:N", title="By"),
            alt.Tooltip("sentence:N", title="Why"),
        ],
    )
    text = base.mark_text(dy=-16, fontSize=12).encode(text="says:N")
    return alt.layer(marks, text).properties(height=alt.Step(64))
