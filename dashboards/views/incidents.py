"""What went wrong, what it holds up, and what became of it."""

from typing import Final

import streamlit as st

from dashboards import charts
from dashboards.sections import incidents, parts, story, who
from dashboards.viewing import Viewing

_LONGEST: Final = 100


def show(viewing: Viewing) -> None:
    parts.title(
        "Incidents", "Of every workflow. While a severe one is open, nothing of its workflow is promoted."
    )
    with st.container(horizontal=True):
        known = who.ask(viewing)
    rows = viewing.reads.incidents()
    current = [row for row in rows if row["status"] != "closed"]
    closed = [row for row in rows if row["status"] == "closed"]
    with parts.guarded("The open incidents"):
        parts.heading("Open", "The gravest first. Whoever acknowledges one looks after it.")
        if not current:
            parts.empty(
                "Nothing is wrong",
                "A proven roll-back opens an incident by itself; people report others below.",
            )
        for row in current:
            with st.container(border=True):
                incidents.card(viewing, row, known=known)
        incidents.report(viewing, known=known)
        with st.expander("What happened to one ticket?"):
            story.ask(viewing, key="story-of")
    if not rows:
        return
    st.divider()
    with parts.guarded("The timeline"):
        parts.heading("So far", "From opening to closing; an open one reaches to now.")
        newest = max(rows, key=lambda row: row["opened_at"])["title"]
        told = newest if len(newest) <= _LONGEST else f"{newest[:_LONGEST].rstrip()}…"
        ended = told if told.endswith("…") else f"{told.rstrip('.')}."
        said = f"{len(rows)} in all, {len(current)} of them open; the newest: {ended}"
        parts.chart(charts.incidents(rows), said)
        st.text(said)
        if closed:
            incidents.table(closed)
