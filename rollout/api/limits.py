"""A body has a size, known before it is read into memory."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollout.api.problems import problem

LARGEST_BODY: Final = 2 * 1024 * 1024
"""Bytes; a ticket's text is at most 100,000 characters, a batch at most 1,000 outcomes."""


class _TooLarge(Exception):
    pass


class BodyLimit:
    """Refuse bodies over ``largest`` bytes, announced or not, with 413."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        for name, value in scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value) > self._largest):
                await self._refuse(scope, receive, send)
                return
        taken = 0
        answered = False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._largest:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, counted, watched)
        except _TooLarge:
            if answered:
                raise
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = problem("too-large", f"a body has at most {self._largest:,} bytes; send smaller batches")
        await response(scope, receive, send)
