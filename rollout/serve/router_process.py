"""The router as a process: owns the journal, decides, records. Started by the supervisor."""

import logging
import socket
import sys
from typing import Final

import uvicorn

from rollout.api.desk import Desk
from rollout.api.door import Door, create_app
from rollout.api.forward import Analyst
from rollout.api.standings import Standings, decisive
from rollout.errors import RidealongError
from rollout.record.folder import DataFolder
from rollout.router import Router
from rollout.serve.lifeline import stop_with_parent
from rollout.serve.settings import RunSettings
from rollout.serve.supervisor import USAGE_EXIT

_DRAIN_SECONDS: Final = 5


def run(settings: RunSettings) -> None:
    """Serve until told to stop; what was acknowledged is on disk.

    Raises:
        FolderInUse: another process owns the folder.
        JournalCorrupt: acknowledged records are damaged or missing.

    """
    with DataFolder.open(settings.folder, holder="serve", url=settings.url, parts=("journal",)) as folder:
        router = Router(folder.journal, folder.content)
        standings = Standings(folder.journal, router)
        standings.learn(decisive(settings.folder / "journal"))
        door = Door(
            journal=folder.journal,
            desk=Desk(router, folder.journal),
            standings=standings,
            analyst=Analyst(settings.analyst_socket),
            token=settings.token,
        )
        config = uvicorn.Config(
            create_app(door),
            http="httptools",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            server_header=False,
        )
        uvicorn.Server(config).run([socket.socket(fileno=settings.door_fd)])


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s router %(levelname)s %(message)s")
    settings = RunSettings.from_environment()
    stop_with_parent()
    try:
        run(settings)
    except RidealongError as error:
        sys.stderr.write(f"ridealong: {error}\n")
        return USAGE_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main())
