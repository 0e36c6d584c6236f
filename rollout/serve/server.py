"""One run of the server from outside: its address, its processes, whether it is ready."""

import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import httpx

from rollout.access import key_file, sign_in
from rollout.errors import UsageError
from rollout.observe import logs, tracing
from rollout.serve.settings import SHADOWS, RunSettings
from rollout.serve.sockets import listen, reached_at, require_loopback
from rollout.serve.supervisor import Child, Supervisor, module
from rollout.serve.tool_secrets import catalogue_of, of_tools, without
from rollout.webhooks.settings import settings_file

READY_SECONDS: Final = 60.0
LOCAL_NOTICE: Final = (
    "one-person mode: there are no access keys, so it listens on this machine only and everybody on "
    "the machine may do everything"
)
KEYED_NOTICE: Final = "who comes shows an access key or signs in"


def say(line: str) -> None:
    """Tell the person at the terminal."""
    logs.tell("supervisor", line)


@contextmanager
def running(
    data: Path,
    *,
    plans: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    others: Callable[[str], Sequence[Child]] = lambda _: (),
    settings: dict[str, float] | None = None,
) -> Iterator[tuple[Supervisor, str]]:
    """The server's processes, started; stopped when the block ends.

    Args:
        data: the data folder; made when it is not there.
        plans: folder of plans whose rollouts are started if they never were.
        host: a loopback address; any of this machine's where the folder has access keys.
        port: 0 takes any free one.
        others: further children of the run, made from the server's URL.
        settings: overrides of ``RunSettings`` intervals, in seconds.

    Yields:
        The supervisor and the server's URL. ``watch`` has to be called, or ``check`` now and then.

    Raises:
        UsageError: the address is taken or not loopback and there are no keys, or a plan is invalid.

    """
    if not keyed(data):
        require_loopback(host)
    logs.settings_from()
    tracing.wanted()
    if plans is not None:
        _require_plans(plans)
    catalogue = catalogue_of(plans)
    data.mkdir(parents=True, exist_ok=True)
    door = listen(host, port)
    private = Path(tempfile.mkdtemp(prefix="ridealong-"))  # mode 0700: only this user reaches the analyst
    here = reached_at(host)
    url = f"http://{f'[{here}]' if ':' in here else here}:{door.getsockname()[1]}"
    run = RunSettings(
        data=str(data.resolve()),
        plans=None if plans is None else str(plans.resolve()),
        url=url,
        analyst_socket=str(private / "analyst.sock"),
        agents_socket=str(private / "agents.sock"),
        shadows_socket=str(private / "shadows.sock"),
        tools_socket="" if catalogue is None else str(private / "tools.sock"),
        token=secrets.token_urlsafe(32),
        door_fd=door.fileno(),
        host=host,
        **(settings or {}),
    )
    environment, calling = run.environment(), run.agents_environment()
    tools = []
    if catalogue is not None:  # nobody but the tools' process has their secrets, and it has no others
        secretive = of_tools(environment, calling, catalogue)
        tools = [Child("tools", module("rollout.serve.tools_process"), secretive)]
        environment, calling = without(environment, catalogue), without(calling, catalogue)
    supervisor = Supervisor(
        [
            Child("router", module("rollout.serve.router_process"), environment, (door.fileno(),)),
            Child("analyst", module("rollout.serve.analyst_process"), environment),
            Child("agents", module("rollout.serve.agents_process"), calling),
            Child("shadows", [*module("rollout.serve.agents_process"), SHADOWS], calling),
            *tools,
            *_notifier(data, environment),
            *others(url),
        ],
        say,
    )
    try:
        supervisor.start()
        yield supervisor, url
    finally:
        supervisor.stop()
        door.close()
        shutil.rmtree(private, ignore_errors=True)


def _notifier(data: Path, environment: Mapping[str, str]) -> list[Child]:
    """The process that tells others, where a webhooks file says whom."""
    if not settings_file(data).exists():
        return []
    return [Child("notifier", module("rollout.serve.notifier_process"), environment)]


def wait_until_ready(supervisor: Supervisor, url: str, *, timeout: float = READY_SECONDS) -> None:
    """Return when the server decides and answers reads.

    Raises:
        UsageError: a process cannot start, or it took too long.

    """
    deadline = monotonic() + timeout
    with httpx.Client(trust_env=False, timeout=2.0) as http:
        while monotonic() < deadline:
            supervisor.check()
            if _answers(http, f"{url}/readyz", "ready"):
                return
            sleep(0.1)
    raise UsageError(f"the server at {url} was not ready within {timeout:g} s; see its messages above")


def _answers(http: httpx.Client, url: str, status: str) -> bool:
    try:
        answer = http.get(url)
        return answer.is_success and answer.json().get("status") == status
    except (httpx.HTTPError, ValueError):
        return False


def serve(data: Path, *, plans: Path | None, host: str, port: int) -> None:
    """Run the server until Ctrl-C or SIGTERM."""
    with running(data, plans=plans, host=host, port=port) as (supervisor, url):
        stop_on_signals(supervisor)
        wait_until_ready(supervisor, url)
        notice = KEYED_NOTICE if keyed(data) else LOCAL_NOTICE
        say(f"serving {data} at {url} ({notice}); Ctrl-C stops it")
        supervisor.watch()
    say("stopped; what was acknowledged is recorded")


def keyed(data: Path) -> bool:
    """Whether the door of this folder asks who is there."""
    return bool(key_file.load(data)[0].entries) or sign_in.load(data) is not None


def stop_on_signals(supervisor: Supervisor) -> None:
    """Let Ctrl-C and SIGTERM end the run in order."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.request_stop())


def _require_plans(plans: Path) -> None:
    from policies.load import load_plan

    files = sorted(plans.glob("*.y*ml")) if plans.is_dir() else []
    if not files:
        raise UsageError(f"--plans {plans}: no plan (*.yaml) there; name the folder that holds them")
    for file in files:
        load_plan(file)
