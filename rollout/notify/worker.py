"""The courier's rounds: one task per subscriber, so that a slow one keeps nobody else waiting."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from rollout.errors import RidealongError
from rollout.notify.deliver import Courier
from rollout.notify.store import Outbox
from rollout.webhooks.settings import Settings, Target

_PRUNE_ROUNDS: Final = 7200

_log = logging.getLogger(__name__)


class Rounds:
    """Follows the journal and tells subscribers until stopped."""

    def __init__(self, courier: Courier, outbox: Outbox, settings: Settings, *, poll: float) -> None:
        self._courier = courier
        self._outbox = outbox
        self._settings = settings
        self._poll = poll
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self, stopped: asyncio.Event, now: Callable[[], float]) -> None:
        """Go round until ``stopped``; what is on its way then is tried again at the next start."""
        rounds = 0
        while not stopped.is_set():
            targets = self._targets()
            try:
                await asyncio.to_thread(self._courier.collect, targets)
                if rounds % _PRUNE_ROUNDS == 0:
                    self._outbox.prune(now())
            except RidealongError as error:
                _log.warning("%s; the next round tries again", error)
            rounds += 1
            for target in targets:
                self._visit(target)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), self._poll)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _targets(self) -> Sequence[Target]:
        known = self._settings.current()
        return known.out if known is not None else ()

    def _visit(self, target: Target) -> None:
        name = target.subscription.name
        task = self._tasks.get(name)
        if task is None or task.done():
            self._tasks[name] = asyncio.create_task(self._empty(target))

    async def _empty(self, target: Target) -> None:
        """Deliver until nothing is due."""
        try:
            while await self._courier.deliver(target):
                pass
        except RidealongError as error:
            _log.warning("%s; the next round tries again", error)
