"""Before the first customer meets the agent: how do its replies compare on real tickets?"""

import streamlit as st

from dashboards.sections import filters, parts, shadow
from dashboards.viewing import Viewing


def show(viewing: Viewing) -> None:
    parts.title("Shadow", "The agent answered the same tickets as the humans; no customer saw its replies.")
    with st.container(horizontal=True):
        period = filters.period()
    found = viewing.reads.overview(viewing.name, period)["shadow"]
    if found is None:
        parts.empty(
            "Nothing ran in shadow in this period",
            "Choose a longer period above, or begin the plan with a shadow step.",
            "mode: shadow\nshadow: {percentage: 100, budget_usd_per_day: 40, concurrency: 8, deadline: 20s}",
        )
        return
    shadow.show(found)
