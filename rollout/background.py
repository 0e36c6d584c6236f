"""Work that may take longer, so that whoever waits for an answer does not."""

import os
import sys
from contextlib import suppress
from threading import get_native_id
from typing import Final

_NICE: Final = 10


def step_back() -> None:
    """Let this thread have the processor when the others of the process do not want it.

    On Linux, where a thread has a priority of its own; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid even to ask for less
            os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICE)
