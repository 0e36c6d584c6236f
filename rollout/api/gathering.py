"""What one turn of the event loop wants recorded, handed to the journal at once.

A thread is woken, and wakes the loop again, once for all requests that came together; for each of them
by itself that would cost more than the decision.
"""

import asyncio
from collections.abc import Sequence

from rollout.record.journal import Answer, Journal, Receipt
from rollout.record.line import Prepared

_Waiter = asyncio.Future[list[Receipt]]


class Gathering:
    """The way from an event loop to the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._calls: list[Sequence[Prepared]] = []
        self._waiters: list[_Waiter] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop that will hand over what is gathered."""

    def record(self, events: Sequence[Prepared]) -> _Waiter:
        """Record events, all or none; done when they are durable.

        The future raises ``ConflictingEvent``, ``QueueFull`` and ``RecordError`` as the journal does.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._calls, self._waiters = [], []
            loop.call_soon(self._hand_over, loop)
        waiter = loop.create_future()
        self._calls.append(events)
        self._waiters.append(waiter)
        return waiter

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        calls, waiters, self._loop = self._calls, self._waiters, None
        try:
            self._journal.offer(calls, lambda answers: loop.call_soon_threadsafe(_wake, waiters, answers))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            _wake(waiters, [error] * len(waiters))


def _wake(waiters: Sequence[_Waiter], answers: Sequence[Answer | Exception]) -> None:
    for waiter, answer in zip(waiters, answers, strict=True):
        if waiter.done():
            continue  # whoever asked has gone; it is recorded all the same
        if isinstance(answer, list):
            waiter.set_result(answer)
        else:
            waiter.set_exception(answer)
