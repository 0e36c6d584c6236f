"""Tool calls that wait for a person, with the very arguments they would be made with."""

import json
from typing import Any, Final
from urllib.parse import quote

import httpx
import streamlit as st

from dashboards import format as fmt
from dashboards.client import ApiProblem
from dashboards.desk_rows import ApprovalRow
from dashboards.sections import parts, who
from dashboards.viewing import Viewing

_SHORTEST_REASON: Final = 3


def show(viewing: Viewing, *, known: bool) -> None:
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
            _call(viewing, row, known=known)


def _call(viewing: Viewing, row: ApprovalRow, *, known: bool) -> None:
    words, acts = parts.beside(f"approval-{row['approval_id']}", 7, 5)
    with words:
        parts.card(row["tool"], f"ticket {row['ticket_id']}")
        told = [
            f"asked by {row['version']} {parts.moment(row['requested_at'])}",
            fmt.words(row["reason"]).lower(),
        ]
        if row["amount_usd"] is not None:
            told.append(f"${row['amount_usd']}")
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
    with acts:
        _decide(viewing, row, known=known)


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
        _word(viewing, row, "deny", "Denied: the call is not made.", reason=reason.strip())
    elif approved:
        _word(viewing, row, "approve", "Your word is on record.", reason=reason.strip())


def _word(viewing: Viewing, row: ApprovalRow, verdict: str, said: str, **body: Any) -> None:
    path = f"/v1/approvals/{quote(row['approval_id'], safe='')}/{verdict}"
    body["arguments_digest"] = row["arguments_digest"] or ""
    parts.act(lambda: viewing.client.work(path, who.signed(viewing, **body)), said)
