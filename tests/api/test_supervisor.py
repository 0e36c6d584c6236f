"""The supervisor starts again what dies, ever more patiently, and gives up where it must."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollout.errors import UsageError
from rollout.serve.supervisor import Child, Supervisor


def child(code: str, name: str = "worker") -> Child:
    return Child(name, [sys.executable, "-S", "-c", code], os.environ)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervised(said: list[str]) -> Iterator[list[Supervisor]]:
    made: list[Supervisor] = []
    yield made
    for supervisor in made:
        supervisor.stop()


def ended(one: Child) -> None:
    assert one.process is not None
    one.process.wait(30)


def test_a_dead_child_is_started_again_after_its_wait(said: list[str], supervised: list[Supervisor]) -> None:
    worker = child("import sys; sys.exit(3)")
    supervisor = Supervisor([worker], said.append)
    supervised.append(supervisor)
    supervisor.start()
    first = worker.process
    ended(worker)
    supervisor.check()
    assert worker.process is first, "not at once"
    assert said == ["the worker stopped (exit 3); starting it again in 0.5 s"]
    worker.due = time.monotonic()
    supervisor.check()
    assert worker.process is not first


def test_every_failure_in_a_row_doubles_the_wait() -> None:
    worker = child("pass")
    worker.started = time.monotonic()
    assert [worker.backoff() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_long_life_wipes_the_slate_clean() -> None:
    worker = child("pass")
    worker.failures, worker.started = 6, time.monotonic() - 3600
    assert worker.backoff() == 0.5


def test_a_child_that_can_never_start_ends_the_run(said: list[str], supervised: list[Supervisor]) -> None:
    worker = child("import sys; sys.exit(2)", "router")
    supervisor = Supervisor([worker], said.append)
    supervised.append(supervisor)
    supervisor.start()
    ended(worker)
    with pytest.raises(UsageError, match="router could not start"):
        supervisor.check()


def test_a_child_that_will_not_stop_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: list[str]
) -> None:
    monkeypatch.setattr("rollout.serve.supervisor._STOP_SECONDS", 0.3)
    deaf = tmp_path / "deaf"
    stubborn = child(
        f"import signal, time, pathlib\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(deaf)!r}).touch()\ntime.sleep(300)"
    )
    supervisor = Supervisor([stubborn], said.append)
    supervisor.start()
    while not deaf.exists():
        time.sleep(0.01)
    supervisor.stop()
    assert stubborn.process is not None
    assert stubborn.process.returncode == -signal.SIGKILL


LIFELINE = "from rollout.serve.lifeline import stop_with_parent; import sys, time; stop_with_parent(); "


def test_a_child_that_waits_for_its_parent_still_ends_with_the_code_it_means(
    said: list[str], supervised: list[Supervisor]
) -> None:
    """A wrong start is not tried again and again: it is said, and that is the end."""
    worker = Child("worker", [sys.executable, "-c", f"{LIFELINE} sys.exit(2)"], os.environ)
    supervised.append(supervisor := Supervisor([worker], said.append))
    supervisor.start()
    ended(worker)
    assert worker.process is not None
    assert worker.process.returncode == 2
    with pytest.raises(UsageError, match="worker"):
        supervisor.check()


def test_a_child_ends_with_its_parent() -> None:
    waiting = subprocess.Popen([sys.executable, "-c", f"{LIFELINE} time.sleep(60)"], stdin=subprocess.PIPE)
    assert waiting.stdin is not None
    waiting.stdin.close()
    assert waiting.wait(30) == -signal.SIGTERM
