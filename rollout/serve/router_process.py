"""The router as a process: owns the journal, decides, records. Started by the supervisor."""

import socket
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from rollout.access import sign_in
from rollout.access.admission import Admission
from rollout.access.key_desk import KeyDesk
from rollout.access.sign_in import SignInSettings
from rollout.api.agent_host import connect
from rollout.api.desk import Desk
from rollout.api.door import Door, create_app
from rollout.api.forward import Analyst
from rollout.api.standings import Standings, decisive
from rollout.api.webhooks import Reception
from rollout.clock import SystemClock
from rollout.errors import RidealongError
from rollout.observe import logs
from rollout.observe.access_log import access_log
from rollout.observe.agents import asker
from rollout.observe.tracing import Tracing, set_up
from rollout.record.folder import DataFolder
from rollout.record.journal import Journal
from rollout.router import Router
from rollout.serve.lifeline import stop_with_parent
from rollout.serve.patience import PatientProtocol
from rollout.serve.settings import RunSettings
from rollout.serve.sockets import require_loopback
from rollout.serve.supervisor import USAGE_EXIT
from rollout.serve.ticket_desk import ticket_desk
from rollout.webhooks.settings import Settings, settings_file

if TYPE_CHECKING:
    from rollout.access.oidc import Oidc

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
        tracing = set_up("router")
        desk = desk_of(router, folder.journal, tracing)
        door = Door(
            journal=folder.journal,
            desk=desk,
            standings=standings,
            analyst=Analyst(settings.analyst_socket),
            token=settings.token,
            access=admission(settings, folder.journal),
            tickets=ticket_desk(settings, desk, folder, standings),
            content=folder.content,
            access_log=access_log(logs.settings_from()),
            agents=agents_of(settings),
            tracing=tracing,
            reception=Reception(Settings(settings_file(settings.folder)), desk, SystemClock()),
        )
        config = uvicorn.Config(
            create_app(door),
            http=PatientProtocol,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            server_header=False,
            proxy_headers=False,  # the door reads them itself, where it asks for an address
        )
        uvicorn.Server(config).run([socket.socket(fileno=settings.door_fd)])


def agents_of(settings: RunSettings) -> Callable[[], Awaitable[dict[str, Any] | None]] | None:
    """Asks the agents' processes how they are doing; None in a run that has none."""
    if not settings.agents_socket:
        return None
    return asker(live=connect(settings.agents_socket), shadow=connect(settings.shadows_socket))


def desk_of(router: Router, journal: Journal, tracing: Tracing | None) -> Desk:
    """The desk of a run; its decisions are spans where traces are asked for."""
    if tracing is None:
        return Desk(router, journal)
    from rollout.observe.traced import TracedDesk

    return TracedDesk(router, journal, tracing)


def admission(settings: RunSettings, journal: Journal) -> Admission:
    """Who is let in.

    Raises:
        UsageError: keys or settings cannot be read, or there are none and other machines could reach the
            door.

    """
    people = sign_in.load(settings.folder)
    access = Admission(KeyDesk(settings.folder, journal.append), sign_in=oidc_of(people))
    if access.one_person:
        require_loopback(settings.host)
    return access


def oidc_of(settings: SignInSettings | None) -> "Oidc | None":
    """Sign-in as set up; its library is loaded only where somebody signs in."""
    if settings is None:
        return None
    from rollout.access.oidc import Oidc

    return Oidc(settings)


def main() -> int:
    logs.set_up("router")
    settings = RunSettings.from_environment()
    stop_with_parent()
    try:
        run(settings)
    except RidealongError as error:
        logs.tell("router", str(error))
        return USAGE_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main())
