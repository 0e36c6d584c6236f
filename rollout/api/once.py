"""``Idempotency-Key``: the same key, the same answer; another body under it is refused.

Most doors are safe to repeat by the ids in their bodies. The header makes it so for all of them, and
makes the answer the first one to the letter. What is kept of an answer depends on the door:

* where asking again gives the same answer by itself (``_ASKED_AGAIN``), only what was asked: the answer
  may hold a customer's words, which live in the erasable store and nowhere else;
* an answer that may not be stored (a new access key) is never given twice;
* of anything else, status and body.

Not kept: what was never begun (400, 413, 415, 422), what nobody was let in for (401, 403, 429) and what
could not be done (5xx). Repeating these tries again.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from rollout.api.kept_answers import Kept, KeptAnswers
from rollout.api.problems import Refused, answer_to
from rollout.clock import Clock
from rollout.errors import AccessError, RidealongError

HEADER: Final = "idempotency-key"
REPLAYED: Final = {"Idempotent-Replayed": "true"}
LONGEST_KEY: Final = 200
_ASKED_AGAIN: Final = ("/v1/route", "/v1/tickets", "/v1/conversations/")
_SAFE: Final = (*_ASKED_AGAIN, "/v1/outcomes", "/v1/reviews", "/v1/queue/")
"""Beginnings of paths whose doing is idempotent by the body's own ids, so that it may be done again
when the server stopped in the middle."""
_TAKE_AWAY: Final = ("/pause", "/abort")
"""Ends of paths that give an agent nothing, however often: no doubt about a key holds them up."""
_NOT_KEPT: Final = frozenset({400, 401, 403, 413, 415, 422, 429})
_WAIT_SECONDS: Final = 10.0

Run = Callable[[], Awaitable[Response]]
Told = TypeVar("Told")


@dataclass(slots=True)
class _Running:
    digest: bytes
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Once:
    """Answers requests that carry a key, each key once."""

    def __init__(self, path: Path, clock: Clock, kept: KeptAnswers | None = None) -> None:
        self._kept = kept or KeptAnswers(path, clock=clock)
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "idempotency")
        """One, for the file has one user at a time: while it is looked through or mended, those who wait
        for it must not take the threads that routing needs."""
        self._thread.submit(self._kept.look)
        self._running: dict[tuple[str, str], _Running] = {}

    async def answer(self, request: Request, tenant: str, run: Run) -> Response:
        """What ``run`` answers, or what it answered when this key was first used.

        Raises:
            Refused: the key is none, was used for another request, or its first use goes on.
            QueueFull: more keys are used than can be kept.
            RecordError: the answer cannot be kept; nothing is acknowledged.

        """
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST":
            return await run()
        if not key.isascii() or not key.isprintable() or not 1 <= len(key.strip()) <= LONGEST_KEY:
            raise Refused("invalid", f"Idempotency-Key: 1 to {LONGEST_KEY} printable ASCII characters")
        digest = _digest(request, await request.body())
        slot = (tenant, key)
        while running := self._running.get(slot):
            await _other(running, digest)
        running = self._running[slot] = _Running(digest)
        try:
            return await self._first_or_again(request.url.path, slot, digest, run)
        finally:
            del self._running[slot]
            running.done.set()

    def close(self) -> None:
        self._thread.shutdown()
        self._kept.close()

    async def _ask(self, question: Callable[..., Told], *of: object) -> Told:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question, *of)

    async def _first_or_again(self, path: str, slot: tuple[str, str], digest: bytes, run: Run) -> Response:
        known = await self._ask(self._kept.find, *slot)
        if known is not None:
            return await self._again(path, slot, known, digest, run)
        if not path.startswith(_SAFE):
            if not path.endswith(_TAKE_AWAY) and await self._ask(self._kept.forgot_some):
                raise Refused(
                    "in-doubt",
                    "the file of idempotency keys was damaged within a day, and this key may be among those "
                    "that were lost: look whether the request was done, and where it was not send it without "
                    "an Idempotency-Key",
                )
            await self._keep(slot, Kept(digest, None, None, None))
        return await self._done(path, slot, digest, run)

    async def _again(
        self, path: str, slot: tuple[str, str], known: Kept, digest: bytes, run: Run
    ) -> Response:
        if known.digest != digest:
            raise _reused()
        if known.status is None and not path.startswith(_SAFE):
            raise Refused(
                "in-doubt",
                "the first request with this Idempotency-Key was begun, and nobody knows whether it was "
                "done: look, and where it was not send it with a new key",
            )
        if known.body is not None and known.status is not None:
            return Response(known.body, known.status, REPLAYED, known.media_type)
        if path.startswith(_ASKED_AGAIN) or known.status is None:
            response = await self._done(path, slot, digest, run)
            response.headers.update(REPLAYED)
            return response
        raise Refused(
            "in-doubt",
            "this was done with the same Idempotency-Key, and its answer was shown once and is not kept",
        )

    async def _done(self, path: str, slot: tuple[str, str], digest: bytes, run: Run) -> Response:
        try:
            response = await _answered(run)
        except (Refused, RidealongError, ValidationError) as error:
            if not (isinstance(error, Refused) and error.code == "unavailable"):  # that may have been done
                await self._ask(self._kept.forget, *slot)
            raise
        if _is_not_kept(response):
            await self._ask(self._kept.forget, *slot)
            return response
        secret = response.headers.get("cache-control") == "no-store"
        body = None if secret or path.startswith(_ASKED_AGAIN) else bytes(response.body)
        await self._keep(slot, Kept(digest, response.status_code, response.headers.get("content-type"), body))
        return response

    async def _keep(self, slot: tuple[str, str], kept: Kept) -> None:
        await self._ask(self._kept.keep, *slot, kept, self._clock.now())


async def _answered(run: Run) -> Response:
    """The answer, a refusal by the door's own rules included; what admission refuses is raised."""
    try:
        return await run()
    except AccessError:
        raise
    except (Refused, RidealongError, ValidationError) as error:
        response = answer_to(error)
        if _is_not_kept(response):
            raise
        return response


def _is_not_kept(response: Response) -> bool:
    return response.status_code in _NOT_KEPT or response.status_code >= 500


async def _other(running: _Running, digest: bytes) -> None:
    """Wait for the request that uses the key now."""
    if running.digest != digest:
        raise _reused()
    try:
        await asyncio.wait_for(running.done.wait(), _WAIT_SECONDS)
    except TimeoutError:
        raise Refused("in-progress", "the first request with this key is still being answered") from None


def _reused() -> Refused:
    return Refused(
        "key-reused", "this Idempotency-Key was used for another request; give every request its own"
    )


def _digest(request: Request, body: bytes) -> bytes:
    told = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(told + body).digest()
