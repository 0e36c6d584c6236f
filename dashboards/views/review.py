"""For the reviewer: two replies to the same customer, not saying whose is whose."""

from typing import Any, Final, cast

import streamlit as st

from dashboards.desk_rows import PairRow, RevealedRow
from dashboards.sections import parts, raters, who
from dashboards.viewing import Viewing

OUTCOMES: Final = {
    "sent-as-is": "Sent as it is",
    "lightly-edited": "Lightly edited",
    "rewritten": "Rewritten",
    "correctly-escalated": "Rightly passed on",
    "missed-escalation": "Should have been passed on",
    "wrong-policy": "Wrong policy",
    "wrong-input": "Wrong input",
}
PREFERENCES: Final = {"a": "A is better", "tie": "No difference", "b": "B is better"}
JUDGEMENTS: Final = {
    "accuracy": "Right in substance",
    "tone": "Right in tone",
    "policy": "Keeps to the rules",
    "agreement": "Would have done what the human did",
}
_MARKS: Final = {1: "Yes", 0: "No"}
_TOLD: Final = "revealed"
"""Session key of the pair that was labelled last, and whose its replies were."""


def show(viewing: Viewing) -> None:
    note = "which reply would you rather have sent? Whose is whose is told after."
    parts.title("Review", f"{viewing.name}: {note}")
    known = who.ask(viewing)
    with parts.guarded("The pair"):
        if not known:
            st.warning("Say your name above: a review is one person's word.")
        elif (told := st.session_state.get(_TOLD)) is not None and told["workflow"] == viewing.name:
            _revealed(viewing, told)
        else:
            _next(viewing)
    st.divider()
    with parts.guarded("The agreement"):
        _agreement(viewing)


def _next(viewing: Viewing) -> None:
    found = viewing.reads.next_pair(viewing.name, who.name(viewing))
    pair = found["pair"]
    if pair is None:
        parts.empty(
            "Nothing left to compare",
            "Pairs appear where an agent answered in shadow and a person's reply to the same customer is on "
            "record.",
        )
        return
    st.caption(f"{found['left']} left for you, this one included")
    _pair(pair)
    key = f"{pair['version']}-{pair['ticket_id']}"
    with st.form(f"label-{key}", border=False):
        preference = st.segmented_control(
            "Which would you rather have sent?",
            list(PREFERENCES),
            format_func=PREFERENCES.__getitem__,
            key=f"preference-{key}",
        )
        outcome = st.pills(
            "One of them is a draft by an agent. What would have become of it? (if you can tell)",
            list(OUTCOMES),
            format_func=OUTCOMES.__getitem__,
            key=f"outcome-{key}",
        )
        note = st.text_area("Note", height=80, max_chars=2000, key=f"note-{key}")
        st.caption("Ctrl + Enter records it. A word once given stays.")
        sent = st.form_submit_button("Record and reveal", type="primary")
    if sent and preference is None:
        st.warning("Choose A, B or no difference.")
    elif sent:
        body: dict[str, Any] = {"preference": preference, "note": note}
        body |= {} if outcome is None else {"outcome": outcome}
        _send(viewing, pair, body)


def _pair(pair: PairRow) -> None:
    with st.container(border=True):
        st.caption("The customer wrote")
        if pair["subject"]:
            st.text(pair["subject"])
        st.text(pair["text"])
    for place, side, text in zip(
        parts.beside("pair", 1, 1, gap="medium"), "AB", (pair["a"], pair["b"]), strict=True
    ):
        with place, st.container(border=True, height="stretch"):
            st.markdown(f"**{side}**")
            st.text(text)


def _send(viewing: Viewing, pair: PairRow, body: dict[str, Any]) -> None:
    def record() -> None:
        asked = who.signed(viewing, ticket_id=pair["ticket_id"], version=pair["version"], **body)
        answer = viewing.client.work("/v1/reviews", asked)
        for told in answer["revealed"]:
            st.session_state[_TOLD] = {"workflow": viewing.name, "pair": pair, "told": told}

    parts.act(record, "Recorded.")


def _revealed(viewing: Viewing, kept: dict[str, Any]) -> None:
    """What was hidden; and the judgements that gates count, which need to know whose reply it is."""
    pair, told = cast("PairRow", kept["pair"]), cast("RevealedRow", kept["told"])
    agent = "A" if told["a"] == "agent" else "B"
    st.text(f"{agent} was the agent's, {pair['version']}; {'B' if agent == 'A' else 'A'} was a person's.")
    _pair(pair)
    with st.form(f"judge-{pair['ticket_id']}", border=False):
        st.markdown(f"**Judge the agent's reply, {agent}**")
        st.caption("This is what a shadow's gate counts. Leave out what you cannot tell.")
        places = st.columns(len(JUDGEMENTS))
        marks = {
            name: place.segmented_control(
                label, list(_MARKS), format_func=_MARKS.__getitem__, key=f"mark-{name}"
            )
            for place, (name, label) in zip(places, JUDGEMENTS.items(), strict=True)
        }
        with st.container(horizontal=True, gap="small"):
            sent = st.form_submit_button("Record and go on", type="primary")
            skipped = st.form_submit_button("Next pair")
    given = {name: mark for name, mark in marks.items() if mark is not None}
    if sent and not given:
        st.warning("Judge at least one, or go on to the next pair.")
    elif sent:
        asked = who.signed(viewing, ticket_id=pair["ticket_id"], version=pair["version"], **given)
        parts.act(lambda: _judge(viewing, asked), "Recorded.")
    elif skipped:
        _forget()
        st.rerun()


def _judge(viewing: Viewing, body: dict[str, Any]) -> None:
    viewing.client.work("/v1/reviews", body)
    _forget()


def _forget() -> None:
    st.session_state.pop(_TOLD, None)


def _agreement(viewing: Viewing) -> None:
    parts.heading("Agreement so far", "Of all reviewers, corrected for chance. 95 % intervals.")
    shadow = viewing.reads.overview(viewing.name, "all")["shadow"]
    reading = None if shadow is None else shadow.get("reading")
    if reading is None or not reading["agreement"]:
        parts.empty("Not known yet", "It needs replies that two raters have judged.")
        return
    raters.agreement(reading["agreement"])
