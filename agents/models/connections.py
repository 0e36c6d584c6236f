"""The one HTTP client that the library takes for all, with connections of its own for every event loop.

The library keeps a client for the whole process. Gateways come and go, in event loops of their own: what
one of them closes must not be what another is calling through.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import httpx

from agents.models.exchange import MOST_BYTES
from agents.models.reading import TooLarge


class Connections(httpx.AsyncClient):
    """Sends requests through the connections of the running event loop. Answers end at ``MOST_BYTES``."""

    def __init__(self) -> None:
        super().__init__()
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self._users: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[Any]] = WeakKeyDictionary()

    async def send(self, request: httpx.Request, **told: Any) -> httpx.Response:
        """As every client does."""
        return await self._here().send(request, **told)

    def join(self, user: object) -> None:
        """Say that somebody calls through the running loop's connections."""
        self._users.setdefault(asyncio.get_running_loop(), WeakSet()).add(user)

    async def leave(self, user: object) -> None:
        """Let go of the running loop's connections, where nobody else calls through them."""
        loop = asyncio.get_running_loop()
        users = self._users.get(loop, WeakSet())
        users.discard(user)
        client = None if users else self._clients.pop(loop, None)
        if client is not None:
            await client.aclose()

    def _here(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = httpx.AsyncClient(
                timeout=None,  # noqa: S113 - the caller's deadline ends it
                event_hooks={"response": [_bound]},
            )
        return self._clients[loop]


async def _bound(response: httpx.Response) -> None:
    response.stream = _Bounded(response.stream)


class _Bounded(httpx.AsyncByteStream):
    """The body of a response, as far as it may go."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._stream:
            read += len(chunk)
            if read > MOST_BYTES:
                raise TooLarge
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
