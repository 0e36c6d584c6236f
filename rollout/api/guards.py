"""What every request must hold to before anything else looks at it."""

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollout.api.problems import problem

LARGEST_BODY: Final = 2 * 1024 * 1024
"""Bytes; a ticket's text is at most 100,000 characters, a batch at most 1,000 outcomes."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]", "testserver")
SIGNED: Final = "/webhooks/"
_READS: Final = frozenset({"GET", "HEAD"})


ROOM: Final = 64 * 1024 * 1024
"""Bytes of all bodies that are held at once."""
SMALL: Final = 64 * 1024
"""Bytes of a body that is taken in whatever else is held."""
_BUSY: Final = problem(
    "busy", "the bodies of the requests under way fill the memory set aside for them; try again"
)


class _TooLarge(Exception):
    pass


class _NoRoom(Exception):
    pass


class LocalOnly:
    """Without keys, loopback is the only lock: keep web pages in the user's browser out.

    A page anywhere may send a "simple" POST to 127.0.0.1, or point its own name at it. JSON needs a
    preflight that is never granted, and a foreign host name is refused. With keys any host name will
    do: no page knows one, and no browser adds it by itself.
    """

    def __init__(self, app: ASGIApp, one_person: Callable[[], bool]) -> None:
        self._app = app
        self._one_person = one_person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            host = headers.get(b"host", b"").decode("latin-1")
            here = host.rsplit(":", 1)[0] in _LOOPBACK or host in _LOOPBACK
            signed = scope["path"].startswith(SIGNED)  # no page of a browser can sign
            if not here and not signed and self._one_person():
                refusal = problem("misdirected", f"the server answers on this machine only, not as {host!r}")
                await refusal(scope, receive, send)
                return
            kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
            if scope["method"] not in _READS and kind != b"application/json":
                refusal = problem("unsupported-media-type", "send the body as Content-Type: application/json")
                await refusal(scope, receive, send)
                return
            packed = headers.get(b"content-encoding", b"identity").strip().lower()
            if packed != b"identity":
                refusal = problem(
                    "unsupported-media-type", "send the body as it is, without a Content-Encoding"
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuse bodies over ``largest`` bytes, announced or not, with 413.

    Bodies of requests that are worked on at the same time hold about ``room`` bytes together: beyond
    that large ones are refused with 503, so that a flood costs no memory. A ticket is small and always
    passes. Nothing is set aside for what is only announced: whoever announces and sends nothing would
    keep everybody else out.
    """

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY, room: int = ROOM) -> None:
        self._app = app
        self._largest = largest
        self._room = room
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READS:
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._largest:
            await self._refuse(scope, receive, send)
            return
        taken = 0
        answered = False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            came = len(message.get("body", b""))
            taken += came
            self._held += came
            if taken > self._largest:
                raise _TooLarge
            if taken > SMALL and self._held > self._room:
                raise _NoRoom
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, counted, watched)
        except (_TooLarge, _NoRoom) as error:
            if answered:
                raise
            if isinstance(error, _NoRoom):
                await _BUSY(scope, receive, send)
            else:
                await self._refuse(scope, receive, send)
        finally:
            self._held -= taken

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = problem("too-large", f"a body has at most {self._largest:,} bytes; send smaller batches")
        await response(scope, receive, send)
