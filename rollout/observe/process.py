"""What this process takes of the machine."""

import os
import resource
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from rollout.observe.exposition import Family


def _release() -> str:
    try:
        return version("ridealong")
    except PackageNotFoundError:
        return "unknown"


RELEASE: Final = _release()


def process_families() -> Iterator[Family]:
    """Processor time, largest memory and open files of the router, and its release."""
    taken = os.times()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield Family("build_info", "gauge", "Always 1; the release is a label.", [({"version": RELEASE}, 1)])
    yield Family(
        "router_cpu_seconds_total",
        "counter",
        "Processor seconds of the router.",
        [({}, taken.user + taken.system)],
    )
    yield Family(
        "router_peak_memory_bytes", "gauge", "Most memory that the router has held.", [({}, peak * 1024)]
    )
