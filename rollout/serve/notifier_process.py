"""The notifier as a process: follows the journal, tells subscribers. Nobody waits for it."""

import asyncio
import logging
import signal
import sys

from rollout.clock import SystemClock
from rollout.errors import RidealongError
from rollout.notify.deliver import Courier
from rollout.notify.store import FILE, Outbox
from rollout.notify.worker import Rounds
from rollout.observe import logs
from rollout.record.content import ContentStore
from rollout.serve.lifeline import stop_with_parent
from rollout.serve.settings import RunSettings
from rollout.webhooks.settings import Settings, settings_file


async def run(settings: RunSettings) -> None:
    """Go round until told to stop."""
    stopped, clock = asyncio.Event(), SystemClock()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    with (
        Outbox(settings.folder / FILE) as outbox,
        ContentStore(settings.folder / "content.sqlite") as content,
    ):
        courier = Courier(settings.folder, outbox, content, clock=clock)
        known = Settings(settings_file(settings.folder))
        rounds = Rounds(courier, outbox, known, poll=settings.poll_seconds)
        await rounds.run(stopped, lambda: clock.now().timestamp())


def main() -> int:
    logs.set_up("notifier")
    logging.getLogger("httpx").setLevel(logging.ERROR)  # its messages show addresses, which may be secrets
    settings = RunSettings.from_environment()
    stop_with_parent()
    try:
        asyncio.run(run(settings))
    except RidealongError as error:
        logs.tell("notifier", str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
