"""Backtests that a page has asked for: one at a time, each in the background, with how far it has come.

They read the view and record nothing, so one that is lost with the process is simply asked for again.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

from rollout.errors import RidealongError

_MOST: Final = 8
"""Backtests that are remembered."""

_log = logging.getLogger(__name__)

Run = Callable[[Callable[[int], None]], dict[str, Any]]
"""Does one, telling how many looks are done."""


class _Stopped(Exception):
    """The process is about to end."""


@dataclass(slots=True)
class _Job:
    looks: int
    run: Run
    state: str = "waiting"
    done: int = 0
    result: dict[str, Any] | None = None
    why: str | None = None

    def told(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("state", "done", "looks", "result", "why")}


class Backtests:
    """Jobs by what was asked. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[Hashable, _Job] = OrderedDict()
        self._worker: threading.Thread | None = None
        self._closed = False

    def ask(self, key: Hashable, looks: int, run: Run) -> dict[str, Any]:
        """How the backtest stands; the first to ask has it begun.

        Returns:
            ``state`` (``waiting``, ``running``, ``done`` or ``failed``), ``done`` of ``looks``, the
            ``result`` once there is one, and ``why`` it failed.

        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.state == "failed":
                job = self._jobs[key] = _Job(looks, run)
                self._forget()
            self._jobs.move_to_end(key)
            if job.state == "waiting" and self._worker is None:
                self._worker = threading.Thread(target=self._work, name="backtests")
                self._worker.start()
            return job.told()

    def close(self) -> None:
        """Stop at the next look."""
        with self._lock:
            self._closed = True
            worker = self._worker
        if worker is not None:
            worker.join()

    def _forget(self) -> None:
        over = [key for key, job in self._jobs.items() if job.state in ("done", "failed")]
        for key in over[: max(len(self._jobs) - _MOST, 0)]:
            del self._jobs[key]

    def _work(self) -> None:
        while True:
            with self._lock:
                job = next((each for each in self._jobs.values() if each.state == "waiting"), None)
                if job is None or self._closed:
                    self._worker = None
                    return
                job.state = "running"
            self._do(job)

    def _do(self, job: _Job) -> None:
        def progress(done: int) -> None:
            if self._closed:
                raise _Stopped
            job.done = done

        try:
            job.result = job.run(progress)
            job.state = "done"
        except RidealongError as error:
            job.state, job.why = "failed", str(error)
        except _Stopped:
            job.state, job.why = "failed", "the server was stopped meanwhile; ask again"
        except Exception:  # noqa: BLE001 - whatever breaks, the thread lives and the page is told
            _log.exception("a backtest failed")
            job.state, job.why = "failed", "it broke off; the server's log has the cause"
