"""What an agents' process may take, and when it is given up: one bad agent takes nobody else with it."""

import asyncio
import faulthandler
import os
import re
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from rollout.errors import UsageError

STUCK_SECONDS: Final = 60.0
"""How long an agent may keep all others of its process from running."""
OUT_OF_MEMORY: Final = 71
_BEAT_SECONDS: Final = 5.0
VARIABLE: Final = "RIDEALONG_AGENTS_MEMORY"
_LEAST, _MOST = 1024, 4096
"""MiB. Below, model libraries do not start; above, the machine would swap first."""
_UNITS: Final = {"MiB": 1, "GiB": 1024}


def agents_memory() -> int:
    """Bytes: ``RIDEALONG_AGENTS_MEMORY`` (such as ``3GiB``), else a quarter of what the machine has.

    No less than 1 GiB and no more than 4 GiB by itself.

    Raises:
        UsageError: the variable is no amount.

    """
    asked = os.environ.get(VARIABLE)
    if asked is None:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
        return min(max(there // 4, _LEAST), _MOST) << 20
    found = re.fullmatch(r"([1-9][0-9]{0,6})(MiB|GiB)", asked)
    if found is None:
        raise UsageError(f"{VARIABLE}={asked!r}: write a whole number of MiB or GiB, such as 3GiB")
    return int(found[1]) * _UNITS[found[2]] << 20


def limit_memory() -> None:
    """Hold this process to ``agents_memory``: beyond it, asking for more fails here and nowhere else.

    Counts what the process has for itself (``RLIMIT_DATA``), not what it only has addresses for: libraries
    reserve gigabytes of those and never touch them.
    """
    most = agents_memory()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def leave_out_of_memory() -> NoReturn:
    """End this process at once: what it still holds nobody can tell, and a new one is started."""
    os._exit(OUT_OF_MEMORY)


@asynccontextmanager
async def ends_when_stuck(_: object = None) -> AsyncIterator[None]:
    """End the process when its event loop stands still for ``STUCK_SECONDS``, with a traceback on stderr.

    The timer is a thread of C that needs no interpreter lock, so it also ends a process whose agent
    never gives that lock back.
    """

    async def beat() -> None:
        while True:
            faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
            await asyncio.sleep(_BEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        faulthandler.cancel_dump_traceback_later()
