"""Keeps the processes of one run alive: starts, watches, restarts with backoff, stops.

Each child holds the reading end of a pipe whose other end is ours (its standard input): when the
supervisor dies, however it dies, the children see the end of file and stop by themselves.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from rollout.errors import UsageError

_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_HEALTHY_AFTER: Final = 60.0
"""Seconds a child must live before its failures are forgotten."""
_STOP_SECONDS: Final = 10.0
USAGE_EXIT: Final = 2
"""A child that leaves with this code was asked for something impossible: restarting cannot help."""


@dataclass(slots=True)
class Child:
    """One process of the run."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    inherited: tuple[int, ...] = ()
    quiet: bool = False
    """Throw its standard output away."""
    folder: Path | None = None
    """Working folder; ours where left out."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    failures: int = field(default=0, init=False)
    due: float = field(default=0.0, init=False)

    def start(self) -> None:
        self.let_go()
        self.process = subprocess.Popen(  # noqa: S603 — our own command, no shell
            self.command,
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL if self.quiet else None,
            pass_fds=self.inherited,
            start_new_session=True,  # Ctrl-C reaches the supervisor, which stops them in order
        )
        self.started = monotonic()

    def let_go(self) -> None:
        """Close our end of the pipe of a process that has ended."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self, *, by: float) -> None:
        """Wait for the process until the moment ``by``, then end it."""
        if self.process is None:
            return
        try:
            self.process.wait(max(by - monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.let_go()

    def backoff(self) -> float:
        """Seconds to wait before the next start; doubles with every failure in a row."""
        self.failures = 1 if monotonic() - self.started > _HEALTHY_AFTER else self.failures + 1
        return float(min(_FIRST_DELAY * 2 ** (self.failures - 1), _LONGEST_DELAY))


def module(name: str) -> list[str]:
    """The command that runs ``name`` as a program under this interpreter."""
    return [sys.executable, "-m", name]


class Supervisor:
    """The parent of one run. Children start in the order given and stop in the reverse one."""

    def __init__(self, children: Sequence[Child], say: Callable[[str], None]) -> None:
        self._children = list(children)
        self._say = say
        self._stopping = threading.Event()

    def start(self) -> None:
        for child in self._children:
            child.start()

    def child(self, name: str) -> Child:
        return next(child for child in self._children if child.name == name)

    def request_stop(self) -> None:
        """Make ``watch`` return; safe in a signal handler."""
        self._stopping.set()

    def check(self) -> None:
        """Restart what died and whose waiting time is over.

        Raises:
            UsageError: a child says that it can never start; its own message is on stderr.

        """
        for child in self._children:
            if child.process is None or child.running:
                continue
            code = child.process.returncode
            if code == USAGE_EXIT:
                raise UsageError(f"the {child.name} could not start (see the message above)")
            if not child.due:
                delay = child.backoff()
                child.due = monotonic() + delay
                self._say(f"the {child.name} stopped (exit {code}); starting it again in {delay:g} s")
            if monotonic() >= child.due:
                child.due = 0.0
                child.start()

    def watch(self, every: float = 0.2) -> None:
        """Keep the children running until ``request_stop``."""
        while not self._stopping.wait(every):
            self.check()

    def stop(self) -> None:
        """Ask every child to finish, wait, then end what is still there."""
        started = [child for child in reversed(self._children) if child.process is not None]
        for child in started:
            if child.process is not None and child.running:
                child.process.terminate()
        deadline = monotonic() + _STOP_SECONDS
        for child in started:
            child.end(by=deadline)
