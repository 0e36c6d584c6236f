"""The tools as a process: it holds their secrets, and answers nobody but the router of this run."""

import sys
from pathlib import Path

import uvicorn

from rollout.errors import UsageError
from rollout.observe import logs
from rollout.serve.containment import limit_memory
from rollout.serve.lifeline import stop_with_parent
from rollout.serve.settings import RunSettings
from rollout.serve.tool_secrets import catalogue_of
from rollout.tooling.line import create_app
from rollout.tooling.toolbox import Toolbox


def main() -> int:
    limit_memory()
    logs.set_up("tools", quiet=True)
    settings = RunSettings.from_environment()
    stop_with_parent()
    catalogue = catalogue_of(None if settings.plans is None else Path(settings.plans))
    if catalogue is None:
        raise UsageError("no tools are declared; this process has nothing to do")
    app = create_app(Toolbox(catalogue))
    uvicorn.Server(uvicorn.Config(app, uds=settings.tools_socket, log_config=None, access_log=False)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
