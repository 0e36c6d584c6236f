"""What waits at the desk, queue by queue, enterprise apart: the list from which one is opened."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import streamlit as st

from dashboards import format as fmt
from dashboards.client import ApiProblem
from dashboards.desk_rows import ItemRow
from dashboards.reasons import in_words, severity
from dashboards.sections import parts, who
from dashboards.viewing import Viewing

OPENED: Final = "desk-ticket"
"""Session key of the ticket that is open on the page."""
_EVERY: Final = "10s"
_APART: Final = "enterprise"
_SHOWN: Final = 5
"""Per queue, before the rest is folded away."""


def waiting(viewing: Viewing) -> list[ItemRow]:
    """Everything that waits, looked after or not, the gravest first."""
    rows = [*viewing.reads.queue(viewing.name, "open"), *viewing.reads.queue(viewing.name, "claimed")]
    return sorted(rows, key=lambda row: (_APART not in row["queue"], row["severity"], row["since"]))


def opened(rows: Sequence[ItemRow]) -> ItemRow | None:
    """The one that was chosen; else the first that waits."""
    chosen = st.session_state.get(OPENED)
    return next((row for row in rows if row["ticket_id"] == chosen), rows[0] if rows else None)


def show(viewing: Viewing, rows: Sequence[ItemRow]) -> None:
    current = opened(rows)
    for queue in dict.fromkeys(row["queue"] for row in rows):
        of_queue = [row for row in rows if row["queue"] == queue]
        free = sum(row["state"] == "open" for row in of_queue)
        with st.container(border=True, gap="small", key=f"queue-{queue}"):
            parts.card(
                _called(queue), f"{free} free" if free == len(of_queue) else f"{free} of {len(of_queue)} free"
            )
            for row in of_queue[:_SHOWN]:
                _line(viewing, row, chosen=row is current)
            if rest := of_queue[_SHOWN:]:
                with st.expander(f"{len(rest)} more"):
                    for row in rest:
                        _line(viewing, row, chosen=row is current)
    _watch(viewing, {row["ticket_id"]: row["claimed_by"] for row in rows})


def _called(queue: str) -> str:
    """A queue's name without what all of them have in common."""
    if queue.startswith("draft-queue-"):
        return f"Drafts, {fmt.words(queue.removeprefix('draft-queue-')).lower()}"
    return fmt.words(queue.removeprefix("human-queue-"))


def _line(viewing: Viewing, row: ItemRow, *, chosen: bool) -> None:
    grave = f":red[**{severity(row['severity'])}**] · " if row["severity"] == 0 else ""
    with st.container(gap=None):
        st.button(
            f"{grave}{parts.plain(row['ticket_id'])}",
            key=f"open-{row['ticket_id']}",
            type="secondary" if chosen else "tertiary",
            width="stretch",
            help=parts.plain(", ".join(map(in_words, row["reasons"])) or "A draft to decide on"),
            on_click=_open,
            args=(row["ticket_id"],),
        )
        st.caption(parts.plain(f"{_what(row)} · {age(row['since'])}{_owner(viewing, row)}"))


def _open(ticket_id: str) -> None:
    st.session_state[OPENED] = ticket_id


def _what(row: ItemRow) -> str:
    kind = "draft" if row["kind"] == "draft" else "hand-off"
    return f"{kind}, {fmt.words(row['category']).lower()}" if row["category"] else kind


def _owner(viewing: Viewing, row: ItemRow) -> str:
    if row["claimed_by"] is None:
        return ""
    return (
        " · yours" if who.is_me(viewing, row["claimed_by"]) else f" · {row['claimed_by'].partition(' ')[0]}"
    )


def age(since: str) -> str:
    """How long ago, in its own size."""
    return fmt.seconds(max((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds(), 0.0))


@st.fragment(run_every=_EVERY)
def _watch(viewing: Viewing, drawn: dict[str, str | None]) -> None:
    """Say when the list has changed. Nothing moves under somebody who is writing."""
    try:
        now = {row["ticket_id"]: row["claimed_by"] for row in waiting(viewing)}
    except ApiProblem as problem:
        st.caption(parts.plain(f"Not refreshed: {problem.title}. {problem.detail}"))
        return
    if now != drawn:
        new = len(now.keys() - drawn.keys())
        told = f"{new} new" if new else "The list has changed"
        if st.button(f"{told}: show", icon=":material/refresh:", key="refresh-list"):
            st.rerun()
