"""All drills by name, how often each is run for publication, and how it is tried against planted faults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drills import clocks, crash, crowd, damage, description, hostile, races, service
from drills.result import Fault, Result, Say, silent


@dataclass(frozen=True)
class Drill:
    """One drill: ``make`` takes rounds and ``say``."""

    make: Callable[[int, Say], Result]
    rounds: int
    """For publication."""
    few: int
    """Enough to find a planted fault."""
    faults: Mapping[str, Fault] = field(default_factory=dict)

    def run(self, rounds: int | None = None, say: Say = silent) -> Result:
        return self.make(rounds or self.rounds, say)


DRILLS: Final[dict[str, Drill]] = {
    "races": Drill(races.races, 200, 2, races.FAULTS),
    "clock": Drill(clocks.clock_jumps, 200, 3, clocks.FAULTS),
    "zones": Drill(lambda _, say: clocks.time_zones(say), 1, 1),
    "bodies": Drill(lambda _, say: hostile.hostile_bodies(say), 1, 1, hostile.FAULTS),
    "senders": Drill(lambda rounds, say: hostile.hostile_senders(say, rounds), 5, 1, hostile.SENDER_FAULTS),
    "description": Drill(
        lambda rounds, say: description.description(rounds, say=say), 60, 2, description.FAULTS
    ),
    "queue": Drill(crowd.full_queue, 20, 1, crowd.FAULTS),
    "noisy": Drill(crowd.noisy_tenant, 1000, 100, crowd.NOISE_FAULTS),
    "crash": Drill(crash.crash, 60, 1, crash.FAULTS),
    "flood": Drill(lambda rounds, say: crash.crash(rounds, say, flood=True), 5, 1),
    "damage": Drill(damage.damage, 400, 24, damage.FAULTS),
    "reordering": Drill(damage.reordering, 100, 2, damage.ORDER_FAULTS),
    "configurations": Drill(service.configurations, 240, 2, service.FAULTS),
    "dependencies": Drill(service.dependencies, 5, 1),
}


def planted(say: Say = silent) -> list[dict[str, Any]]:
    """Every planted fault, and whether its drill found it."""
    rows = []
    for name, drill in DRILLS.items():
        for fault, broken in drill.faults.items():
            with broken():
                result = drill.run(drill.few)
            found = not result.kept
            first = result.violations[0] if result.violations else ""
            rows.append({"drill": name, "fault": fault, "found": found, "by": first})
            say(f"{name}: {fault}: {'found' if found else 'NOT FOUND'}")
    return rows
