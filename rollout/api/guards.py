"""What every request must hold to before anything else looks at it."""

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollout.api.problems import Refused, problem

LARGEST_BODY: Final = 2 * 1024 * 1024
"""Bytes; a ticket's text is at most 100,000 characters, a batch at most 1,000 outcomes."""
_LOOPBACK: Final = (b"127.0.0.1", b"localhost", b"[::1]", b"testserver")
SIGNED: Final = "/webhooks/"
_READS: Final = frozenset({"GET", "HEAD"})


ROOM: Final = 64 * 1024 * 1024
"""Bytes of all bodies that are held at once."""
SMALL: Final = 64 * 1024
"""Bytes of a body that is taken in whatever else is held."""
_BUSY: Final = "the bodies of the requests under way fill the memory set aside for them; try again"


def is_local(host: bytes) -> bool:
    """Whether a ``Host`` header names this machine."""
    return host.rsplit(b":", 1)[0] in _LOOPBACK or host in _LOOPBACK


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
            host = headers.get(b"host", b"")
            signed = scope["path"].startswith(SIGNED)  # no page of a browser can sign
            if not is_local(host) and not signed and self._one_person():
                named = host.decode("latin-1")
                refusal = problem("misdirected", f"the server answers on this machine only, not as {named!r}")
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
    """Refuse bodies over ``largest`` bytes, announced or not, with 413: at once, or to whoever reads them.

    Bodies of requests that are worked on at the same time hold about ``room`` bytes together: beyond
    that large ones are refused with 503, so that a flood costs no memory. A ticket is small and always
    passes. Nothing is set aside for what is only announced: whoever announces and sends nothing would
    keep everybody else out.
    """

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY, room: int = ROOM) -> None:
        self._app = app
        self._largest = largest
        self._room = room
        self.held = 0
        """Bytes of the bodies that are worked on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READS:
            await self._app(scope, receive, send)
            return
        too_large = f"a body has at most {self._largest:,} bytes; send smaller batches"
        for name, announced in scope["headers"]:
            if name == b"content-length" and not (announced.isdigit() and int(announced) <= self._largest):
                await problem("too-large", too_large)(scope, receive, send)
                return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            came = len(message.get("body", b""))
            taken += came
            self.held += came
            if taken > self._largest:
                raise Refused("too-large", too_large)
            if taken > SMALL and self.held > self._room:
                raise Refused("busy", _BUSY)
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self.held -= taken
