"""How each comparison of the gate came about, look by look."""

from typing import Final

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.rows import MetricPath
from dashboards.sections import parts
from dashboards.viewing import Viewing

_AGAIN: Final = "3s"
_VERDICTS: Final = {"PASS": "passing", "FAIL": "failing", "INCONCLUSIVE": "not decided", "INVALID": "invalid"}


def show(viewing: Viewing, track: str) -> None:
    parts.heading(
        "The path of the evidence",
        "Agent minus human as of each day. The band holds however often one looks.",
    )
    found = viewing.reads.path(viewing.name, track)
    drawn = [metric for metric in found["metrics"] if any(_known(metric))]
    if found["pending"]:
        _fill(viewing, track)
    if not drawn:
        parts.empty("No comparison yet", "The first point appears on the day after the step began.")
        return
    titles = {metric["title"]: metric for metric in drawn}
    chosen = st.pills(
        "Metric",
        list(titles),
        default=next(iter(titles)),
        required=True,
        label_visibility="collapsed",
        key=f"metric-{track}",
    )
    metric = titles[chosen or next(iter(titles))]
    said = _sentence(metric)
    parts.chart(charts.path(metric), said)
    st.text(said)
    unit = metric["unit"]
    rows = [
        {**point, "at": parts.moment(point["at"]), "utc": fmt.moment(point["at"])}
        for point in metric["points"]
    ]
    parts.details(
        rows,
        {
            "at": "As of",
            "verdict": "Verdict",
            "estimate": "Estimate",
            "lower": "Lower",
            "upper": "Upper",
            "margin": "Margin",
            "n_agent": "n agent",
            "n_human": "n human",
            "utc": "UTC",
        },
        "Each point is the gate judged with what was known then. The interval is a confidence sequence where "
        "the plan's method is sequential: it covers the truth at all looks together. Promotion needs the "
        "whole interval on the good side of the margin.",
        label="Table and definition",
        units={"estimate": unit, "lower": unit, "upper": unit, "margin": unit, "verdict": "words"},
    )


def _known(metric: MetricPath) -> list[bool]:
    return [point["estimate"] is not None for point in metric["points"]]


def _sentence(metric: MetricPath) -> str:
    last = next(point for point in reversed(metric["points"]) if point["estimate"] is not None)
    unit = metric["unit"]
    return (
        f"{metric['title']}: {fmt.difference(last['estimate'], unit)} against humans as of "
        f"{parts.moment(last['at'])}, from {fmt.difference(last['lower'], unit)} to "
        f"{fmt.difference(last['upper'], unit)}, {_VERDICTS[last['verdict']]}."
    )


@st.fragment(run_every=_AGAIN)
def _fill(viewing: Viewing, track: str) -> None:
    """The past is judged a few moments at a time; look again until all of it is there."""
    found = viewing.client.path(viewing.name, track)
    if not found["pending"]:
        st.cache_data.clear()
        st.rerun()
    st.caption(f"{found['pending']} earlier days are still being judged.")
