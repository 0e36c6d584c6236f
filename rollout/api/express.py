"""The short way of ``POST /v1/route``, which is asked once per ticket.

Observing, guarding, admitting and parsing in layers costs more than deciding and recording do. Nearly all
requests of this route come alike: small, whole, in one piece, in order. They are answered here, in one
frame, with the same questions asked. Whatever is not like that, or not in order, goes the general way from
its beginning, which alone refuses: so there is one place that says no, and asking twice is harmless
because a ticket's decision is.
"""

import re
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollout.access.admission import Admission
from rollout.access.principal import Method, Principal
from rollout.access.roles import rule_of
from rollout.api.guards import SMALL, BodyLimit, is_local
from rollout.api.routing import PATH, Asked, Routes, decide, parse

ROUTE: Final = f"POST {PATH}"
_OTHERWISE: Final = frozenset(
    {b"idempotency-key", b"content-encoding", b"transfer-encoding", b"expect", b"upgrade"}
)
"""Headers that ask for more than this way gives."""
_JSON: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})
_NAMES: Final = re.compile(rb'"\s*:')
"""At least once for every name in a body of JSON; also where a text holds such a thing."""


class Admits(Routes, Protocol):
    """What this way needs of a door."""

    access: Admission


class Express:
    """Answers what comes as nearly everything does; hands on the rest."""

    def __init__(self, general: ASGIApp, door: Admits, limit: BodyLimit) -> None:
        """Set the way up.

        Args:
            general: the door with all its layers.
            door: decides, records, and knows who may.
            limit: counts the bodies that are held; those held here too.

        """
        self._general = general
        self._door = door
        self._limit = limit
        self._rule = rule_of("POST", PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or (who := self._who(scope)) is None:
            await self._general(scope, receive, send)
            return
        began = perf_counter()
        message = await receive()
        body = message.get("body", b"")
        answer = None
        if message["type"] == "http.request" and not message.get("more_body") and len(body) <= SMALL:
            self._limit.held += len(body)
            try:
                answer = await self._answered(who, body)
            finally:
                self._limit.held -= len(body)
        if answer is None:
            await self._general(scope, _again(message, receive), send)
            return
        headers = [(b"content-length", b"%d" % len(answer)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        self._door.metrics.seen.note(ROUTE, 200, perf_counter() - began)

    def _who(self, scope: Scope) -> Principal | None:
        """Who asks, where the request's head is as nearly all are; else None."""
        headers = dict(scope["headers"])
        if (
            scope["method"] != "POST"
            or scope["query_string"]
            or len(headers) != len(scope["headers"])
            or headers.get(b"content-type") not in _JSON
            or not _OTHERWISE.isdisjoint(headers)
        ):
            return None
        access = self._door.access
        if access.one_person and not is_local(headers.get(b"host", b"")):
            return None
        return access.known(headers.get(b"authorization"))

    async def _answered(self, who: Principal, body: bytes) -> bytes | None:
        """The answer; None where the general way has to find out what is wrong."""
        access = self._door.access
        try:
            asked = parse(body)
            if not _is_unambiguous(asked, body):
                return None
            if who.method is Method.LOCAL:
                return await decide(self._door, access.tenant(who, None), asked)
            access.permit(who, self._rule)
            tenant = access.tenant(who, None)
            with access.inside(who, tenant):
                return await decide(self._door, tenant, asked)
        except Exception:  # noqa: BLE001 - the general way meets it again, says no and keeps a trace of it
            return None


def _is_unambiguous(asked: Asked, body: bytes) -> bool:
    """Whether no name stands twice in an object: each was taken as a field of its own.

    Fields are texts, so a ticket has no objects within; a text that looks like a name makes the general
    way look.
    """
    return len(_NAMES.findall(body)) == sum(len(ticket.model_fields_set) for ticket in asked.tickets)


def _again(message: Message, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """``receive``, with a message that was taken from it first."""
    taken = [message]

    async def again() -> Message:
        return taken.pop() if taken else await receive()

    return again
