"""The gate as a forest plot on one common scale: the tolerated worsening."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.rows import MetricVerdict

_CLIP: Final = 2.5
"""How many margins to either side are drawn; a longer interval runs off the edge."""
_ROOM: Final = 0.9
"""Room on the right, in margins, for the number beside an interval."""
_VERDICTS: Final = {
    "PASS": ("Pass", look.GREEN, "circle"),
    "FAIL": ("Fail", look.RED, "cross"),
    "INCONCLUSIVE": ("Not decided", look.ORANGE, "diamond"),
    "INVALID": ("Invalid", look.GREY, "square"),
}
_TICKS: Final = (
    "datum.value == -1 ? 'margin' : datum.value == 0 ? 'no difference' : format(datum.value, '+d') + '×'"
)


def forest(metrics: Sequence[MetricVerdict]) -> look.Picture:
    """Every comparing guardrail: its difference as a share of its tolerated worsening.

    Right is better for customers whichever way the metric points. At the line marked "margin" the
    tolerance is used up; a guardrail passes when its whole interval lies to the right of it.
    """
    rows = [_row(metric) for metric in metrics]
    axis = alt.Axis(
        title="better →",
        titleAnchor="end",
        titleFontWeight="normal",
        values=[-2, -1, 0, 1, 2],
        labelExpr=_TICKS,
        grid=False,
        domain=False,
        ticks=False,
    )
    x = alt.X("low:Q", scale=alt.Scale(domain=[-_CLIP, _CLIP + _ROOM], nice=False), axis=axis)
    verdicts = [name for name, _, _ in _VERDICTS.values()]
    color = alt.Color(
        "verdict:N",
        scale=alt.Scale(domain=verdicts, range=[color for _, color, _ in _VERDICTS.values()]),
        legend=None,
    )
    shape = alt.Shape(
        "verdict:N", scale=alt.Scale(domain=verdicts, range=[shape for _, _, shape in _VERDICTS.values()])
    )
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y("metric:N", sort=[row["metric"] for row in rows], axis=look.names()),
        tooltip=[
            alt.Tooltip("metric:N", title="Metric"),
            alt.Tooltip("verdict:N", title="Verdict"),
            alt.Tooltip("difference:N", title="Agent minus human"),
            alt.Tooltip("interval:N", title="Interval"),
            alt.Tooltip("margin:N", title="Margin"),
        ],
    )
    zone = alt.Chart(pd.DataFrame([{"from": -_CLIP, "to": -1.0, "zero": 0.0}]))
    return alt.layer(
        zone.mark_rect(color=look.RED, opacity=0.08).encode(x=alt.X("from:Q"), x2="to:Q"),
        zone.mark_rule(color=look.RED, strokeWidth=1.5).encode(x="to:Q"),
        zone.mark_rule(color=look.GREY, strokeDash=[3, 3]).encode(x="zero:Q"),
        base.mark_rule(strokeWidth=3).encode(x=x, x2="high:Q", color=color),
        base.mark_point(filled=True, size=120, opacity=1).encode(x="mid:Q", color=color, shape=shape),
        base.mark_text(align="left", dx=8, fontSize=12).encode(x="high:Q", text="difference:N"),
    ).properties(height=alt.Step(46))


def _row(metric: MetricVerdict) -> dict[str, Any]:
    """One line of the plot; the ends are in margins, turned so that larger is better."""
    unit, margin, estimate = metric["unit"], metric["margin"], metric["estimate"]
    assert margin is not None
    assert estimate is not None
    sign = 1 if metric["better"] == "higher" else -1
    lower = -_CLIP if metric["lower"] is None else metric["lower"] / margin
    upper = _CLIP if metric["upper"] is None else metric["upper"] / margin
    low, high = sorted((sign * lower, sign * upper))
    return {
        "metric": metric["title"],
        "verdict": _VERDICTS[metric["verdict"]][0],
        "low": _clipped(low),
        "high": _clipped(high),
        "mid": _clipped(sign * estimate / margin),
        "difference": fmt.difference(estimate, unit),
        "interval": f"{fmt.difference(metric['lower'], unit)} to {fmt.difference(metric['upper'], unit)}",
        "margin": fmt.size(margin, unit),
    }


def _clipped(value: float) -> float:
    return max(min(value, _CLIP), -_CLIP)
