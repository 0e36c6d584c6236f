"""Incidents: those that block something, in red on every page; and what may be done about one."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import streamlit as st

from dashboards import format as fmt
from dashboards.client import ApiProblem
from dashboards.rows import IncidentRow
from dashboards.sections import parts, who
from dashboards.viewing import Viewing

MEANINGS: Final = {
    1: "1: harm that is done or cannot be taken back",
    2: "2: customers were told wrong or forbidden things",
    3: "3: service got worse but was contained",
    4: "4: a near miss, before a customer saw it",
}
_CHANGES: Final = "rollouts:promote"
_OPENS: Final = "incidents:open"
_SHORTEST: Final = 3


def banner(viewing: Viewing) -> None:
    """What an open severe incident blocks, on top of every page. Says nothing where there is none."""
    try:
        blocking = [each for each in viewing.reads.incidents() if each["blocks"]]
    except ApiProblem:
        return  # the page below asks the same server and says what is wrong with it
    for each in blocking[:2]:
        st.error(
            parts.plain(
                f"Severity {each['severity']} incident of {each['workflow']}, open since "
                f"{parts.moment(each['opened_at'])}: {each['title'].rstrip('.')}. Nothing of "
                f"{each['workflow']} is promoted until it is closed."
            ),
            icon=":material/report:",
        )
    if len(blocking) > 2:
        st.caption(f"and {len(blocking) - 2} more that block, under Incidents")


def needs(viewing: Viewing, permission: str) -> str | None:
    """Why this person may not; None where they may."""
    if viewing.may(permission):
        return None
    return f"it needs {permission}; your roles ({', '.join(viewing.me['roles']) or 'none'}) do not have it."


def card(viewing: Viewing, row: IncidentRow, *, known: bool) -> None:
    """One open incident and what may be done about it."""
    words, acts = parts.beside(f"incident-{row['incident_id']}", 7, 5)
    with words:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(f"Severity {row['severity']}", color="red" if row["blocks"] else "orange")
            st.badge(fmt.words(row["status"]), color="gray")
            st.caption(parts.plain(row["incident_id"]))
        st.text(row["title"])
        about = f"{row['workflow']}{', ' + str(row['version']) if row.get('version') else ''}"
        told = f"{about} · noticed by {row['opened_by']}, {parts.moment(row['opened_at'])}"
        if row.get("acknowledged_by"):
            told += f" · {row['acknowledged_by']} looks after it"
        st.caption(parts.plain(told), help=parts.utc(row["opened_at"]))
        if row["blocks"]:
            st.text(f"While it is open nothing of {row['workflow']} is promoted. Roll-backs go on.")
    with acts:
        _acts(viewing, row, known=known)


def _acts(viewing: Viewing, row: IncidentRow, *, known: bool) -> None:
    ticked, why = row["incident_id"], needs(viewing, _CHANGES)
    with st.form(f"incident-{ticked}", border=False):
        reason = st.text_input("Reason (needed to close or grade)", max_chars=1000, key=f"why-{ticked}")
        severity = st.selectbox(
            "Severity",
            list(MEANINGS),
            index=row["severity"] - 1,
            format_func=MEANINGS.__getitem__,
            key=f"grade-{ticked}",
        )
        with st.container(horizontal=True, gap="small"):
            seen = st.form_submit_button(
                "Acknowledge",
                disabled=not known or row["status"] != "open" or not viewing.may(_OPENS),
                type="primary" if row["status"] == "open" else "secondary",
            )
            graded = st.form_submit_button("Grade", disabled=not known or why is not None)
            closed = st.form_submit_button(
                "Close",
                disabled=not known or why is not None,
                type="secondary" if row["status"] == "open" else "primary",
            )
    if why is not None:
        st.caption(parts.plain(f"Grade, Close: {why}"))
    if seen:
        _change(viewing, row, "acknowledge", "You look after it.")
    elif (graded or closed) and len(reason.strip()) < _SHORTEST:
        st.warning("Say why: others will read it.")
    elif graded:
        _change(viewing, row, "grade", "Graded.", severity=severity, reason=reason.strip())
    elif closed:
        _change(viewing, row, "close", "Closed.", reason=reason.strip())


def _change(viewing: Viewing, row: IncidentRow, action: str, said: str, **body: Any) -> None:
    path = f"/v1/incidents/{quote(row['incident_id'], safe='')}/{action}"
    parts.act(lambda: viewing.client.work(path, who.signed(viewing, **body)), said)


def report(viewing: Viewing, *, known: bool) -> None:
    """The form for a new one."""
    why = needs(viewing, _OPENS)
    with st.expander("Report an incident"):
        with st.form("new-incident", border=False):
            title = st.text_input("What happened?", max_chars=300, key="incident-title")
            severity = st.radio(
                "How bad is it?", list(MEANINGS), index=1, format_func=MEANINGS.__getitem__, key="severity"
            )
            version = st.text_input("Agent version, where it is known", max_chars=100, key="incident-version")
            sent = st.form_submit_button("Report", type="primary", disabled=not known or why is not None)
        if why is not None:
            st.caption(parts.plain(f"Report: {why}"))
        if sent and len(title.strip()) < _SHORTEST:
            st.warning("Say what happened.")
        elif sent:
            body: dict[str, Any] = {"workflow": viewing.name, "severity": severity, "title": title.strip()}
            body |= {"version": version.strip()} if version.strip() else {}
            parts.act(
                lambda: viewing.client.work("/v1/incidents", who.signed(viewing, **body)),
                "Reported; in force for gates from now on.",
            )


def table(rows: Sequence[IncidentRow]) -> None:
    """Those that are closed."""
    shown = [
        {**row, "opened": parts.moment(row["opened_at"]), "closed": parts.moment(row.get("closed_at"))}
        for row in rows
    ]
    parts.table(
        shown,
        {
            "severity": "Severity",
            "opened": "Opened",
            "closed": "Closed",
            "closed_by": "By",
            "reason": "Why",
            "title": "What happened",
            "workflow": "Workflow",
        },
    )
