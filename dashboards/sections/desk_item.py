"""One ticket as the person who takes it over needs it: what to do first, then why, then everything said."""

from typing import Final

import streamlit as st

from dashboards import format as fmt
from dashboards.desk_rows import ConversationRow, ItemRow
from dashboards.reasons import in_words, severity
from dashboards.sections import parts
from dashboards.sections.desk_list import age

PARTS: Final = {
    "next-step": "First",
    "tone": "Tone",
    "customer": "Customer",
    "issue": "Issue",
    "tried": "Tried",
    "knowledge": "Articles",
}
"""The six parts of a packet, in reading order."""
_ON_TOP: Final = ("next-step", "tone")
_AUTHORS: Final = {"customer": "Customer", "agent": "Agent", "human": "Desk"}


def show(item: ItemRow, talk: ConversationRow | None) -> None:
    """``talk`` is None where the conversation could not be read."""
    _head(item)
    found = packet(item["packet"])
    if found:
        _first(found)
    elif item["packet"]:
        st.text(item["packet"])
    _reasons(item)
    if talk is not None:
        _transcript(talk)
    _sources(found.get("knowledge", ""), talk)
    with st.expander("The rest of the packet") if found else st.container():
        for part, text in found.items():
            if part not in _ON_TOP:
                _term(PARTS[part], text)


def packet(text: str | None) -> dict[str, str]:
    """The parts of a packet by name; empty where ``text`` is none."""
    lines = [line[2:].partition(": ") for line in (text or "").splitlines() if line.startswith("- ")]
    found = {name: says for name, _, says in lines if name in PARTS}
    return {name: found[name] for name in PARTS if name in found} if len(found) == len(PARTS) else {}


def _head(item: ItemRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(parts.plain(item["ticket_id"]), anchor=False, width="content")
        st.badge(severity(item["severity"]), color="red" if item["severity"] == 0 else "gray")
        st.badge("Draft" if item["kind"] == "draft" else "Hand-off", color="blue")
    known = [item[name] for name in ("tier", "category", "urgency")]
    told = [fmt.words(value).lower() for value in known if value]
    st.caption(
        parts.plain(" · ".join([f"waits for {age(item['since'])}", *told])), help=parts.utc(item["since"])
    )


def _first(found: dict[str, str]) -> None:
    with st.container(border=True):
        for part in _ON_TOP:
            _term(PARTS[part], found[part])


def _term(term: str, text: str) -> None:
    left, right = st.columns([1, 4], gap="small")
    left.caption(term)
    right.text(text)


def _reasons(item: ItemRow) -> None:
    if item["reasons"]:
        parts.card("Why a person")
        st.text("\n".join(f"{in_words(code)}." for code in item["reasons"]))


def _transcript(talk: ConversationRow) -> None:
    parts.card("What was said")
    for turn in talk["turns"]:
        with st.container(border=True, gap="small"):
            author = _AUTHORS.get(turn["author"], fmt.words(turn["author"]))
            st.caption(parts.plain(f"{author}, {parts.moment(turn['at'])}"), help=parts.utc(turn["at"]))
            if turn["text"] is not None:
                st.text(turn["text"])
            else:
                state = turn["text_state"]
                gone = "It came without a text." if state == "none" else f"The text is {state}."
                st.caption(parts.plain(gone))


def _sources(knowledge: str, talk: ConversationRow | None) -> None:
    """What was found to answer from, with its age."""
    found = [each for each in knowledge.split("; ") if "days old" in each or "age unknown" in each]
    work = talk["decisions"][-1] if talk is not None and talk["decisions"] else None
    if not found and (work is None or not work["sources"]):
        return
    parts.card("Sources")
    if found:
        st.text("\n".join(found))
    if work is not None and work["sources"]:
        oldest = work["retrieval_age_days"]
        told = "age unknown" if oldest is None else f"the oldest is {fmt.number(oldest)} days old"
        st.caption(parts.plain(f"Used: {', '.join(work['sources'])}; {told}."))
