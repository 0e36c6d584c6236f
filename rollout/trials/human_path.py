"""The human path of an exported thread as events: what the desk did, and how it ended.

An export has no stopwatch and no survey: human minutes and CSAT stay unknown here. How a ticket ended
is taken from its solved mark (``confirmed``) or, without one, from silence (``assumed``).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from rollout.handle.compare import HumanAnswer
from rollout.records import Event, Handled, Kind, Resolved
from rollout.trials.desk_export import Thread, cited_articles, first_answer

SILENCE: Final = timedelta(days=3)
"""Nobody asked further for this long after the desk's last word: taken for resolved, and called assumed."""


def human_answer(thread: Thread) -> HumanAnswer | None:
    """What a shadow reply is held against: the desk's first answer; ``None`` if there never was one."""
    answer = first_answer(thread)
    if not answer:
        return None
    return HumanAnswer(
        text="\n\n".join(message.text for message in answer),
        cited=cited_articles(thread),
        escalated=any(message.refers_elsewhere for message in answer),
    )


def resolution(thread: Thread, until: datetime) -> tuple[datetime, str, str] | None:
    """When, how surely and why a thread counts as resolved; ``None`` while it does not.

    *confirmed*: the desk marked it solved; at the marked message, else at the desk's last word.
    *assumed*: not marked, the desk had the last word and nobody came back for ``SILENCE`` within the
    export. A thread without an answer, or whose last word is the customer's, is not resolved.
    """
    words = [message.at for message in thread.messages if message.by_desk]
    if thread.solved:
        at = thread.solved_at or (words[-1] if words else thread.ticket.opened_at)
        return at, "confirmed", "marked-solved"
    if words and thread.messages[-1].by_desk and words[-1] + SILENCE <= until:
        return words[-1], "assumed", "silence"
    return None


def human_events(thread: Thread, until: datetime, content: Mapping[str, str]) -> list[Event]:
    """The desk's work and the ticket's end, as recorded; ``content`` refers to the desk's first answer."""
    ticket = thread.ticket
    events: list[Event] = []

    def add(event_id: str, kind: Kind, at: datetime, payload: Handled | Resolved) -> None:
        events.append(Event(event_id, kind, at, payload, ticket.tenant, ticket.workflow, ticket.region))

    words = [message.at for message in thread.messages if message.by_desk]
    if words:
        handled = Handled(
            ticket_id=ticket.ticket_id,
            handler="human",
            first_response_at=words[0],
            finished_at=words[-1],
            turns=len(words),
            sources=tuple(sorted(cited_articles(thread))),
            content=content,
        )
        add(f"handling:{ticket.ticket_id}:human:1", Kind.HANDLING, words[-1], handled)
    end = resolution(thread, until)
    if end is not None:
        at, kind, reason = end
        resolved = Resolved(ticket.ticket_id, at, kind, "human", reason)
        add(f"resolution:{ticket.ticket_id}:1", Kind.RESOLUTION, at, resolved)
    return events
