"""One signed request to one address: bounded in size, never redirected, never through a proxy."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import httpx

from agents.models.waiting import retry_after
from agents.remote.contract import CONTRACT, MOST_BYTES
from agents.remote.failure import EndpointAway, EndpointRefused, EndpointUnusable
from agents.remote.signature import HEADER, signed

_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_ACCOUNT: Final = frozenset({401, 403, 404, 405})
"""The endpoint as a whole refuses us, not this request."""


class Endpoint:
    """An address with its secret. Connections are kept per event loop."""

    def __init__(
        self,
        url: str,
        secret: bytes | None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        """Without a ``secret`` nothing is signed. ``transport`` replaces the network in tests."""
        self.url = url
        self._secret = secret
        self._now = now
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r}, {'signed' if self._secret else 'unsigned'})"

    async def post(self, body: bytes, turn: str) -> bytes:
        """The body of the answer. Without a deadline of its own: the caller's ends it.

        Raises:
            EndpointAway, EndpointRefused, EndpointUnusable: anything else than an answer of status 200.

        """
        try:
            async with self._bound().stream(
                "POST", self.url, content=body, headers=self.headers(body, turn)
            ) as answer:
                self._accept(answer)
                return await _read(answer)
        except httpx.RemoteProtocolError:
            raise EndpointAway("the connection was cut", billed=None) from None
        except (httpx.TransportError, OSError) as error:
            raise EndpointAway(f"not reached ({type(error).__name__})", billed=False) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EndpointUnusable(f"no HTTP answer ({type(error).__name__})", broken=True) from None

    def headers(self, body: bytes, turn: str) -> Mapping[str, str]:
        """What goes with a body; ``Idempotency-Key`` is the turn, so a repeated request is known for one."""
        told = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # what is not packed cannot unpack to gigabytes
            "User-Agent": "ridealong",
            "Ridealong-Contract": CONTRACT,
            "Idempotency-Key": turn,
        }
        if self._secret is not None:
            told[HEADER] = signed([self._secret], body, self._now())
        return told

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client, self._loop = self._client, None, None
        if client is not None:
            await client.aclose()

    def _bound(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            self._client = httpx.AsyncClient(
                follow_redirects=False,
                trust_env=False,
                timeout=None,  # noqa: S113 - the caller's deadline ends it
                transport=self._transport() if self._transport is not None else None,
            )
        return self._client

    def _accept(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if status == 200:
            return
        if status in _TRANSIENT:
            raise EndpointAway(
                f"status {status}", retry_after=retry_after(answer.headers, self._now()), billed=None
            )
        if 300 <= status < 400:
            refused = EndpointRefused(
                f"status {status}: redirects are not followed; name the final address in the manifest"
            )
            refused.broken = True
            raise refused
        refused = EndpointRefused(f"status {status}, expected 200")
        refused.broken = status in _ACCOUNT
        raise refused


async def _read(answer: httpx.Response) -> bytes:
    read = bytearray()
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise EndpointUnusable("a packed body, though identity was asked for", broken=True)
    async for chunk in answer.aiter_raw():
        read += chunk
        if len(read) > MOST_BYTES:
            raise EndpointUnusable(f"more than {MOST_BYTES // 1024} KiB", broken=True)
    return bytes(read)
