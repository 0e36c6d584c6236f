"""Which tickets the numbers are about. Every choice is in the address, so that a view can be shared."""

from typing import Final

import streamlit as st

from dashboards import format as fmt
from dashboards.sections import parts

PERIODS: Final = {"7d": "7 days", "28d": "28 days", "90d": "90 days", "all": "All"}
DIMENSIONS: Final = ("version", "category", "channel", "language", "region", "tier")
EVERY: Final = "any"


def period() -> str:
    """How far back: 7d, 28d, 90d or all."""
    return parts.choose("Period", PERIODS, key="period", default="28d")


def dimensions(choices: dict[str, list[str]]) -> dict[str, str]:
    """The dimensions narrowed to one value."""
    chosen: dict[str, str] = {}
    offered = [name for name in DIMENSIONS if choices.get(name)]
    with st.popover("Filter", icon=":material/filter_alt:", width="content"):
        for name in offered:
            value = st.selectbox(fmt.words(name), [EVERY, *choices[name]], key=name, bind="query-params")
            if value and value != EVERY:
                chosen[name] = value
        if not offered:
            st.text("No ticket names a version, category, channel, language, region or tier yet.")
    return chosen


def told(chosen: dict[str, str]) -> str:
    """The filters in words."""
    return ", ".join(f"{name} {value}" for name, value in sorted(chosen.items()))
