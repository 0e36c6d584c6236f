"""One look for every picture.

Colours are told apart by people with every common colour vision and on light and dark ground;
nothing is said by colour alone, every mark has a label or a shape beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboards import format as fmt

Picture = alt.LayerChart | alt.FacetChart
"""What composing layers yields, in the types of the chart library."""

GREY: Final = "#868E98"
BLUE: Final = "#2E86C1"
PALE_BLUE: Final = "#8FBCDB"
ORANGE: Final = "#D98A1F"
PURPLE: Final = "#A872B5"
OCHRE: Final = "#A3925A"
SLATE: Final = "#5F7D8C"
SAND: Final = "#C4B79A"
GREEN: Final = "#1B9E77"
RED: Final = "#CC4B2C"
ORANGE_TINT: Final = "#F6E3C5"
RED_TINT: Final = "#F3CFC5"

GROUPS: Final = {
    "human": ("Human", GREY),
    "agent": ("Agent", BLUE),
    "canary": ("Canary", ORANGE),
    "agent_then_human": ("Agent, then human", PURPLE),
    "abandoned": ("Abandoned", OCHRE),
    "not eligible": ("Not eligible", SLATE),
    "unassigned": ("Before any rollout", SAND),
}
"""Arms and paths, in the order in which they are listed."""
_D3: Final = {"rate": ".1~%", "usd": "$.2f"}
_D3_FINE: Final = {"rate": ".1%", "usd": "$.2f"}


def label(group: str) -> str:
    return GROUPS[group][0] if group in GROUPS else fmt.words(group)


def listed(groups: Sequence[str]) -> list[str]:
    """The groups, once each, in the order in which they are always listed."""
    known = [group for group in GROUPS if group in groups]
    return [*known, *sorted(set(groups) - set(known))]


def palette(groups: Sequence[str]) -> alt.Scale:
    """The colours of arms or paths; each keeps its own whichever others are shown."""
    shown = listed(groups)
    return alt.Scale(
        domain=[label(group) for group in shown],
        range=[GROUPS[group][1] if group in GROUPS else OCHRE for group in shown],
    )


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows with a readable ``label`` of their group and parsed times."""
    found = pd.DataFrame(list(rows))
    found["label"] = [label(str(row["group"])) for row in rows]
    if "at" in found:
        found["at"] = pd.to_datetime(found["at"], utc=True, format="ISO8601")
        found["utc"] = found["at"].dt.strftime("%d %b %Y, %H:%M")
    return found


def amount(unit: str) -> alt.Axis:
    """The axis of a metric in its unit."""
    return alt.Axis(format=_D3.get(unit, ".1f"), title=None, tickCount=5, domain=False, ticks=False)


def names(size: int = 13, limit: int = 180) -> alt.Axis:
    """The axis of categories: their names and nothing else."""
    return alt.Axis(
        title=None, ticks=False, domain=False, grid=False, labelFontSize=size, labelLimit=limit, labelAngle=0
    )


def days() -> alt.Axis:
    return alt.Axis(title=None, format="%-d %b", tickCount=6, grid=False, ticks=False)


def legend(symbol: str = "circle") -> alt.Legend:
    return alt.Legend(
        title=None,
        orient="top",
        direction="horizontal",
        symbolType=symbol,
        symbolOpacity=1,
        symbolStrokeWidth=0,
        labelLimit=280,
        offset=4,
        padding=0,
    )


def legend_of(groups: Sequence[str]) -> alt.Legend | None:
    """A legend where there is more than one group to tell apart."""
    return legend() if len(set(groups)) > 1 else None


def tips(unit: str, title: str) -> list[alt.Tooltip]:
    """What hovering over a mark of a trend says."""
    shown = _D3_FINE.get(unit, ".2f")
    return [
        alt.Tooltip("at:T", title="From", format="%-d %b %Y"),
        alt.Tooltip("utc:N", title="UTC"),
        alt.Tooltip("label:N", title="Group"),
        alt.Tooltip("value:Q", title=title, format=shown),
        alt.Tooltip("lower:Q", title="from", format=shown),
        alt.Tooltip("upper:Q", title="to", format=shown),
        alt.Tooltip("n:Q", title="n", format=","),
    ]


def dressed(picture: Picture, *, dark: bool) -> Picture:
    """``picture`` with written marks in the ink of the ground it stands on."""
    ink = "#D5DCE3" if dark else "#2B3641"
    inked: Picture = picture.configure_text(color=ink, font="Source Sans, sans-serif").configure_view(
        strokeWidth=0
    )
    return inked
