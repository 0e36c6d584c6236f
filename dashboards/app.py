"""The page: where the rollout stands, what the gate says, whether customers are better off."""

# First, before any session can meet them half imported: two sessions that import pandas lazily at
# once see it partially initialised.

import os
from typing import Final, cast

import streamlit as st

from dashboards import format as fmt
from dashboards.client import Client
from dashboards.client_key import own_key
from dashboards.rows import DeskRow, GateRow, Overview, WorkflowRow
from dashboards.sections import gate, headlines, parts, rollout, shadow

API: Final = os.environ.get("RIDEALONG_API", "http://127.0.0.1:8000")
PERIODS: Final = {"7 days": "7d", "28 days": "28d", "90 days": "90d", "All": "all"}
_STYLE: Final = """
<style>
.block-container {padding-top: 1.4rem; padding-bottom: 3rem; max-width: 1320px}
[data-testid="stHeader"] {height: 2rem; background: transparent}
[data-testid="stText"] {white-space: pre-wrap; font-family: inherit}
[data-testid="stMetricValue"] {font-size: 1.45rem}
h1 {font-size: 1.6rem !important; padding: 0 !important}
hr {margin: 1.1rem 0 !important}
h3 {font-size: 1.2rem !important; padding-bottom: 0.1rem !important}
</style>
"""


@st.cache_resource
def _client(url: str) -> Client:
    return Client(url, key=own_key())


@st.cache_data(ttl=5, show_spinner=False)
def _workflows(url: str) -> list[DeskRow]:
    return _client(url).workflows()


@st.cache_data(ttl=5, show_spinner=False)
def _gate(url: str, name: str) -> GateRow:
    return _client(url).gate(name)


@st.cache_data(ttl=5, show_spinner=False)
def _overview(url: str, name: str, period: str) -> Overview:
    return _client(url).overview(name, period)


def _header(rows: list[DeskRow]) -> tuple[DeskRow, str]:
    title, which, period = st.columns([6, 3, 3], vertical_alignment="bottom")
    with title:
        st.title("Ridealong", anchor=False)
        st.caption("AI agents beside the human desk, one proven step at a time.")
    names = [row["workflow"] for row in rows]
    name = which.selectbox("Workflow", names, key="workflow")
    chosen = period.segmented_control("Period", list(PERIODS), default="28 days", key="period")
    st.divider()
    return rows[names.index(name)], PERIODS[chosen or "28 days"]


def _page(desk: DeskRow, period: str) -> None:
    done = st.session_state.pop("done", None)
    if done:
        st.success(done)
    name = desk["workflow"]
    row = cast("WorkflowRow", desk) if desk["status"] != "not_started" else None
    if row is None:
        parts.empty(
            "No rollout of this workflow yet",
            "Everything here is the desk's own history. A plan in a folder starts the first step.",
            "ridealong serve --data DIR --plans DIR",
        )
    else:
        with parts.guarded("The ladder"):
            rollout.show(_client(API), row)
        st.divider()
        with parts.guarded("The gate"):
            gate.show(_gate(API, name))
    st.divider()
    read = ""
    with parts.guarded("The headlines"):
        overview = _overview(API, name, period)
        read = f"Read as of {fmt.moment(overview['as_of'], parts.zone())}."
        headlines.show(overview)
        if overview["shadow"] is not None:
            st.divider()
            shadow.show(overview["shadow"])
    if row is not None:
        st.divider()
        with parts.guarded("The history"):
            rollout.timeline(row["transitions"])
    st.caption(parts.plain(f"{read} Source: {API}."))


def _welcome() -> None:
    st.title("Ridealong", anchor=False)
    parts.empty(
        "No rollout yet",
        "Write a plan, check it, and start the server with the folder it stands in. Or look at ten "
        "simulated weeks first.",
        "ridealong check policies/rollouts/*.yaml\nridealong serve --plans policies/rollouts\nridealong demo",
    )


def main() -> None:
    st.set_page_config(page_title="Ridealong", layout="wide")
    st.html(_STYLE)
    with parts.guarded("The list of workflows"):
        rows = _workflows(API)
        if rows:
            _page(*_header(rows))
        else:
            _welcome()


main()
