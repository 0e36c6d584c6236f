"""Keeping account of access while the door is open: refusals by the minute, uses of keys."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from rollout.access.admission import Admission
from rollout.clock import Clock
from rollout.errors import RecordError
from rollout.record.journal import Journal
from rollout.records import Event

_FLUSH_SECONDS: Final = 15.0

_log = logging.getLogger(__name__)


class Accounts(Protocol):
    """What is needed of a door."""

    access: Admission
    clock: Clock
    journal: Journal

    def take_note(self, events: Sequence[Event]) -> None: ...


async def keep_accounts(door: Accounts) -> None:
    """Record the refusals of minutes that are over, and keep when keys were last used."""
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        try:
            if events := door.access.refusals.due(door.clock.now()):
                door.take_note(events)
            await asyncio.to_thread(door.access.keys.save_uses)
        except RecordError as error:
            _log.warning("accounts of access could not be kept: %s", error)


def keep_last(door: Accounts) -> None:
    """Record what is counted so far: the server stops."""
    try:
        if events := door.access.refusals.rest(door.clock.now()):
            door.journal.append(events)
        door.access.keys.save_uses()
    except RecordError as error:
        _log.warning("accounts of access could not be kept: %s", error)
