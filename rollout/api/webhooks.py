"""The doors for help desks. Answered with 200 only when what was carried is on disk.

A signature takes the place of a key: it says who the sender is, and the configuration says for which
tenant and workflow. Senders try again on 409, 429 and 5xx and after a silence, so nothing is lost by
refusing; a body that can never be taken is refused with 422 and counted.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from agents.contract import Ticket
from policies.webhooks import Sender
from rollout.access.principal import INSTALLATION
from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.metrics import Metrics
from rollout.api.problems import Refused
from rollout.clock import Clock
from rollout.record.journal import Receipt
from rollout.records import Assigned, Event
from rollout.webhooks.inputs import Delivery, Unreadable
from rollout.webhooks.receive import UnknownSender, receive
from rollout.webhooks.settings import Settings
from rollout.webhooks.signature import Unverified

_log = logging.getLogger(__name__)
_NONE: Final = "no webhooks are configured; see docs/webhooks.md"


Decided = Callable[[str, str, Assigned], None]
"""Takes tenant, workflow and assignment."""


class Desk(Protocol):
    """What takes in what is delivered."""

    async def route(self, ticket: Ticket) -> Assigned: ...

    async def record(self, events: list[Event]) -> list[Receipt]: ...


class Reception:
    """Takes deliveries in. One per server."""

    def __init__(self, settings: Settings, desk: Desk, clock: Clock) -> None:
        self._settings = settings
        self._desk = desk
        self._clock = clock
        self.counts: Counter[tuple[str, str, str]] = Counter()
        """By tenant, sender and result: recorded, duplicate, ignored, unverified or unreadable."""

    async def take(
        self, system: str, name: str | None, request: Request, decided: Decided = lambda *_: None
    ) -> dict[str, Any]:
        """Verify, read and record one delivery; ``decided`` is told of every ticket that it routes.

        Raises:
            Refused: it is nobody's, not genuine, not readable, or webhooks cannot be taken now.
            RidealongError: it cannot be recorded, as ``Desk`` says.

        """
        known = self._settings.current()
        if known is None:
            if self._settings.wanted:
                raise Refused(
                    "unavailable", "the webhooks file cannot be used; the server's log has the cause"
                )
            raise Refused("not-found", _NONE)
        body = await request.body()
        try:
            sender, delivery = receive(system, name, request.headers, body, self._clock.now(), known)
        except UnknownSender:
            raise Refused("not-found", f"nobody is configured to report to {request.url.path}") from None
        except Unverified as error:
            self.counts[INSTALLATION, system, "unverified"] += 1
            raise Refused("forbidden", f"{error} ({error.reason})", status=401) from None
        except Unreadable as error:
            self.counts[INSTALLATION, system, "unreadable"] += 1
            _log.warning("a genuine delivery to %s cannot be read; its sender was told why", system)
            raise Refused("invalid", str(error)) from None
        return await self._record(sender, delivery, decided)

    async def _record(self, sender: Sender, delivery: Delivery, decided: Decided) -> dict[str, Any]:
        decisions = []
        for ticket in delivery.tickets:
            decisions.append(await self._desk.route(ticket))
            decided(ticket.tenant, ticket.workflow, decisions[-1])
        receipts = await self._desk.record(list(delivery.events)) if delivery.events else []
        duplicates = sum(receipt.duplicate for receipt in receipts)
        result = (
            "ignored"
            if delivery.empty
            else "duplicate"
            if receipts and duplicates == len(receipts)
            else "recorded"
        )
        self.counts[sender.tenant, sender.name, result] += 1
        return {
            "topic": delivery.topic,
            "result": result,
            "receipts": [receipt._asdict() for receipt in receipts],
            "decisions": [
                {"ticket_id": made.ticket_id, "arm": made.arm, "mode": made.mode} for made in decisions
            ],
        }


class Receives(Protocol):
    """What these routes need of a door."""

    reception: Reception | None
    metrics: Metrics


async def from_zendesk(door: Receives, request: Request, _: Caller) -> Response:
    """One of Zendesk's events, or the body of a trigger."""
    return as_json(await _reception(door).take("zendesk", None, request, door.metrics.decided))


async def from_intercom(door: Receives, request: Request, _: Caller) -> Response:
    """One of Intercom's notifications."""
    return as_json(await _reception(door).take("intercom", None, request, door.metrics.decided))


async def from_anybody(door: Receives, request: Request, _: Caller) -> Response:
    """A body in its sender's own words, read by the mapping of that name."""
    name = request.path_params["name"]
    return as_json(await _reception(door).take("generic", name, request, door.metrics.decided))


def _reception(door: Receives) -> Reception:
    if door.reception is None:
        raise Refused("not-found", _NONE)
    return door.reception
