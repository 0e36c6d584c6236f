"""How agents work over time: rules broken, latency, cost; and drift, of tickets apart from quality."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboards import format as fmt
from dashboards.charts import look
from dashboards.quality_rows import BrokenRow, ChangeRow, CostDayRow, LatencyRow, MixRow

_HEIGHT: Final = 180
_VERSIONS: Final = (look.BLUE, look.ORANGE, look.PURPLE, look.GREEN, look.OCHRE, look.SLATE)


def _timed(rows: Sequence[Any]) -> pd.DataFrame:
    found = pd.DataFrame(list(rows))
    found["at"] = pd.to_datetime(found["at"], utc=True, format="ISO8601")
    found["utc"] = found["at"].dt.strftime("%d %b %Y")
    return found


def _colours(names: Sequence[str]) -> alt.Scale:
    domain = sorted(set(names))
    return alt.Scale(domain=domain, range=[_VERSIONS[n % len(_VERSIONS)] for n in range(len(domain))])


def violations(rows: Sequence[BrokenRow]) -> look.Picture:
    """Breaches per hundred replies, a line per rule and version."""
    found = _timed(rows)
    found["rate"] = [row["n"] / row["replies"] for row in rows]
    found["what"] = [f"{row['rule']}, {row['version']}" for row in rows]
    base = alt.Chart(found).encode(
        x=alt.X("at:T", axis=look.days()),
        y=alt.Y("rate:Q", axis=look.amount("rate")),
        color=alt.Color("what:N", scale=_colours(list(found["what"])), legend=look.legend()),
        tooltip=[
            alt.Tooltip("utc:N", title="From (UTC)"),
            alt.Tooltip("rule:N", title="Rule"),
            alt.Tooltip("version:N", title="Version"),
            alt.Tooltip("rate:Q", title="Of its replies", format=".2%"),
            alt.Tooltip("n:Q", title="Times", format=","),
        ],
    )
    return alt.layer(
        base.mark_line(strokeWidth=2), base.mark_point(filled=True, size=36, opacity=1)
    ).properties(height=_HEIGHT)


def latency(rows: Sequence[LatencyRow]) -> look.Picture:
    """From the median over the 95th to the 99th percentile, per version."""
    found = pd.DataFrame(list(rows))
    found["who"] = [f"{row['version']}{' (shadow)' if row['mode'] == 'shadow' else ''}" for row in rows]
    found["says"] = [fmt.seconds(row["p95"]) for row in rows]
    y = alt.Y("who:N", axis=look.names(size=12))
    axis = alt.Axis(title="seconds: median, 95 %, 99 %", tickCount=5, domain=False, ticks=False)
    tips = [
        alt.Tooltip("who:N", title="Version"),
        alt.Tooltip("p50:Q", title="Median", format=".2f"),
        alt.Tooltip("p95:Q", title="95 %", format=".2f"),
        alt.Tooltip("p99:Q", title="99 %", format=".2f"),
        alt.Tooltip("n:Q", title="Replies", format=","),
    ]
    base = alt.Chart(found).encode(y=y, tooltip=tips)
    return alt.layer(
        base.mark_rule(strokeWidth=2, color=look.GREY).encode(x=alt.X("p50:Q", axis=axis), x2="p99:Q"),
        base.mark_point(filled=True, size=90, opacity=1, color=look.BLUE).encode(x="p50:Q"),
        base.mark_tick(thickness=3, size=18, color=look.ORANGE).encode(x="p95:Q"),
        base.mark_tick(thickness=2, size=12, color=look.GREY).encode(x="p99:Q"),
    ).properties(height=max(110, 40 * found["who"].nunique() + 40))


def cost(rows: Sequence[CostDayRow]) -> look.Picture:
    """Model cost per day, one colour per version, stacked: the height is what the day cost."""
    found = _timed([row for row in rows if row["usd"] is not None])
    base = alt.Chart(found).encode(
        x=alt.X("utcyearmonthdate(at):T", axis=look.days()),
        y=alt.Y("usd:Q", stack="zero", axis=look.amount("usd")),
        color=alt.Color("version:N", scale=_colours(list(found["version"])), legend=look.legend("square")),
        tooltip=[
            alt.Tooltip("utc:N", title="Day (UTC)"),
            alt.Tooltip("version:N", title="Version"),
            alt.Tooltip("usd:Q", title="Cost", format="$,.2f"),
            alt.Tooltip("replies:Q", title="Replies", format=","),
        ],
    )
    return alt.layer(base.mark_bar()).properties(height=_HEIGHT)


def mix(rows: Sequence[MixRow]) -> look.Picture:
    """PSI per dimension beside what chance alone would reach."""
    found = pd.DataFrame([{**row, "name": fmt.words(row["dimension"])} for row in rows])
    kinds = {"Within chance": look.GREY, "Beyond chance": look.ORANGE}
    found["state"] = [list(kinds)[row["drifted"]] for row in rows]
    base = alt.Chart(found).encode(
        y=alt.Y("name:N", sort=None, axis=look.names(size=12)),
        tooltip=[
            alt.Tooltip("name:N", title="Dimension"),
            alt.Tooltip("psi:Q", title="PSI", format=".4f"),
            alt.Tooltip("by_chance:Q", title="By chance up to", format=".4f"),
        ],
    )
    axis = alt.Axis(title="PSI; tick: what chance reaches", tickCount=4, domain=False, ticks=False)
    bars = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.6}).encode(
        x=alt.X("psi:Q", axis=axis),
        color=alt.Color(
            "state:N",
            scale=alt.Scale(domain=list(kinds), range=list(kinds.values())),
            legend=look.legend("square"),
        ),
    )
    ticks = base.mark_tick(thickness=2.5, size=20, color=look.RED).encode(x="by_chance:Q")
    return alt.layer(bars, ticks).properties(height=max(110, 30 * len(rows) + 50))


def changes(rows: Sequence[ChangeRow]) -> look.Picture:
    """How much each rate changed at the earlier mix (with its interval), beside what the mix alone made."""
    found = pd.DataFrame(
        [{**row, "name": f"{row['title']}, {look.label(row['arm']).lower()}"} for row in rows]
    )
    axis = look.amount(rows[0]["unit"])
    base = alt.Chart(found).encode(
        y=alt.Y("name:N", sort=None, axis=look.names(size=12)),
        tooltip=[
            alt.Tooltip("name:N", title="Rate"),
            alt.Tooltip("quality:Q", title="At the earlier mix", format="+.3f"),
            alt.Tooltip("lower:Q", title="from", format="+.3f"),
            alt.Tooltip("upper:Q", title="to", format="+.3f"),
            alt.Tooltip("mix:Q", title="By the mix alone", format="+.3f"),
        ],
    )
    zero = alt.Chart(pd.DataFrame([{"at": 0}])).mark_rule(color=look.GREY, strokeDash=[3, 3]).encode(x="at:Q")
    return alt.layer(
        zero,
        base.mark_rule(strokeWidth=2.4, color=look.BLUE).encode(x=alt.X("lower:Q", axis=axis), x2="upper:Q"),
        base.mark_point(filled=True, size=70, opacity=1, color=look.BLUE).encode(x="quality:Q"),
        base.mark_point(filled=False, shape="diamond", size=80, strokeWidth=2, color=look.ORANGE).encode(
            x="mix:Q"
        ),
    ).properties(height=max(80, 34 * len(rows) + 30))
