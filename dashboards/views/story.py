"""For whoever has to answer for one decision: the story of a ticket, on a page that can be sent."""

import streamlit as st

from dashboards.sections import parts, story
from dashboards.viewing import Viewing


def show(viewing: Viewing) -> None:
    parts.title("Story", "Who decided what of one ticket, on which evidence, and whether it follows.")
    asked = st.text_input(
        "Ticket",
        key="ticket",
        bind="query-params",
        max_chars=200,
        placeholder="Ticket id",
        label_visibility="collapsed",
        width=360,
    )
    if not asked.strip():
        parts.empty(
            "Which ticket?",
            "Type its id above. Without its texts, and without who the customer is: those are at the desk.",
            f"ridealong audit replay TICKET --workflow {viewing.name} --data DIR",
        )
        return
    with parts.guarded("The story"):
        story.show(viewing.reads.story(asked.strip()))
