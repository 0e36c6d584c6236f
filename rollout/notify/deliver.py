"""The journal followed, message by message: found once, tried until it arrives or is set aside."""

import asyncio
import logging
import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

import httpx
import orjson

from policies.webhooks import Retry
from rollout.clock import Clock, SystemClock
from rollout.notify.notice import KINDS, Notice, events_in, notice
from rollout.notify.slack import slack
from rollout.notify.store import Delivery, Outbox
from rollout.notify.target import Forbidden, post
from rollout.record.content import ContentStore
from rollout.record.reader import JournalReader
from rollout.record.segments import decoded, lines
from rollout.records import Kind, Record
from rollout.webhooks.settings import Target
from rollout.webhooks.signature import HEADER, signed

_MARKS: Final = tuple(f'"{kind}"'.encode() for kind in KINDS)
_BATCH: Final = 20_000
_AT_ONCE: Final = 4
"""Messages to one subscriber on their way at a time."""
_LONGEST_WAIT: Final = 86400.0
_GONE: Final = 410

_log = logging.getLogger(__name__)


class Courier:
    """Finds what is to be told and tells it. One per data folder."""

    def __init__(
        self,
        folder: Path,
        outbox: Outbox,
        content: ContentStore,
        *,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._folder = folder / "journal"
        self._reader = JournalReader(self._folder)
        self._outbox = outbox
        self._content = content
        self._clock = clock or SystemClock()
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, hides nothing

    def collect(self, targets: Sequence[Target]) -> int:
        """Take note of everything that was recorded since; returns how many messages were found."""
        if not targets:
            return 0
        head = self._reader.head().seq
        names = [target.subscription.name for target in targets]
        positions = self._outbox.begin(names, head)
        after = min(positions[name] for name in names)
        count = 0
        while after < head:
            upto = min(head, after + _BATCH)
            found = [
                (target.subscription.name, record.seq, event)
                for record in _told(self._folder, after, upto)
                for target in targets
                if record.seq > positions[target.subscription.name] and _concerns(target, record)
                for event in events_in(record)
                if event in target.subscription.events
            ]
            self._outbox.add(found, names, upto, self._now())
            count += len(found)
            after = upto
        return count

    async def deliver(self, target: Target) -> int:
        """Try what is due for one subscriber; returns how many messages were tried."""
        waiting = self._outbox.due(target.subscription.name, self._now(), _AT_ONCE)
        await asyncio.gather(*(self._try(target, delivery) for delivery in waiting))
        return len(waiting)

    async def _try(self, target: Target, delivery: Delivery) -> None:
        record = next(islice(self._reader.read(delivery.seq - 1, 1), 1), None)
        if record is None:
            self._outbox.failed(delivery, "the record is not in the journal", None, self._now())
            return
        cause, wait, final = await send(
            target, self._notice(delivery.event, record), delivery.id, self._clock.now()
        )
        if cause is None:
            self._outbox.delivered(delivery, self._now())
            return
        retry = target.subscription.retry
        due: float | None = None
        if not final and delivery.attempts + 1 < retry.attempts:
            due = self._now() + max(self.backoff(retry, delivery.attempts), wait or 0.0)
        self._outbox.failed(delivery, cause, due, self._now())
        if due is None:
            _log.warning("%s to %s is set aside: %s", delivery.id, delivery.subscription, cause)

    def backoff(self, retry: Retry, attempts: int) -> float:
        """Seconds before the next try: doubled each time, a random half of it left out."""
        full = min(retry.first.total_seconds() * 2.0**attempts, retry.longest.total_seconds())
        return full * self._chance.uniform(0.5, 1.0)

    def _notice(self, event: str, record: Record) -> Notice:
        subject = None
        if record.kind == Kind.ESCALATION:
            subject = self._content.of_ticket(record.tenant, str(record.payload["ticket_id"]), "subject")
        return notice(event, record, subject)

    def _now(self) -> float:
        return self._clock.now().timestamp()


async def send(
    target: Target, told: Notice, delivery_id: str, now: datetime
) -> tuple[str | None, float | None, bool]:
    """One try: why it failed (None if it did not), how long to wait at least, whether for good."""
    form = target.subscription.format
    body = orjson.dumps(slack(told) if form == "slack" else told.to_json(delivery_id))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "ridealong",
        "Ridealong-Delivery": delivery_id,
        "Ridealong-Event": told.event,
    }
    if target.secrets:
        headers[HEADER] = signed(target.secrets, body, now)
    timeout = target.subscription.retry.timeout.total_seconds()
    private = target.subscription.private
    try:
        answer = await post(target.url, body, headers, seconds=timeout, private=private, now=now)
    except Forbidden as error:
        return str(error), None, True
    except TimeoutError:
        return f"no answer within {timeout:g} s", None, False
    except (OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        # The kind only: messages of errors repeat the address, which may be a secret.
        return f"cannot be reached ({type(error).__name__})", None, False
    if 200 <= answer.status < 300:
        return None, None, True
    told_off = "; redirects are not followed" if 300 <= answer.status < 400 else ""
    wait = None if answer.retry_after is None else min(answer.retry_after, _LONGEST_WAIT)
    return f"HTTP {answer.status}{told_off}", wait, answer.status == _GONE


def _told(folder: Path, after: int, upto: int) -> Iterator[Record]:
    for line in lines(folder, after, upto):
        if any(mark in line.raw for mark in _MARKS):
            yield from (record for record in decoded(line) if record.kind in KINDS)


def _concerns(target: Target, record: Record) -> bool:
    subscription = target.subscription
    wanted = not subscription.workflows or record.workflow in subscription.workflows
    return record.tenant == subscription.tenant and wanted
