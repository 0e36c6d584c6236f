"""``serve`` and ``dashboard``: the long-running commands."""

from pathlib import Path
from typing import Annotated

import typer

from rollout.cli.common import DEFAULT_DATA, Data

_API = "http://127.0.0.1:8000"


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command()(serve)
    app.command()(dashboard)


def serve(
    data: Data = DEFAULT_DATA,
    plans: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Start the rollouts of these plans that were never started."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="A loopback address; any one where there are access keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8000,
) -> None:
    """Decide tickets over HTTP, measure, and move rollouts by their gates. Ctrl-C stops it."""
    from rollout.serve import server

    server.serve(data, plans=plans, host=host, port=port)


def dashboard(
    api: Annotated[
        str | None, typer.Option(metavar="URL", help=f"A running server; {_API} unless given.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A data folder: its server is used, or started when none runs."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
) -> None:
    """Open the dashboard on a running server, or start both with --data."""
    from rollout.errors import UsageError
    from rollout.serve.viewer import dashboard as show
    from rollout.serve.viewer import running_server, up

    if api is not None and data is not None:
        raise UsageError("--api names a running server and --data a folder: give one of them")
    found = running_server(data) if data is not None else api or _API
    if found is None and data is not None:
        up(data, open_browser=not no_open, dashboard_port=port)
    else:
        show(api=found or _API, port=port, open_browser=not no_open)
