"""The part of a page that looks again by itself: has anything moved since the page was drawn?"""

from typing import Final

import streamlit as st

from dashboards.client import ApiProblem
from dashboards.rows import WorkflowRow
from dashboards.sections import parts
from dashboards.viewing import Viewing

_EVERY: Final = "10s"


@st.fragment(run_every=_EVERY)
def watch(viewing: Viewing, row: WorkflowRow) -> None:
    """Status chips of one rollout; the whole page is drawn anew when it has moved."""
    try:
        desks = viewing.reads.workflows()
    except ApiProblem as problem:
        st.caption(parts.plain(f"Not refreshed: {problem.title}. {problem.detail}"))
        return
    fresh = next((desk for desk in desks if desk["workflow"] == row["workflow"]), None)
    if fresh is None:
        return
    if fresh.get("position") != row["position"]:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{parts.plain(str(fresh.get('step')))}**", width="content")
        parts.chip(fresh["status"])
        if fresh["status"] == "running":
            parts.chip(str(fresh.get("decision")))
