"""How a comparison came about: its interval, look by look."""

from typing import Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.rows import MetricPath

_HEIGHT: Final = 250
_MARGINS: Final = 2.5
"""How many margins to either side are drawn at least."""
_VERDICTS: Final = {
    "PASS": ("Pass", look.GREEN, "circle"),
    "FAIL": ("Fail", look.RED, "cross"),
    "INCONCLUSIVE": ("Not decided", look.ORANGE, "diamond"),
    "INVALID": ("Invalid", look.GREY, "square"),
}
_D3: Final = {"rate": "+.1%", "usd": "+$.2f"}


def path(metric: MetricPath) -> look.Picture:
    """Estimate and interval over time, in the metric's unit; beyond the margin it is too much worse.

    The first intervals are wide: what is beyond a few margins runs off the edge.
    """
    found = _frame(metric)
    base = alt.Chart(found).encode(x=alt.X("at:T", axis=look.days()), tooltip=_tips(metric["unit"]))
    y = alt.Y("lower:Q", axis=_axis(metric["unit"]), scale=alt.Scale(domain=_domain(found), nice=False))
    names, colors, shapes = (list(part) for part in zip(*_VERDICTS.values(), strict=True))
    zero = alt.Chart(pd.DataFrame([{"zero": 0.0}]))
    layers = [
        base.transform_filter("isValid(datum.lower) && isValid(datum.upper)")
        .mark_area(opacity=0.18, color=look.BLUE, clip=True)
        .encode(y=y, y2="upper:Q"),
        zero.mark_rule(color=look.GREY, strokeDash=[3, 3]).encode(y="zero:Q"),
        base.mark_line(color=look.BLUE, strokeWidth=2.2, clip=True).encode(y="estimate:Q"),
        base.mark_point(filled=True, size=48, opacity=1, clip=True).encode(
            y="estimate:Q",
            color=alt.Color("says:N", scale=alt.Scale(domain=names, range=colors), legend=look.legend()),
            shape=alt.Shape("says:N", scale=alt.Scale(domain=names, range=shapes), legend=None),
        ),
    ]
    if metric["role"] != "goal" and found["limit"].notna().any():
        layers += _margin(base, found, metric["unit"])
    return alt.layer(*layers).properties(height=_HEIGHT)


def _frame(metric: MetricPath) -> pd.DataFrame:
    sign = 1 if metric["better"] == "higher" else -1
    known = [point for point in metric["points"] if point["estimate"] is not None]
    found = pd.DataFrame([{**point, "says": _VERDICTS[point["verdict"]][0]} for point in known])
    found["at"] = pd.to_datetime(found["at"], utc=True, format="ISO8601")
    found["utc"] = found["at"].dt.strftime("%d %b %Y, %H:%M")
    found["limit"] = [None if point["margin"] is None else -sign * point["margin"] for point in known]
    return found


def _domain(found: pd.DataFrame) -> list[float]:
    """All estimates, the newest interval, and a few margins to either side."""
    newest = found.iloc[-1]
    ends = [0.0, *found["estimate"], newest["lower"], newest["upper"]]
    reach = _MARGINS * abs(newest["limit"]) if pd.notna(newest["limit"]) else 0.0
    low = min(end for end in ends if pd.notna(end))
    high = max(end for end in ends if pd.notna(end))
    pad = 0.08 * (high - low) or 1.0
    return [min(low - pad, -reach), max(high + pad, reach)]


def _margin(base: alt.Chart, found: pd.DataFrame, unit: str) -> list[alt.Chart]:
    line = base.mark_line(color=look.RED, strokeWidth=1.6, interpolate="step-after").encode(y="limit:Q")
    newest = found.iloc[-1]
    last = pd.DataFrame([{"limit": newest["limit"], "says": f"margin {fmt.size(newest['margin'], unit)}"}])
    text = alt.Chart(last).mark_text(
        align="left", dx=6, dy=-8 if newest["limit"] > 0 else 10, fontSize=12, color=look.RED
    )
    return [line, text.encode(y="limit:Q", x=alt.value(0), text="says:N")]


def _axis(unit: str) -> alt.Axis:
    return alt.Axis(
        format=_D3.get(unit, "+.2f"), title=None, tickCount=5, domain=False, ticks=False, labelFontSize=12
    )


def _tips(unit: str) -> list[alt.Tooltip]:
    shown = ".1%" if unit == "rate" else ".2f"
    return [
        alt.Tooltip("at:T", title="As of", format="%-d %b %Y %H:%M"),
        alt.Tooltip("utc:N", title="UTC"),
        alt.Tooltip("says:N", title="Verdict"),
        alt.Tooltip("estimate:Q", title="Agent minus human", format=shown),
        alt.Tooltip("lower:Q", title="from", format=shown),
        alt.Tooltip("upper:Q", title="to", format=shown),
        alt.Tooltip("n_agent:Q", title="n agent", format=","),
        alt.Tooltip("n_human:Q", title="n human", format=","),
    ]
