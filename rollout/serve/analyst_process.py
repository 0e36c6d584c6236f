"""The analyst as a process: owns the view, answers reads, ticks the controller."""

import sys
from pathlib import Path

import uvicorn

from rollout.analyst import Analyst
from rollout.api.reads import create_app
from rollout.api.remote import RemoteRecorder
from rollout.background import stand_behind
from rollout.errors import RidealongError
from rollout.observe import logs
from rollout.record.folder import DataFolder
from rollout.serve.lifeline import stop_with_parent
from rollout.serve.settings import RunSettings


def run(settings: RunSettings) -> None:
    """Follow the journal until told to stop.

    Raises:
        FolderInUse: another process owns the view.

    """
    recorder = RemoteRecorder(settings.url, settings.token)
    with DataFolder.open(
        settings.folder, holder="serve (analyst)", url=settings.url, parts=("view",)
    ) as folder:
        analyst = Analyst(folder, recorder)
        config = uvicorn.Config(
            create_app(analyst),
            uds=settings.analyst_socket,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
        )
        plans = None if settings.plans is None else Path(settings.plans)
        with analyst.following(plans, poll=settings.poll_seconds, tick=settings.tick_seconds):
            uvicorn.Server(config).run()
    recorder.close()


def main() -> int:
    logs.set_up("analyst")
    settings = RunSettings.from_environment()
    stop_with_parent()
    stand_behind()  # who counts gives way to who decides
    try:
        run(settings)
    except RidealongError as error:
        # Not final: the view may be free again at the next start, and the router goes on meanwhile.
        logs.tell("analyst", str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
