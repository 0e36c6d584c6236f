"""Many jobs at once, each in a process of its own; what measures times comes afterwards, by itself."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from drills.register import DRILLS
from drills.result import Say

FAULTS: Final = "faults"
_OF: Final = ":"


def expanded(names: Iterable[str]) -> list[str]:
    """Single jobs: ``faults`` are those of each drill, as ``faults:DRILL``."""
    found = []
    for name in names:
        if name == FAULTS:
            found += [f"{FAULTS}{_OF}{drill}" for drill, known in DRILLS.items() if known.faults]
        else:
            found.append(name)
    return found


def drill_of(job: str) -> str:
    """The drill whose faults a job plants; empty where it runs a drill."""
    word, _, drill = job.partition(_OF)
    return drill if word == FAULTS else ""


def known(job: str) -> bool:
    return job in DRILLS or job == FAULTS or drill_of(job) in DRILLS


def run_many(program: str, jobs: Sequence[str], at_once: int, say: Say) -> Iterator[dict[str, Any]]:
    """Run each job by itself, the longest first; yields what each tells as JSON, in the order of ``jobs``.

    One that ended in an error of its own tells ``stopped``, and its words are on standard error.
    """

    def run(job: str) -> dict[str, Any]:
        say(f"== {job}")
        command = [sys.executable, program, job, "--json", "--jobs", "1"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
        say(f"== {job}: {'fine' if done.returncode == 0 else 'BROKEN'}")
        return dict(json.loads(done.stdout)) if done.stdout else {"stopped": [job]}

    alone = [job for job in jobs if job in DRILLS and DRILLS[job].alone]
    together = sorted(set(jobs) - set(alone), key=_seconds, reverse=True)
    told = {}
    with ThreadPoolExecutor(at_once) as pool:
        told |= dict(zip(together, pool.map(run, together), strict=True))
    told |= {job: run(job) for job in alone}
    return (told[job] for job in jobs)


def _seconds(job: str) -> float:
    drill = DRILLS[drill_of(job) or job]
    return drill.faults_seconds if drill_of(job) else drill.seconds
