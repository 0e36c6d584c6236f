"""One ticket's story: who decided what on which evidence, and whether it follows from the record."""

from datetime import datetime

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.record_rows import MoveRow, StoryRow
from dashboards.sections import parts
from dashboards.story_words import ASSIGNED, detail, what
from dashboards.viewing import Viewing


def button(viewing: Viewing, ticket_id: str, *, key: str) -> None:
    """Open the story over the page, so that nobody loses their place."""
    if st.button("Its story", icon=":material/timeline:", type="tertiary", key=key):
        dialog(viewing, ticket_id)


def ask(viewing: Viewing, *, key: str) -> None:
    """Type a ticket, see its story."""
    with st.form(key, border=False):
        ticket = st.text_input("Ticket", max_chars=200, placeholder="Ticket id").strip()
        if st.form_submit_button("Show its story") and ticket:
            dialog(viewing, ticket)


@st.dialog("The ticket's story", width="large")
def dialog(viewing: Viewing, ticket_id: str) -> None:
    with parts.guarded("The story"):
        show(viewing.reads.story(ticket_id))
        st.caption(parts.plain(f"To send it to somebody: the page Story, with the ticket {ticket_id}."))


def show(row: StoryRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(parts.plain(row["ticket_id"]), anchor=False, width="content")
        st.badge(parts.plain(row["workflow"]), color="gray")
        sound = "As it was written" if row["sound"] else "Does not follow"
        st.badge(sound, color="green" if row["sound"] else "red")
    _verdict(row)
    said = ", then ".join(what(entry).lower() for entry in row["entries"])
    if len(row["entries"]) > 1:
        parts.chart(charts.story(row["entries"]), f"What happened: {said}.")
    parts.table(
        [
            {
                "when": parts.moment(entry["at"]),
                "after": _after(row["entries"][0]["at"], entry["at"]),
                "who": entry["actor"],
                "what": what(entry),
                "said": detail(entry),
                "seq": entry["seq"],
                "utc": fmt.moment(entry["at"]),
            }
            for entry in row["entries"]
        ],
        {
            "when": "When",
            "after": "After",
            "what": "What",
            "said": "Said",
            "who": "Recorded by",
            "seq": "Record",
            "utc": "UTC",
        },
        wide="Said",
    )
    if row["in_force"] is not None:
        _in_force(row["in_force"])


def _after(begun: str, at: str) -> str:
    passed = (datetime.fromisoformat(at) - datetime.fromisoformat(begun)).total_seconds()
    return fmt.seconds(passed) if passed >= 1 else ""


def _verdict(row: StoryRow) -> None:
    """The assignment, computed anew."""
    again = row["recomputed"]
    if again["agrees"] is None:
        st.text(f"Its assignment cannot be computed anew: {again['why_not']}.")
    elif again["agrees"]:
        reason = ASSIGNED.get(str(again["reason"]), fmt.words(again["reason"]))
        st.text(f"Computed anew from the record it comes to the same: {again['arm']}, {reason}.")
    else:
        told = "; ".join(
            f"{each['name']}: recorded {each['recorded']}, computed {each['computed']}"
            for each in again["differences"]
        )
        st.error(parts.plain(f"Computed anew it is not the same. {told or 'The unit is another.'}"))
    for fault in row["faults"]:
        st.error(parts.plain(f"Not what was written: {fault}. `ridealong audit verify` checks the chain."))
    for note in row["notes"]:
        st.caption(parts.plain(note))


def _sentence(move: MoveRow) -> str:
    told = move["sentence"].rstrip(".")
    return f"{told[:1].upper()}{told[1:]}."


def _in_force(move: MoveRow) -> None:
    """The order that its assignment obeyed, and what that rested on."""
    parts.card("In force when it was decided")
    split = move["split"]
    share = "in shadow" if split["mode"] == "shadow" else f"{split['weight']:g} % with {split['stable']}"
    canary = f", {split['canary_weight']:g} % of that with {split['canary']}" if split["canary"] else ""
    st.text(f"Step {split['step']}: {share}{canary}, {split['holdout']:g} % held out. {_sentence(move)}")
    pinned = (
        ""
        if move["plan"] is None
        else f"; plan {move['plan']['digest'][:12]}, pinned by {move['plan']['actor']}"
    )
    told = f"{move['actor']}, {parts.moment(move['at'])}, record {move['seq']}{pinned}"
    st.caption(parts.plain(told), help=parts.utc(move["at"]))
    if move["metrics"]:
        with st.expander(f"What its gate had said, {len(move['metrics'])} metrics"):
            for each in move["metrics"]:
                with st.container(horizontal=True, gap="small"):
                    parts.chip(each["verdict"])
                    st.text(each["sentence"])
