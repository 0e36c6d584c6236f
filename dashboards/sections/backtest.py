"""A plan held against what is recorded: begun here, watched until it is over, then drawn."""

import json
from typing import Any, Final

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.client import ApiProblem
from dashboards.record_rows import BacktestRow, WalkRow
from dashboards.sections import parts
from dashboards.viewing import Viewing

EVERY: Final = {"1w": "Every week", "1d": "Every day"}
_ASKED: Final = "backtest"
"""Session key of what was asked for last."""
_POLL: Final = "2s"


def show(viewing: Viewing, changes: dict[str, Any], steps: list[str]) -> None:
    parts.heading(
        "Against what is recorded",
        "What would these gates have said of the history, look by look? Nothing is recorded or moved.",
    )
    asked = {name: value for name, value in changes.items() if name != "tickets_per_day"}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        every = parts.choose("Looks", EVERY, key="looks")
        what = "Backtest the plan with the changes above" if asked else "Backtest the plan as it stands"
        if st.button(what, type="primary"):
            st.session_state[_ASKED] = (viewing.name, json.dumps(asked | {"every": every}, sort_keys=True))
    name, text = st.session_state.get(_ASKED, ("", ""))
    if name != viewing.name:
        st.caption("A look takes up to a second on a small desk, and longer where there are many tickets.")
        return
    _watched(viewing, text, steps)


def _watched(viewing: Viewing, text: str, steps: list[str]) -> None:
    found = viewing.client.backtest(viewing.name, json.loads(text))
    if found["state"] in ("waiting", "running"):
        _progress(viewing, text)
    elif found["result"] is None:
        st.error(parts.plain(f"The backtest did not come to its end: {found['why']}"))
    else:
        _walk(found, found["result"], steps)


@st.fragment(run_every=_POLL)
def _progress(viewing: Viewing, text: str) -> None:
    """How far it is; the page is drawn anew when it is over."""
    try:
        found = viewing.client.backtest(viewing.name, json.loads(text))
    except ApiProblem as problem:
        parts.trouble(problem)
        return
    if found["state"] not in ("waiting", "running"):
        st.rerun()
    told = "Another backtest is before it" if found["state"] == "waiting" else "Looking"
    st.progress(found["done"] / max(found["looks"], 1), f"{told}: {found['done']} of {found['looks']} looks")


def _walk(found: BacktestRow, walk: WalkRow, steps: list[str]) -> None:
    said = _said(walk)
    parts.chart(charts.backtest(walk["looks"], steps), said)
    st.text(said)
    lines = "The line is where this plan would have stood, the broad pale one where the history was."
    st.caption(parts.plain(f"{lines} {walk['caveat']}"))
    for note in walk["notes"]:
        st.caption(parts.plain(f"{note[:1].upper()}{note[1:]}."))
    parts.details(
        [
            {
                "as_of": parts.moment(look["as_of"]),
                "step": look["step"],
                "decision": fmt.words(look["decision"]),
                "why": fmt.words(look["reason"]),
                "tickets": fmt.number(look["tickets"]),
                "moved": look["moved_to"] or "",
                "sentence": look["sentence"],
            }
            for look in walk["looks"]
        ],
        {
            "as_of": "As of",
            "step": "At step",
            "decision": "Gate",
            "why": "Why",
            "moved": "Goes to",
            "tickets": "Tickets",
            "sentence": "Said",
        },
        f"{found['looks']} looks. Each asks the gate of the step walked so far what it says of everything "
        "that was recorded up to then, with the plan's own error rates.",
        label="Every look",
    )


def _said(walk: WalkRow) -> str:
    climbed = [
        look for look in walk["moves"] if look["decision"] == "PROMOTE" and look["moved_to"] != look["step"]
    ]
    back = [look for look in walk["moves"] if look["decision"] == "ROLL_BACK"]
    end = f"At the end it would have stood at {walk['final']['step']} ({walk['final']['status']})."
    if back:
        first = back[0]
        return f"It would have been taken back at {first['step']}, {parts.moment(first['as_of'])}. {end}"
    if not climbed:
        return f"No gate would have been passed in {len(walk['looks'])} looks. {end}"
    told = ", ".join(f"{look['moved_to']} on {parts.moment(look['as_of']).split(',')[0]}" for look in climbed)
    return f"It would have climbed to {told}. {end}"
