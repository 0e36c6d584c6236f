"""Tool calls that wait for a person, with the very arguments they would be made with."""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import httpx
import streamlit as st

from dashboards import format as fmt
from dashboards.client import ApiProblem
from dashboards.desk_rows import ApprovalRow
from dashboards.sections import desk_list, parts, who
from dashboards.viewing import Viewing

_SHORTEST_REASON: Final = 3
_BECAME: Final = {
    "pending": "has your agreement; it takes another person's",
    "denied": "is denied and not made",
    "begun": "is being made",
    "done": "was made, once",
    "failed": "was tried and has changed nothing",
    "unknown": "was made, and nobody knows what it did: look in the system concerned",
}


def waiting(viewing: Viewing) -> int:
    """How many wait; 0 where the server does not tell this viewer, which the section itself says."""
    try:
        return len(viewing.reads.approvals(viewing.name))
    except ApiProblem:
        return 0


def show(viewing: Viewing, *, known: bool, look: Callable[[], None]) -> None:
    """``look`` turns from here to the tickets; which one is open is set before."""
    try:
        rows = viewing.reads.approvals(viewing.name)
    except ApiProblem as problem:
        if problem.status != httpx.codes.NOT_FOUND:
            raise
        parts.empty("No approvals here", "This server has no door for them; a newer one has.")
        return
    if not rows:
        parts.empty(
            "Nothing waits for approval",
            "Calls that an agent's manifest marks for approval stand here until somebody decides.",
        )
        return
    st.text(f"{len(rows)} of {viewing.name} wait. What you approve is made once, with exactly what you see.")
    for row in rows:
        with st.container(border=True):
            _call(viewing, row, known=known, look=look)


def _call(viewing: Viewing, row: ApprovalRow, *, known: bool, look: Callable[[], None]) -> None:
    words, acts = parts.beside(f"approval-{row['approval_id']}", 7, 5)
    with words:
        parts.card(row["tool"], f"ticket {row['ticket_id']}")
        told = [
            f"asked by {row['version']}, {parts.moment(row['requested_at'])}",
            fmt.words(row["reason"]).lower(),
        ]
        if row["amount_usd"] is not None:
            told.append(fmt.usd(float(row["amount_usd"])))
        if row["expires_at"] is not None:
            told.append(f"expires {parts.moment(row['expires_at'])}")
        st.caption(parts.plain(" · ".join(told)), help=parts.utc(row["requested_at"]))
        if row["detail"]:
            st.text(row["detail"])
        if row["arguments"] is None:
            st.warning("The arguments were erased; nobody can approve what nobody can see.")
        else:
            arguments = json.dumps(row["arguments"], indent=2, ensure_ascii=False, sort_keys=True)
            st.code(arguments, language="json", wrap_lines=True)
        st.button(
            "Read the ticket",
            key=f"ticket-of-{row['approval_id']}",
            type="tertiary",
            icon=":material/chat:",
            on_click=_turn,
            args=(row["ticket_id"], look),
        )
    with acts:
        _decide(viewing, row, known=known)


def _turn(ticket_id: str, look: Callable[[], None]) -> None:
    st.session_state[desk_list.OPENED] = ticket_id
    look()


def _decide(viewing: Viewing, row: ApprovalRow, *, known: bool) -> None:
    for one in row["decisions"]:
        st.text(f"{one['actor']}: {one['verdict']}, {parts.moment(one['at'])}")
    missing = row["approvers"] - sum(one["verdict"] == "approve" for one in row["decisions"])
    st.caption(f"It takes {missing} more {'person' if missing == 1 else 'people'}; to deny takes one.")
    with st.form(f"approval-{row['approval_id']}", border=False):
        reason = st.text_input("Reason (needed to deny)", max_chars=1000)
        with st.container(horizontal=True, gap="small"):
            shown = known and row["arguments"] is not None
            approved = st.form_submit_button("Approve this call", type="primary", disabled=not shown)
            denied = st.form_submit_button("Deny", disabled=not known)
    if denied and len(reason.strip()) < _SHORTEST_REASON:
        st.warning("Say why: others will read it.")
    elif denied:
        _word(viewing, row, "deny", reason=reason.strip())
    elif approved:
        _word(viewing, row, "approve", reason=reason.strip())


def _word(viewing: Viewing, row: ApprovalRow, verdict: str, **body: Any) -> None:
    path = f"/v1/approvals/{quote(row['approval_id'], safe='')}/{verdict}"
    body["arguments_digest"] = row["arguments_digest"] or ""
    parts.act(lambda: viewing.client.work(path, who.signed(viewing, **body)), _became)


def _became(row: dict[str, Any]) -> str:
    """What came of the call by now."""
    call = f"{row['tool']} for ticket {row['ticket_id']}"
    told = _BECAME.get(str(row["state"]), "is on record; look again")
    if row["state"] == "failed" and row["error"]:
        told = f"{told} ({row['error']})"
    if row["state"] == "done" and row["result"]:
        answer = ", ".join(f"{name} {value}" for name, value in sorted(row["result"].items()))
        told = f"{told}, and it answered: {answer}"
    return f"{call} {told}."
