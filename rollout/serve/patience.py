"""How long and how much the door listens before a request is there: slow and endless senders are cut off.

The server's own limits begin when a request is complete. A sender that trickles a byte a second, or never
ends its headers, would hold memory and a connection for as long as it likes.
"""

from asyncio import TimerHandle, Transport
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rollout.api.problems import problem

HEAD_SECONDS: Final = 10.0
"""For the request line and the headers; also for a connection that says nothing."""
REQUEST_SECONDS: Final = 30.0
"""For the whole request: 2 MiB then take 70 kB a second, slower than any line to a help desk."""
HEAD_BYTES: Final = 64 * 1024
MOST_HEADERS: Final = 100
MOST_CONNECTIONS: Final = 4096
_LOOK_SECONDS: Final = 1.0


class PatientProtocol(HttpToolsProtocol):
    """Answers 408, 431 or 503 and closes, where uvicorn would go on listening."""

    head_seconds = HEAD_SECONDS
    request_seconds = REQUEST_SECONDS
    most_connections = MOST_CONNECTIONS

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._since: float | None = None
        """When the request began that is not complete yet, or the connection that has sent none."""
        self._in_head = True
        self._head_bytes = 0
        self._look: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) > self.most_connections:
            self._end("busy", f"more than {self.most_connections:,} connections are open")
        else:
            self._look = self.loop.call_later(_LOOK_SECONDS, self._looked)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # What came with the end of the headers is body, however large; an end resets the count.
        if self._in_head and self._head_bytes > HEAD_BYTES:
            self._end("headers-too-large", f"a request's headers have at most {HEAD_BYTES:,} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._since, self._in_head = self.loop.time(), True

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        if len(self.headers) > MOST_HEADERS:
            self._end("headers-too-large", f"a request has at most {MOST_HEADERS} headers")
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._since, self._in_head = None, True
        if not self.transport.is_closing():
            super().on_message_complete()

    def _looked(self) -> None:
        if self.transport.is_closing():
            return
        waited = 0.0 if self._since is None else self.loop.time() - self._since
        if waited > (self.head_seconds if self._in_head else self.request_seconds):
            self._end("too-slow", "the request did not arrive in time; send it again")
        else:
            self._look = self.loop.call_later(_LOOK_SECONDS, self._looked)

    def _end(self, code: str, detail: str) -> None:
        """Say why, where nothing was answered yet, and close."""
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            answer = problem(code, detail)
            told = [f"HTTP/1.1 {answer.status_code} {orjson.loads(answer.body)['title']}".encode()]
            told += [name + b": " + value for name, value in answer.raw_headers]
            self.transport.write(b"\r\n".join([*told, b"connection: close", b"", bytes(answer.body)]))
        self.transport.close()
