"""Where a rollout stands, what it waits for, and the four things a person may do about it."""

from typing import Final

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.client import ApiProblem, Client
from dashboards.rows import TrackRow, TransitionRow, WorkflowRow
from dashboards.sections import parts

ACTIONS: Final = {
    "promote": ("Promote", "One step up, on the gate's evidence. Refused when the gate has not passed."),
    "pause": (
        "Pause",
        "Weights stay as they are, nothing is promoted. Monitors go on and may still roll back.",
    ),
    "resume": ("Resume", "The controller judges and may promote again."),
    "abort": (
        "Abort",
        "New tickets go to humans at once. The version stays out until a person lets it back.",
    ),
}
_ASKED: Final = "asked"
"""Session key of the order that waits for its confirmation."""
_SHORTEST_REASON: Final = 3
_AT_REST: Final = {"aborted": "ridealong readmit lets the version back in, ridealong start begins again"}
_POINTLESS: Final = {
    "running": {"resume": "It is running"},
    "paused": {"pause": "It is paused already"},
    "aborted": dict.fromkeys(ACTIONS, "It is aborted: readmit the version, then start it again"),
    "completed": {"resume": "It is complete", "promote": "It is on its last step"},
}


def show(client: Client, row: WorkflowRow) -> None:
    """The ladder's picture beside now, why, next and until; the actions under it."""
    picture, words = st.columns([7, 5], gap="large")
    with picture:
        parts.heading("Ladder", "The agent's share of eligible customers, step by step.")
        ladder = row["ladder"]
        parts.chart(
            charts.ladder(row["steps"], ladder["step"], ladder["status"], row["split"]["holdout"]),
            f"Ladder of {len(row['steps'])} steps; the rollout is at {ladder['step']}, {ladder['status']}.",
        )
        if row["canary"] is not None and row["canary_steps"]:
            _canary(row, row["canary"])
    with words:
        _standing(row)
        _actions(client, row)


def _standing(row: WorkflowRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{parts.plain(row['step'])}**")
        parts.chip(row["status"])
        if row["status"] == "running":
            parts.chip(row["decision"])
    following = row["next_step"] or _AT_REST.get(row["status"], "nothing: this is the last step")
    until = f"{fmt.moment(row['until'], parts.zone())} at the earliest" if row["until"] else ""
    for term, says in (
        ("Now", f"{_shares(row)}, since {fmt.moment(row['ladder']['entered_at'], parts.zone())}"),
        ("Why", row["sentence"]),
        ("Next", following),
        ("Until", until),
        ("Kept out", ", ".join(row["quarantined"])),
    ):
        if says:
            left, right = st.columns([1, 6], gap="small")
            left.caption(term)
            right.text(says)


def _shares(row: WorkflowRow) -> str:
    split = row["split"]
    if split["mode"] == "shadow":
        return f"{split['stable']} answers in shadow; humans serve everybody"
    if not split["weight"]:
        return "humans serve everybody"
    shares = [f"{fmt.weight(split['weight'])} of eligible customers to {split['stable']}"]
    if split["canary"] and split["canary_weight"]:
        shares.append(f"{fmt.weight(split['canary_weight'])} of those to the canary {split['canary']}")
    if split["holdout"]:
        shares.append(f"{fmt.weight(split['holdout'])} of all held out for good")
    return ", ".join(shares)


def _canary(row: WorkflowRow, track: TrackRow) -> None:
    names = ", ".join(f"{step['name']} {fmt.weight(step['weight'])}" for step in row["canary_steps"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Canary** {parts.plain(track['version'] or '')}")
        parts.chip(track["status"])
        st.caption(parts.plain(f"at {track['step']}; steps: {names} of the agent's share"))


def _actions(client: Client, row: WorkflowRow) -> None:
    pointless = _POINTLESS.get(row["status"], {})
    with st.container(horizontal=True):
        for action, (label, explanation) in ACTIONS.items():
            if st.button(
                label,
                key=f"act-{action}",
                help=pointless.get(action, explanation),
                disabled=action in pointless,
                type="primary" if action == "promote" else "secondary",
            ):
                st.session_state[_ASKED] = action
    if _ASKED in st.session_state:
        _confirm(client, row, st.session_state[_ASKED])


def _dismiss() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Confirm", on_dismiss=_dismiss)
def _confirm(client: Client, row: WorkflowRow, action: str) -> None:
    label, explanation = ACTIONS[action]
    st.markdown(f"**{label} {parts.plain(row['workflow'])}** at step **{parts.plain(row['step'])}**")
    st.text(explanation)
    with st.form("order", border=False):
        actor = st.text_input("Your name", key="actor", max_chars=200)
        reason = st.text_area("Reason (it is recorded)", key="reason", max_chars=1000, height=90)
        sent = st.form_submit_button(f"{label} now", type="primary")
    if not sent:
        return
    if not actor.strip() or len(reason.strip()) < _SHORTEST_REASON:
        st.warning("Give your name and a reason that others will understand.")
        return
    try:
        client.act(row["workflow"], action, reason=reason.strip(), actor=actor.strip())
    except ApiProblem as problem:
        parts.trouble(problem)
        return
    _dismiss()
    st.session_state["done"] = f"{label}: recorded, and in force for new tickets."
    st.cache_data.clear()
    st.rerun()


def timeline(rows: list[TransitionRow]) -> None:
    """Who moved the ladder when and why, newest first."""
    parts.heading("What happened", "Every transition is recorded with its evidence and its author.")
    if not rows:
        parts.empty("No transition yet", "The first one is recorded when the rollout starts.")
        return
    newest = sorted(rows, key=lambda row: row["seq"], reverse=True)
    parts.chart(charts.timeline(rows), f"{len(rows)} transitions; the newest: {newest[0]['sentence']}")
    st.text(f"Latest: {newest[0]['sentence']}.")
    shown = [
        {
            "when": fmt.moment(row["at"], parts.zone()),
            "action": fmt.words(row["action"]),
            "track": fmt.words(row["track"]),
            "move": f"{row['from_step'] or '–'} → {row['to_step'] or '–'}",
            "actor": row["actor"],
            "why": row["sentence"],
        }
        for row in newest
    ]
    titles = {
        "when": "When",
        "action": "Action",
        "track": "Track",
        "move": "Move",
        "actor": "By",
        "why": "Why",
    }
    parts.table(shown, titles, wide="Why")
