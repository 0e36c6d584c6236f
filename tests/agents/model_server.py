"""A provider of our own on a real socket: speaks the OpenAI protocol, and misbehaves as it is told.

Every way is one a provider or something before it has: what litellm and httpx make of it is part of
what is tested, so nothing here is mocked.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

MODEL = "steady-2025-06-01"
GOOD = {
    "action": "reply",
    "reply": "Open the sign in page and choose Forgot password. Enter your address and press Send.",
    "sources": ["reset-password"],
    "confidence": 0.93,
}
PACE = 0.05
"""Seconds between the bytes of what trickles."""


@dataclass
class Wants:
    """What is said where the model calls tools: name and arguments, the latter as text or as JSON values."""

    calls: list[tuple[str, Any]]
    finish: str = "tool_calls"

    def message(self) -> dict[str, Any]:
        told = [
            {
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": name, "arguments": text if isinstance(text, str) else json.dumps(text)},
            }
            for number, (name, text) in enumerate(self.calls)
        ]
        return {"role": "assistant", "content": None, "tool_calls": told}


def results(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What came of the calls so far, as a model is told with a request."""
    return [json.loads(one["content"]) for one in body["messages"] if one["role"] == "tool"]


@dataclass
class ModelServer:
    """Answers on ``url``. ``mode`` is how; ``said`` is what a good answer holds, by role or for all."""

    mode: str = "good"
    then: str | None = None
    """The mode after the next request."""
    said: Any = field(default_factory=lambda: GOOD)
    model: str = MODEL
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of all requests."""
    keys: list[str] = field(default_factory=list)
    retry_after: str = "0.05"
    usage: dict[str, int] | None = field(
        default_factory=lambda: {"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140}
    )
    url: str = ""
    stop: Callable[[], None] = lambda: None
    """Ends it: from then on nobody is there to be connected to."""

    def reset(self) -> None:
        """Behave well and forget."""
        fresh = ModelServer(url=self.url)
        for name in ("mode", "then", "said", "model", "asked", "keys", "retry_after", "usage"):
            setattr(self, name, getattr(fresh, name))


@contextmanager
def running() -> Iterator[ModelServer]:
    """A server on a free port of the loopback interface, until the block ends."""
    server, stopping = ModelServer(), threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    threads: list[threading.Thread] = []

    def accept() -> None:
        while not stopping.is_set():
            with suppress(TimeoutError):
                connection, _ = listener.accept()
                connection.settimeout(5)
                thread = threading.Thread(target=serve, args=(server, connection, stopping))
                threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=accept)
    accepting.start()

    def stop() -> None:
        stopping.set()
        accepting.join()
        for thread in threads:
            thread.join()
        listener.close()

    server.stop = stop
    try:
        yield server
    finally:
        stop()


def serve(server: ModelServer, connection: socket.socket, stopping: threading.Event) -> None:
    with connection, suppress(OSError), connection.makefile("rb") as reader:
        head = b"".join(iter(reader.readline, b"\r\n")).decode("latin-1")
        headers = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        body = json.loads(reader.read(int(headers["content-length"])))
        server.asked.append(body)
        server.keys.append(head)
        mode, server.mode = server.mode, server.then or server.mode
        MODES[mode](Exchange(server, connection, stopping, body))


@dataclass
class Exchange:
    server: ModelServer
    connection: socket.socket
    stopping: threading.Event
    body: dict[str, Any]

    def content(self) -> str:
        said = self.said()
        return said if isinstance(said, str) else json.dumps(said)

    def said(self) -> Any:
        said = self.server.said
        return said(self.body) if callable(said) else said

    def completion(self, content: str | None = None, **changes: Any) -> bytes:
        said = self.said() if content is None else content
        finish = said.finish if isinstance(said, Wants) else "stop"
        if isinstance(said, Wants):
            message = said.message()
        else:
            message = {"role": "assistant", "content": said if isinstance(said, str) else json.dumps(said)}
        answer = {
            "id": "c-1",
            "object": "chat.completion",
            "created": 1,
            "model": self.server.model,
            "choices": [{"index": 0, "finish_reason": finish, "message": message}],
            "usage": self.server.usage,
            **changes,
        }
        return json.dumps({key: value for key, value in answer.items() if value is not None}).encode()

    def send(self, body: bytes, status: str = "200 OK", extra: str = "") -> None:
        self.connection.sendall(self.head(len(body), status, extra) + body)

    def head(self, length: int, status: str = "200 OK", extra: str = "") -> bytes:
        return (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
            f"Connection: close\r\n{extra}\r\n"
        ).encode()

    def trickle(self, data: bytes) -> None:
        for at in range(len(data)):
            if self.stopping.is_set():
                return
            self.connection.sendall(data[at : at + 1])
            sleep(PACE)

    def silence(self, seconds: float = 60.0) -> None:
        """Until the caller hangs up, or for so long."""
        ends = monotonic() + seconds
        self.connection.settimeout(0.1)
        while monotonic() < ends and not self.stopping.is_set():
            with suppress(TimeoutError):
                if not self.connection.recv(1):
                    return


def _error(exchange: Exchange, status: str, extra: str = "") -> None:
    # As providers do: the message repeats the key and what was asked.
    key = exchange.server.keys[-1].split("Bearer ")[-1].split("\r\n")[0]
    told = f"failed for {key}: {exchange.body['messages'][-1]['content']}"
    exchange.send(json.dumps({"error": {"message": told, "type": "server_error"}}).encode(), status, extra)


def _cut(exchange: Exchange) -> None:
    whole = exchange.completion()
    exchange.connection.sendall(exchange.head(len(whole)) + whole[: len(whole) // 2])


def _trickled_body(exchange: Exchange) -> None:
    whole = exchange.completion()
    exchange.connection.sendall(exchange.head(len(whole)))
    exchange.trickle(whole)


MODES: dict[str, Callable[[Exchange], None]] = {
    "good": lambda exchange: exchange.send(exchange.completion()),
    "silence": lambda exchange: exchange.silence(),
    "trickled headers": lambda exchange: exchange.trickle(exchange.head(10)),
    "trickled body": _trickled_body,
    "429 with Retry-After": lambda exchange: _error(
        exchange, "429 Too Many Requests", f"Retry-After: {exchange.server.retry_after}\r\n"
    ),
    "500": lambda exchange: _error(exchange, "500 Internal Server Error"),
    "401": lambda exchange: _error(exchange, "401 Unauthorized"),
    "garbage JSON": lambda exchange: exchange.send(b'{"choices": [{"mess<html>'),
    "empty choices": lambda exchange: exchange.send(exchange.completion(choices=[])),
    "NaN confidence": lambda exchange: exchange.send(
        exchange.completion(json.dumps({**GOOD, "confidence": float("nan")}))
    ),
    "5 MB output": lambda exchange: exchange.send(exchange.completion("x" * 5_000_000)),
    "cut stream": _cut,
    "wrong language": lambda exchange: exchange.send(
        exchange.completion(
            json.dumps({**GOOD, "reply": "Öffnen Sie die Seite und wählen Sie dort das neue Passwort aus."})
        )
    ),
    "prose": lambda exchange: exchange.send(exchange.completion("Sure! Here is what you can do.")),
    "cut off": lambda exchange: exchange.send(
        exchange.completion(
            choices=[
                {
                    "index": 0,
                    "finish_reason": "length",
                    "message": {"role": "assistant", "content": exchange.content()},
                }
            ]
        )
    ),
}

BAD: tuple[tuple[str, str], ...] = (
    ("silence", "model-deadline"),
    ("trickled headers", "model-deadline"),
    ("trickled body", "model-deadline"),
    ("429 with Retry-After", "model-unavailable"),
    ("500", "model-unavailable"),
    ("garbage JSON", "unusable-model-output"),
    ("empty choices", "unusable-model-output"),
    ("NaN confidence", "unusable-model-output"),
    ("5 MB output", "unusable-model-output"),
    ("cut stream", "model-unavailable"),
    ("wrong language", "wrong-language"),
)
"""The ways to misbehave, with the reason that a ticket is handed off with."""
