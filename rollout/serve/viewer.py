"""The dashboard as a child of the run: a process of its own that knows the API's URL and nothing else."""

import importlib.util
import json
import os
import sys
import webbrowser
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import httpx

from rollout.errors import UsageError
from rollout.serve.server import running, say, stop_on_signals, wait_until_ready
from rollout.serve.sockets import free_port, require_free
from rollout.serve.supervisor import Child, Supervisor

_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 60.0


def child(api: str, port: int) -> Child:
    """The dashboard's process against the API at ``api``, on a loopback port."""
    spec = importlib.util.find_spec("dashboards")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the dashboard is not installed beside the server; install the whole distribution")
    folder = Path(next(iter(spec.submodule_search_locations)))
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(folder / "app.py")),
        *("--server.address", _HOST, "--server.port", str(port), "--server.headless", "true"),
        *("--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"),
    ]
    environment = os.environ | {"RIDEALONG_API": api}
    if key_file := environment.get("RIDEALONG_API_KEY_FILE"):
        environment["RIDEALONG_API_KEY_FILE"] = str(Path(key_file).resolve())
    # Its working folder is where .streamlit/config.toml lies: theme and further settings.
    return Child("dashboard", command, environment, quiet=True, folder=folder)


def dashboard(*, api: str, port: int, open_browser: bool) -> None:
    """Run the dashboard against a server that runs already, until Ctrl-C.

    Raises:
        UsageError: no server answers at ``api``, or the port is taken.

    """
    _require_server(api)
    require_free(_HOST, port, "--port")
    supervisor = Supervisor([child(api, port)], say)
    try:
        supervisor.start()
        stop_on_signals(supervisor)
        _watch(supervisor, api, port, open_browser=open_browser)
    finally:
        supervisor.stop()


def up(
    data: Path,
    *,
    open_browser: bool = True,
    plans: Path | None = None,
    port: int | None = None,
    dashboard_port: int | None = None,
) -> None:
    """Run server and dashboard over one data folder until Ctrl-C; prints both URLs when they answer.

    A port left out is the usual one, or any free one when that is taken.

    Raises:
        UsageError: a port is taken, or a process cannot start.
        FolderInUse: another process owns the folder (said on stderr by the process that met it).

    """
    looks = free_port(_HOST, 8501) if dashboard_port is None else dashboard_port
    require_free(_HOST, looks, "--port")
    with running(
        data,
        plans=plans,
        port=free_port(_HOST, 8000) if port is None else port,
        others=lambda url: [child(url, looks)],
    ) as (supervisor, url):
        stop_on_signals(supervisor)
        wait_until_ready(supervisor, url)
        _watch(supervisor, url, looks, open_browser=open_browser)


def running_server(data: Path) -> str | None:
    """The URL of the server that owns a data folder, if one answers there."""
    try:
        url = json.loads((data / "owner.lock").read_bytes())["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(url) if url and _answers(f"{url}/healthz") else None


def _watch(supervisor: Supervisor, api: str, port: int, *, open_browser: bool) -> None:
    url = f"http://{_HOST}:{port}"
    wait_until_shown(supervisor, url)
    sys.stdout.write(f"API        {api}\nDashboard  {url}\n")
    sys.stdout.flush()
    say("Ctrl-C stops what was started")
    if open_browser:
        webbrowser.open(url)
    supervisor.watch()


def wait_until_shown(supervisor: Supervisor, url: str) -> None:
    """Return when the dashboard answers.

    Raises:
        UsageError: it could not start, or took too long.

    """
    deadline = monotonic() + _START_SECONDS
    while monotonic() < deadline:
        supervisor.check()
        if _answers(f"{url}/_stcore/health"):
            return
        sleep(0.2)
    raise UsageError(f"the dashboard at {url} did not start within {_START_SECONDS:g} s")


def _require_server(api: str) -> None:
    if not _answers(f"{api}/healthz"):
        raise UsageError(
            f"no server answers at {api}; start one with `ridealong serve --data DIR`, name another with "
            "--api URL, or give --data DIR to start both"
        )


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
