"""For whoever writes articles: what agents do not know, what they use, and what may be out of date."""

from typing import Final

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.charts.knowledge import KINDS
from dashboards.quality_rows import ArticleRow, KnowledgeRow
from dashboards.sections import filters, parts
from dashboards.viewing import Viewing

_BY: Final = {"tickets": "By tickets", "usd": "By cost"}
_MOST: Final = 10
_COLUMNS: Final = {
    "article": "Article",
    "replies": "Replies",
    "handed_off": "Handed off all the same",
    "age_days": "Days old",
    "exact": "Age known",
    "newest": "Last used",
    "examples": "Tickets",
}


def show(viewing: Viewing) -> None:
    parts.title("Knowledge", f"{viewing.name}: which article to write next, and which to look at again.")
    with st.container(horizontal=True, vertical_alignment="center"):
        period = filters.period()
        by = parts.choose("Rank", _BY, key="rank", default="tickets")
    found = viewing.reads.knowledge(viewing.name, period)
    with parts.guarded("The gaps"):
        _gaps(found, by)
    left, right = parts.beside("articles", 1, 1, gap="medium")
    with left, st.container(border=True, height="stretch"), parts.guarded("The articles"):
        _used(found)
    with right, st.container(border=True, height="stretch"), parts.guarded("The stale articles"):
        _stale(found)


def _gaps(found: KnowledgeRow, by: str) -> None:
    parts.heading("Gaps", "Tickets whose answer was withheld, unsure or missing.")
    rows = found["gaps"]
    if not rows:
        parts.empty("No gap in this period", "Choose a longer period, or come back when agents have worked.")
        return
    if by == "usd" and all(row["usd"] is None for row in rows):
        st.caption("No wage is known: state cost.human_usd_per_hour in the plan. Ranked by tickets.")
        by = "tickets"
    parts.chart(charts.gaps(rows, by), found["sentence"])
    st.text(found["sentence"])
    ranked = sorted(rows, key=lambda row: -(row[by] or 0))  # type: ignore[literal-required]
    parts.table(
        [
            {
                "category": fmt.words(row["category"]),
                "kind": KINDS[row["kind"]][0],
                "mode": fmt.words(row["mode"]),
                "tickets": row["tickets"],
                "usd": fmt.usd(row["usd"]),
                "minutes": fmt.number(row["minutes"]),
                "examples": ", ".join(row["examples"]),
            }
            for row in ranked
        ],
        {
            "category": "Category",
            "kind": "Gap",
            "mode": "Mode",
            "tickets": "Tickets",
            "usd": "Cost",
            "minutes": "People's minutes",
            "examples": "For example",
        },
        wide="For example",
    )
    parts.details(
        [],
        {},
        "Handed off, not known: the agent withheld an answer for want of knowledge. Answered unsure: it "
        f"answered with a confidence, or found articles with a fit, below {found['unsure_below']:g}. Not "
        "answered: it failed, or the customer gave up. Cost: models, and people's time at the plan's wage; "
        "shadow replies cost no person's time.",
        found["sql"]["gaps"],
        label="Definition and query",
    )


def _used(found: KnowledgeRow) -> None:
    parts.card("Used most")
    if not found["articles"]:
        parts.empty("No reply names a source", "Agents with articles name those they used with every reply.")
        return
    shown = found["articles"][:_MOST]
    said = f"Most used: {shown[0]['article']}, in {fmt.number(shown[0]['replies'])} replies."
    parts.chart(charts.articles(shown, found["stale_days"]), said)
    st.text(said)
    _details(found, found["articles"])


def _stale(found: KnowledgeRow) -> None:
    parts.card("Old, and in use")
    days = found["stale_days"]
    if not found["stale"]:
        parts.empty("Nothing old in use", f"No reply of this period used an article older than {days} days.")
        return
    oldest = found["stale"][0]
    many = f"{len(found['stale'])} articles older than {days} days are in use; the oldest,"
    said = (
        f"{many if len(found['stale']) > 1 else f'One article older than {days} days is in use:'} "
        f"{oldest['article']} is {'' if oldest['exact'] else 'up to '}"
        f"{fmt.number(oldest['age_days'])} days old."
    )
    parts.chart(charts.articles(found["stale"][:_MOST], days), said)
    st.text(said)
    _details(found, found["stale"])


def _details(found: KnowledgeRow, rows: list[ArticleRow]) -> None:
    parts.details(
        [
            {
                **row,
                "age_days": fmt.number(row["age_days"]),
                "exact": "yes" if row["exact"] else "at most",
                "newest": parts.moment(row["newest"]),
                "examples": ", ".join(row["examples"]),
            }
            for row in rows
        ],
        _COLUMNS,
        "A reply tells the age of the oldest article it used. An article's age is known where it was used "
        "alone; elsewhere it is at most the least of those ages.",
        found["sql"]["articles"],
    )
