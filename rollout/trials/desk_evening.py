"""What waits at the desk when the simulated time ends, besides the hand-offs: a few drafts to decide on.

The demo's plan has no assist step; these are as one would leave them.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rollout.records import Drafted, Event, Kind
from rollout.router import Routed
from rollout.trials.desk_texts import Worded
from rollout.trials.world import Visit

DRAFTS: Final = 3
_CONFIDENCE: Final = (0.86, 0.74, 0.61)
_PROMISE: Final = {
    "en": "\n\nP.S. I guarantee that you will never have this again.",
    "de": "\n\nPS: Ich garantiere Ihnen, dass das nie wieder vorkommt.",
}
"""Of the last draft, which may therefore be edited and not sent as it is."""


def drafts(visits: Sequence[tuple[Visit, Routed]], version: str, now: datetime) -> Iterator[Worded]:
    """Drafts for the newest tickets that the plan keeps with people."""
    kept = [visit for visit, routed in visits if routed.assigned.reason == "NOT_ELIGIBLE"][-DRAFTS:]
    for number, visit in enumerate(kept):
        breaks = number == DRAFTS - 1
        ticket, words = visit.ticket, visit.words
        payload = Drafted(
            ticket.ticket_id,
            version,
            1,
            violations=("promises-what-nobody-can-keep",) if breaks else (),
            confidence=_CONFIDENCE[number],
            seconds=3.0,
            cost_usd=0.02,
            model="scripted",
            sources=(words.article.source_id,),
        )
        text = words.agent + (_PROMISE[ticket.language or "en"] if breaks else "")
        event = Event(
            f"draft:{ticket.ticket_id}",
            Kind.APPROVAL,
            now,
            payload,
            tenant=ticket.tenant,
            workflow=ticket.workflow,
            region=ticket.region,
            actor=f"agent:{version}",
        )
        yield Worded(event, {"draft": text})
