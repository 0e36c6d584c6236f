"""What a person does about a ticket: take it, answer, decide on a draft, say that the machine was wrong."""

from typing import Any, Final
from urllib.parse import quote

import streamlit as st

from dashboards.desk_rows import ItemRow
from dashboards.sections import parts, who
from dashboards.viewing import Viewing

WRONG: Final = {
    "should-have-escalated": "Should have gone to a person",
    "should-not-have-escalated": "Needed no person",
    "wrong-category": "Wrong category",
    "wrong-urgency": "Wrong urgency",
    "wrong-policy": "Wrong policy",
    "wrong-information": "Wrong information",
    "other": "Something else",
}


def show(viewing: Viewing, item: ItemRow, *, known: bool) -> None:
    """``known`` says whether it is clear who acts."""
    if not known:
        st.warning("Say your name above: what you do here is recorded under it.")
    _owner(viewing, item, known=known)
    if item["kind"] == "draft":
        _draft(viewing, item, known=known)
    else:
        _answer(viewing, item, known=known)
    _wrong(viewing, item, known=known)


def _do(viewing: Viewing, item: ItemRow, what: str, said: str, **body: Any) -> None:
    path = f"/v1/queue/{quote(item['ticket_id'], safe='')}/{what}"
    parts.act(lambda: viewing.client.work(path, who.signed(viewing, **body)), said)


def _owner(viewing: Viewing, item: ItemRow, *, known: bool) -> None:
    ticket, by = item["ticket_id"], item["claimed_by"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if by is None:
            st.text("Nobody looks after it yet.")
            if st.button("Claim", key="claim", disabled=not known, help="Others see that you have it."):
                _do(viewing, item, "claim", f"{ticket} is yours.")
            return
        mine = who.is_me(viewing, by)
        st.text("You look after it" if mine else f"{by} looks after it")
        st.caption(
            f"since {parts.plain(parts.moment(item['claimed_at']))}", help=parts.utc(item["claimed_at"])
        )
        label = "Release" if mine else "Release for them"
        if st.button(label, key="release", type="tertiary", disabled=not known):
            _do(viewing, item, "release", f"{ticket} is free again.", **({} if mine else {"force": True}))


def _answer(viewing: Viewing, item: ItemRow, *, known: bool) -> None:
    with st.form(f"answer-{item['ticket_id']}", border=False):
        text = st.text_area(
            "Answer to the customer", height=220, max_chars=20_000, key=f"text-{item['ticket_id']}"
        )
        st.caption("Ctrl + Enter sends it.")
        sent = st.form_submit_button("Send answer", type="primary", disabled=not known)
    if sent and not text.strip():
        st.warning("Write an answer first.")
    elif sent:
        _do(viewing, item, "answer", f"{item['ticket_id']} is answered.", text=text)


def _draft(viewing: Viewing, item: ItemRow, *, known: bool) -> None:
    """Unchanged it is approved, changed it is edited: what happens is what is recorded."""
    if item["violations"]:
        broken = ", ".join(item["violations"])
        st.error(parts.plain(f"The draft breaks: {broken}. It cannot go out as it is: change or reject it."))
    draft = item["draft"] or ""
    with st.form(f"draft-{item['ticket_id']}", border=False):
        text = st.text_area(
            "The agent's draft", draft, height=240, max_chars=20_000, key=f"draft-{item['ticket_id']}"
        )
        note = st.text_input("Note for colleagues", max_chars=2000, key=f"note-{item['ticket_id']}")
        st.caption("Ctrl + Enter sends it: unchanged as approved, changed as edited.")
        with st.container(horizontal=True, gap="small"):
            sent = st.form_submit_button("Send to the customer", type="primary", disabled=not known)
            rejected = st.form_submit_button(
                "Reject", disabled=not known, help="The ticket waits on for an answer of your own."
            )
    if rejected:
        _do(viewing, item, "draft", "The draft is rejected.", verdict="reject", note=note)
    elif sent and text.strip() == draft.strip():
        _do(viewing, item, "draft", f"{item['ticket_id']} is answered.", verdict="approve", note=note)
    elif sent:
        _do(
            viewing,
            item,
            "draft",
            f"{item['ticket_id']} is answered.",
            verdict="edit",
            text=text,
            note=note,
        )


def _wrong(viewing: Viewing, item: ItemRow, *, known: bool) -> None:
    ticket = item["ticket_id"]
    with st.expander("The assessment was wrong"), st.form(f"wrong-{ticket}", border=False):
        label = st.pills(
            "What was wrong?",
            list(WRONG),
            format_func=WRONG.__getitem__,
            key=f"label-{ticket}",
            default="other",
        )
        note = st.text_input("Note", max_chars=2000, key=f"wrong-note-{ticket}")
        sent = st.form_submit_button("Record it", disabled=not known)
    if sent and label is None:
        st.warning("Choose what was wrong.")
    elif sent:
        _do(viewing, item, "correction", "Recorded: the assessment was wrong.", label=label, note=note)
