"""Work that may take longer, so that whoever waits for an answer does not."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import get_native_id
from typing import Final

_NICE: Final = 10
_NICEST: Final = 19
_GROUP: Final = Path("/proc/self/autogroup")
"""The kernel shares the processor among sessions first, and every process of a run begins one: without a
word to the group, what one process is content with is heard by its own threads only."""


def stand_behind() -> None:
    """Let this process, and the threads it will begin, stand behind those of the same run."""
    _lower(_NICE)


def only_when_idle() -> None:
    """Let this process, and the threads it will begin, have what processor time nobody else wants.

    On Linux by the policy for that, which gives way at once to whoever wakes up; elsewhere by the lowest
    priority there is.
    """
    _lower(_NICEST)
    if sys.platform == "linux":
        with suppress(OSError):  # as below
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _lower(nice: int) -> None:
    os.nice(nice)
    with suppress(OSError):  # not this kernel's way, or forbidden by a sandbox
        _GROUP.write_text(str(nice))


def step_back() -> None:
    """Let this thread have the processor when the others of the process do not want it.

    On Linux, where a thread has a priority of its own; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid even to ask for less
            os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICE)
