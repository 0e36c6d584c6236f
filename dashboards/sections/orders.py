"""The four things a person may order, what each would move, and why some are not to be had now."""

from typing import Any, Final

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.client import ApiProblem
from dashboards.rows import PossibleOrder, WorkflowRow
from dashboards.sections import parts
from dashboards.viewing import Viewing

ACTIONS: Final = {
    "promote": ("Promote", "One step up, on the gate's evidence."),
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
_NEEDS: Final = {
    "promote": "rollouts:promote",
    "resume": "rollouts:promote",
    "pause": "rollouts:stop",
    "abort": "rollouts:stop",
}
_ASKED: Final = "asked"
"""Session key of the order that waits for its confirmation: its track and action."""
_SHORTEST_REASON: Final = 3


def bar(viewing: Viewing, row: WorkflowRow, track: str) -> None:
    """The buttons. What is forbidden is there, off, and says why."""
    refused: dict[str, list[str]] = {}
    with st.container(horizontal=True, gap="small"):
        for action, (label, explanation) in ACTIONS.items():
            possible = _possible(row, track, action)
            why = _forbidden(viewing, row, track, action, possible)
            if why:
                refused.setdefault(why, []).append(label)
            if st.button(
                _label(viewing, row, track, action),
                key=f"act-{track}-{action}",
                help=why or explanation,
                disabled=why is not None,
                type="primary" if action == "promote" else "secondary",
            ):
                st.session_state[_ASKED] = (track, action)
    for why, labels in refused.items():
        st.caption(parts.plain(f"{', '.join(labels)}: {why}"))
    if st.session_state.get(_ASKED, ("", ""))[0] == track:
        _confirm(viewing, row, track, st.session_state[_ASKED][1])


def _possible(row: WorkflowRow, track: str, action: str) -> PossibleOrder | None:
    orders = row.get("orders")
    return orders["tracks"].get(track, {}).get(action) if orders else None


def _forbidden(
    viewing: Viewing, row: WorkflowRow, track: str, action: str, possible: PossibleOrder | None
) -> str | None:
    """Why this person cannot give this order now; None where the API would take it."""
    if not viewing.may(_NEEDS[action]):
        roles = ", ".join(viewing.me["roles"]) or "none"
        return f"it needs {_NEEDS[action]}; your roles ({roles}) do not have it."
    if possible is not None and not possible["allowed"]:
        return f"{possible['why']}."
    asked = _request(row, track)
    if action == "promote" and asked is not None and asked["by"] == viewing.me.get("actor"):
        return f"you asked for it on {parts.moment(asked['at'])}; another person approves."
    return None


def _request(row: WorkflowRow, track: str) -> Any:
    standing = row["ladder"] if track == "ladder" else row["canary"]
    return None if standing is None else standing.get("requested")


def _label(viewing: Viewing, row: WorkflowRow, track: str, action: str) -> str:
    label = ACTIONS[action][0]
    possible = _possible(row, track, action)
    if action != "promote" or possible is None or not possible.get("takes_two") or _alone(viewing):
        return label
    return "Approve promotion" if _request(row, track) is not None else "Request promotion"


def _alone(viewing: Viewing) -> bool:
    """Whether nobody knows who is who, so that one person does both."""
    return viewing.me["method"] == "local"


def _dismiss() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Confirm", on_dismiss=_dismiss)
def _confirm(viewing: Viewing, row: WorkflowRow, track: str, action: str) -> None:
    label, explanation = _label(viewing, row, track, action), ACTIONS[action][1]
    standing = row["ladder"] if track == "ladder" else row["canary"]
    version = "" if standing is None else f" {standing['version']}"
    st.markdown(f"**{parts.plain(label)}: {parts.plain(row['workflow'])}**, {track}{parts.plain(version)}")
    possible = _possible(row, track, action)
    if possible is not None:
        moves(possible, row, explanation)
    else:
        st.text(explanation)
    _two_persons(viewing, row, track, action, possible)
    with st.form("order", border=False):
        override = False
        if possible is not None and possible.get("needs_override"):
            st.warning(parts.plain(str(possible["why"])))
            override = st.checkbox(
                "Promote all the same: an override, recorded with my reason", key="override"
            )
        actor = st.text_input("Your name", key="actor", max_chars=200) if _alone(viewing) else None
        reason = st.text_area("Reason (it is recorded)", key="reason", max_chars=1000, height=90)
        sent = st.form_submit_button(f"{label} now", type="primary")
    if not sent:
        return
    if (actor is not None and not actor.strip()) or len(reason.strip()) < _SHORTEST_REASON:
        whom = "your name and " if actor is not None else ""
        st.warning(f"Give {whom}a reason that others will understand.")
        return
    try:
        change = viewing.client.act(
            row["workflow"],
            action,
            reason=reason.strip(),
            actor=None if actor is None else actor.strip(),
            track=track,
            override=override,
        )
    except ApiProblem as problem:
        parts.trouble(problem)
        return
    _dismiss()
    st.session_state["done"] = _done(label, change)
    st.cache_data.clear()
    st.rerun()


def _done(label: str, change: dict[str, Any]) -> str:
    if change.get("action") == "request":
        return "Requested: recorded. Nothing moves until another person approves."
    return f"{label}: recorded, and in force for new tickets."


def _two_persons(
    viewing: Viewing, row: WorkflowRow, track: str, action: str, possible: PossibleOrder | None
) -> None:
    if action != "promote" or possible is None or not possible.get("takes_two"):
        return
    asked = _request(row, track)
    if _alone(viewing):
        st.caption(
            "The plan wants two persons here. Without access keys one does both, and the record says so."
        )
    elif asked is None:
        st.caption("The plan wants two persons here: this puts your request on record, another approves it.")
    else:
        told = f"{asked['by']} asked for it on {parts.moment(asked['at'])}; you approve it."
        st.caption(parts.plain(told), help=parts.utc(asked["at"]))


def moves(possible: PossibleOrder, row: WorkflowRow, explanation: str) -> None:
    """Whom the order moves: a picture of the shares before and after, and a sentence."""
    before, after = possible["from"], possible["to"]
    per_day = row["orders"]["eligible_per_day"]
    if (before["weight"], before["canary_weight"]) == (after["weight"], after["canary_weight"]):
        st.text(f"{explanation} No customer changes arms.")
        return
    change = (
        after["agent_per_day"] + after["canary_per_day"] - before["agent_per_day"] - before["canary_per_day"]
    )
    said = (
        f"The agent's share goes from {fmt.weight(before['weight'])} to {fmt.weight(after['weight'])} of "
        f"eligible customers: about {fmt.number(abs(change))} {'more' if change > 0 else 'fewer'} of "
        f"{fmt.number(per_day)} tickets a day."
        if before["weight"] != after["weight"]
        else f"The canary's part of the agent's share goes from {fmt.weight(before['canary_weight'])} to "
        f"{fmt.weight(after['canary_weight'])}: about {fmt.number(after['canary_per_day'])} tickets a day."
    )
    parts.chart(charts.shares(before, after, per_day), said)
    who = "Whoever is with the agent stays with it." if change > 0 else "Open conversations follow the plan."
    st.text(f"{said} {who}")
    st.caption(parts.plain(explanation))
