"""Requests made to hurt: every body on every POST route, and senders that never come to an end.

Every answer is a refusal in problem details with a status of 4xx; none is a 5xx, none takes anything in.
"""

import asyncio
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import uvicorn

from drills.house import House, opened, patched, playbook, ticket
from drills.result import Fault, Findings, Result, Say, silent
from rollout.api import admit, guards
from rollout.serve.patience import PatientProtocol

_LARGEST: Final = "five megabytes"
JSON: Final = {"content-type": "application/json"}
_TICKET: Final = json.dumps(ticket("hostile"))


def _with(name: str, raw: str) -> bytes:
    """A good ticket with one more pair, in the words of the sender."""
    return (_TICKET[:-1] + f', "{name}": {raw}}}').encode()


def bodies() -> dict[str, bytes]:
    """Bodies by what is wrong with them."""
    nested = 200_000
    return {
        "nested lists": b"[" * nested + b"]" * nested,
        "nested lists without an end": b"[" * nested,
        "nested objects": b'{"a":' * nested + b"1" + b"}" * nested,
        "nested just over the limit": b"[" * 33 + b"]" * 33,
        "a number of 5,000 digits": _with("urgency", "9" * 5_000),
        "a number of a million digits": _with("urgency", "9" * 1_000_000),
        "1e999": _with("urgency", "1e999"),
        "NaN": _with("urgency", "NaN"),
        "Infinity": _with("urgency", "-Infinity"),
        "a name twice": _with("workflow", '"other"'),
        "a name twice, inside": b'{"outcomes": [{"a": 1, "a": 2}]}',
        "half a surrogate": _with("subject", r'"\ud800"'),
        "half a surrogate in raw bytes": _with("subject", "?").replace(b"?", b'"\xed\xa0\x80"'),
        "not UTF-8": b'{"ticket_id": "\xff\xfe"}',
        "NUL in a name": _with("category", r'"a\u0000b"'),
        "a raw NUL": b'{"ticket_id": "\x00"}',
        "a byte order mark": b"\xef\xbb\xbf" + _TICKET.encode(),
        "nothing but spaces": b" " * 10_000,
        "a bare number": b"7",
        "a bare string": b'"ticket"',
        "null": b"null",
        "a million empty lists": b"[" + b"[]," * 600_000 + b"[]]",
        "a year before all years": _with("x", "1").replace(
            b"2026-09-01T12:00:00+00:00", b"0001-01-01T00:00:00+14:00"
        ),
        "a year after all years": _with("x", "1").replace(
            b"2026-09-01T12:00:00+00:00", b"9999-12-31T23:59:59-14:00"
        ),
        _LARGEST: b'{"text": "' + b"x" * 5_000_000 + b'"}',
    }


def routes(house: House) -> list[str]:
    """Every POST route there is, with names filled in."""
    found = [
        route.path for route in house.app.router.routes if "POST" in (getattr(route, "methods", None) or ())
    ]
    names = {
        "{workflow}": "tier1-support",
        "{incident_id}": "inc-1",
        "{key_id}": "k",
        "{key}": "tier1-support",
    }
    names |= {"{name}": "desk", "{ticket_id}": "t-1"}
    filled = []
    for path in sorted(set(found)):
        for action in ("pause", "close") if "{action}" in path else ("",):
            made = path.replace("{action}", action)
            for hole, name in names.items():
                made = made.replace(hole, name)
            filled.append(made)
    return filled


async def _bodies(house: House, seen: Findings, only: str | None) -> int:
    asked = 0
    before = house.folder.head().seq
    async with house.http() as http:
        for path in routes(house) if only is None else [only]:
            for what, body in bodies().items():
                answer = await http.post(path, content=body, headers=JSON)
                asked += 1
                wanted = {413} if what == _LARGEST else range(400, 500)
                seen.check(answer.status_code in wanted, f"{path}: {what}: {answer.status_code}")
                seen.check(_is_problem(path, answer), f"{path}: {what}: no problem details")
        for encoding in ("gzip", "deflate", "br", "gzip, gzip"):
            bomb = gzip.compress(b"[" * 50_000_000, 9)[:60_000]
            answer = await http.post("/v1/route", content=bomb, headers=JSON | {"content-encoding": encoding})
            asked += 1
            seen.check(answer.status_code == 415, f"content-encoding {encoding}: {answer.status_code}")
    kinds = {record.kind for record in house.folder.read(before)}
    seen.check(kinds <= {"access"}, f"something was recorded: {kinds}")
    return asked


def _is_problem(path: str, answer: httpx.Response) -> bool:
    """Whether it says why: as problem details, or in the words that OFREP has for it."""
    if path.startswith("/ofrep/") and answer.headers["content-type"] == "application/json":
        return "errorCode" in answer.json()
    return answer.headers["content-type"] == "application/problem+json"


def hostile_bodies(say: Say = silent, only: str | None = None) -> Result:
    """Send every hostile body to every POST route, or to ``only`` one."""
    seen = Findings()
    with TemporaryDirectory() as folder, opened(Path(folder)) as house:
        house.start(playbook())
        asked = asyncio.run(_bodies(house, seen, only))
        many = len(routes(house)) if only is None else 1
    say(f"{asked} requests, {seen.broken} violations")
    words = "Hostile bodies are refused with a problem, never with a 5xx, and nothing is taken in"
    return seen.result(
        "bodies", words, f"{len(bodies())} kinds of bodies on {many} routes, packed ones", asked
    )


class Quick(PatientProtocol):
    """As in the product, with less patience, so that a drill takes seconds."""

    head_seconds = 0.5
    request_seconds = 1.0
    most_connections = 40


@contextmanager
def listening(house: House, protocol: Any = Quick) -> Iterator[int]:
    """The door on a free loopback port, with the product's protocol; yields the port."""
    door = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(house.app, http=protocol, lifespan="off", log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield door.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        door.close()


def _trickle(port: int, pieces: Iterator[bytes], seconds: float) -> bytes:
    """Send piece after piece until the other side ends it or the time is up; what it answered."""
    until = time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port), timeout=0.05) as line:
        while time.monotonic() < until:
            try:
                line.sendall(next(pieces, b""))
                answer = line.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return b"closed"
            return answer or b"closed"
    return b"still listening"


def _slow_body() -> Iterator[bytes]:
    yield b"POST /v1/route HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    yield b"content-length: 900\r\n\r\n{"
    while True:
        yield b" "


def _slow_head() -> Iterator[bytes]:
    yield b"POST /v1/route HTTP/1.1\r\nhost: localhost\r\n"
    while True:
        yield b"x"


def _endless(first: bytes, each: bytes) -> Iterator[bytes]:
    yield b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n" + first
    while True:
        yield each * (100_000 // len(each))  # more than is allowed, at once: its size ends it, not the time


SENDERS: Final = {
    "a body a byte at a time": (_slow_body, b"408"),
    "headers a byte at a time": (_slow_head, b"408"),
    "nothing at all": (lambda: iter(()), b"408"),
    "headers without an end": (lambda: _endless(b"", b"x-a: b\r\n"), b"431"),
    "one header without an end": (lambda: _endless(b"x-a: ", b"b" * 100), b"431"),
    "an address without an end": (lambda: iter([b"GET /" + b"a" * 100_000]), b"431"),
}


def hostile_senders(say: Say = silent, rounds: int = 1) -> Result:
    """Be slow and endless; tickets of others are decided meanwhile."""
    seen = Findings()
    with TemporaryDirectory() as folder, opened(Path(folder)) as house:
        house.start(playbook())
        with listening(house, Quick) as port:
            for _ in range(rounds):
                for what, (pieces, status) in SENDERS.items():
                    told = _trickle(port, pieces(), 6)
                    seen.check(status in told.split(b"\r\n")[0], f"{what}: {told[:60]!r}")
            _crowd(port, seen)
    say(f"{len(SENDERS)} kinds of senders, {seen.broken} violations")
    words = "Slow and endless senders are cut off with 408 or 431, a crowd of them with 503; others go on"
    return seen.result("senders", words, ", ".join(SENDERS), rounds * len(SENDERS))


def _crowd(port: int, seen: Findings) -> None:
    """More idle connections than may be: the next is told so, and when they are cut off it goes on."""
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(Quick.most_connections)]
    told = _trickle(port, iter(()), 2)
    seen.check(b"503" in told and b"retry-after" in told.lower(), f"in the crowd: {told[:60]!r}")
    time.sleep(2.2)
    asked = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    told = _trickle(port, iter([asked]), 5)
    seen.check(b" 200 " in told, f"after the crowd: {told[:60]!r}")
    for line in idle:
        line.close()


FAULTS: Final[dict[str, Fault]] = {
    "no look at the body before it is parsed": lambda: patched(admit, "require_sound", lambda _: None),
    "bodies of any size": lambda: patched(guards.BodyLimit.__init__, "__defaults__", (1 << 40, 1 << 40)),
}
SENDER_FAULTS: Final[dict[str, Fault]] = {
    "a server that waits for ever": lambda: patched(Quick, "_looked", lambda _: None),
}
