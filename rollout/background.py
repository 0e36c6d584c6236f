"""Work that may take longer, so that whoever waits for an answer does not."""

import os
import sys
from contextlib import suppress
from threading import get_native_id
from typing import Final

_NICE: Final = 10
_NICEST: Final = 19


def only_when_idle() -> None:
    """Let this process, and the threads it will begin, have what processor time nobody else wants.

    On Linux by the policy for that, which gives way at once to whoever wakes up; elsewhere by the lowest
    priority there is.
    """
    os.nice(_NICEST)
    if sys.platform == "linux":
        with suppress(OSError):  # as below
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def step_back() -> None:
    """Let this thread have the processor when the others of the process do not want it.

    On Linux, where a thread has a priority of its own; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid even to ask for less
            os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICE)
