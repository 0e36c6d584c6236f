"""For the operator: what waits for a person, and everything needed to answer it."""

from typing import Final

import streamlit as st

from dashboards.client import ApiProblem
from dashboards.desk_rows import ConversationRow, ItemRow
from dashboards.sections import approvals, desk_item, desk_list, desk_work, parts, story, who
from dashboards.viewing import Viewing

_TICKETS, _APPROVALS = "Tickets", "Approvals"
_SECTIONS: Final = {name: name for name in (_TICKETS, _APPROVALS)}
_SECTION: Final = "section"
"""Session key of the chosen one."""


def show(viewing: Viewing) -> None:
    parts.title("Desk", f"{viewing.name}: what agents handed to people, the gravest first.")
    with st.container(horizontal=True, vertical_alignment="center"):
        section = parts.choose("Section", _SECTIONS, key=_SECTION)
        calls = approvals.waiting(viewing) if section == _TICKETS else 0
        if calls:  # not in the choice's label: that is in the address
            st.badge(f"{calls} {'call waits' if calls == 1 else 'calls wait'} for approval", color="orange")
        known = who.ask(viewing)
    if section == _APPROVALS:
        with parts.guarded("The approvals"):
            approvals.show(viewing, known=known, look=_look_at_tickets)
        return
    with parts.guarded("The desk"):
        _tickets(viewing, known=known)


def _look_at_tickets() -> None:
    st.session_state[_SECTION] = _TICKETS


def _tickets(viewing: Viewing, *, known: bool) -> None:
    rows = desk_list.waiting(viewing)
    item = desk_list.opened(rows)
    if item is None:
        parts.empty(
            "Nobody waits",
            "Hand-offs and drafts appear here the moment an agent makes them. Tickets of the humans' own "
            "arm stay in your help desk.",
        )
        st.button("Look again")
        return
    left, middle, right = parts.beside("desk", 3, 5, 4, gap="medium")
    with left:
        desk_list.show(viewing, rows)
    with middle:
        desk_item.show(item, _talk(viewing, item))
        story.button(viewing, item["ticket_id"], key=f"story-{item['ticket_id']}")
    with right:
        desk_work.show(viewing, item, known=known)


def _talk(viewing: Viewing, item: ItemRow) -> ConversationRow | None:
    """What was said; the packet alone must do where it cannot be read."""
    try:
        return viewing.reads.conversation(item["ticket_id"])
    except ApiProblem as problem:
        parts.trouble(problem)
        return None
