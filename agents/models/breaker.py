"""A circuit breaker and a bound on calls at a time: what one provider is protected and avoided by."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from time import monotonic
from typing import TypeVar

from agents.models.failure import CircuitOpen, Late, ModelFailure

T = TypeVar("T")


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Opens after failures in a row; after a pause lets one call through, which closes or reopens it.

    The pause doubles each time the trial fails, up to ``longest``. What calls that began before the
    breaker last changed come to is not counted: they tell of the past.
    """

    def __init__(
        self,
        *,
        failures: int = 5,
        pause: float = 5.0,
        longest: float = 60.0,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """``pause`` and ``longest`` in seconds."""
        self._allowed = failures
        self._first_pause = self._pause = pause
        self._longest = longest
        self._timer = timer
        self._failed = 0
        self._opened: float | None = None
        self._era = 0
        self._trying = False

    @property
    def state(self) -> State:
        if self._opened is None:
            return State.CLOSED
        return State.HALF_OPEN if self._timer() - self._opened >= self._pause else State.OPEN

    def enter(self) -> int:
        """Ask to call. Returns the era to report the outcome with.

        Raises:
            CircuitOpen: it is open, or half open and somebody is trying already.

        """
        state = self.state
        if state is State.OPEN or (state is State.HALF_OPEN and self._trying):
            raise CircuitOpen(f"not called: its circuit breaker is {state}")
        self._trying = state is State.HALF_OPEN
        return self._era

    def succeeded(self, era: int) -> None:
        if era == self._era:
            if self._opened is not None:
                self._change(None)
                self._pause = self._first_pause
            self._failed = 0

    def failed(self, era: int) -> None:
        if era != self._era:
            return
        self._failed += 1
        if self._opened is not None:
            self._pause = min(self._pause * 2, self._longest)
        if self._opened is not None or self._failed >= self._allowed:
            self._change(self._timer())

    def left(self, era: int) -> None:
        """The call came to nothing that tells about the provider; a trial may be made again."""
        if era == self._era:
            self._trying = False

    def _change(self, opened: float | None) -> None:
        self._opened, self._failed, self._trying = opened, 0, False
        self._era += 1


class Provider:
    """One provider as all versions of this process share it."""

    def __init__(
        self,
        name: str,
        breaker: Breaker | None = None,
        *,
        most: int = 16,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """``most`` calls at a time; one more waits, within its own deadline."""
        self.name = name
        self._timer = timer
        self.breaker = breaker or Breaker()
        self._slots = asyncio.Semaphore(most)

    async def call(self, send: Callable[[], Awaitable[T]], *, seconds: float) -> T:
        """One request, answered within ``seconds`` including the wait for a free place.

        Raises:
            Late: no place, or no answer, in time. Only the second speaks against the provider.
            ModelFailure: whatever ``send`` raises, or ``CircuitOpen``.

        """
        started = self._timer()
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise Late("no free place in time", billed=False, broken=False) from None
        try:
            return await self._watched(send, seconds - (self._timer() - started))
        finally:
            self._slots.release()

    async def _watched(self, send: Callable[[], Awaitable[T]], seconds: float) -> T:
        era = self.breaker.enter()
        try:
            async with asyncio.timeout(seconds):
                answer = await send()
        except TimeoutError:
            self.breaker.failed(era)
            raise Late("no answer in time") from None
        except ModelFailure as failure:
            (self.breaker.failed if failure.broken else self.breaker.succeeded)(era)
            raise
        except BaseException:
            self.breaker.left(era)
            raise
        self.breaker.succeeded(era)
        return answer
