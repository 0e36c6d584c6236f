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
    seconds: float = 10
    """It takes about so long in all rounds; the longest begin first."""
    faults_seconds: float = 10
    """Likewise, all its faults."""
    alone: bool = False
    """Whether it measures times, which others would change."""

    def run(self, rounds: int | None = None, say: Say = silent) -> Result:
        return self.make(rounds or self.rounds, say)


DRILLS: Final[dict[str, Drill]] = {
    "races": Drill(races.races, 200, 4, races.FAULTS, 300, 20),
    "clock": Drill(clocks.clock_jumps, 200, 3, clocks.FAULTS, 100),
    "zones": Drill(lambda _, say: clocks.time_zones(say), 1, 1, clocks.ZONE_FAULTS),
    "bodies": Drill(lambda _, say: hostile.hostile_bodies(say), 1, 1, hostile.FAULTS),
    "senders": Drill(
        lambda rounds, say: hostile.hostile_senders(say, rounds), 10, 1, hostile.SENDER_FAULTS, 50, 40
    ),
    "description": Drill(
        lambda rounds, say: description.description(rounds, say=say), 40, 8, description.FAULTS, 100, 40
    ),
    "queue": Drill(crowd.full_queue, 20, 1, crowd.FAULTS, 30),
    "noisy": Drill(crowd.noisy_tenant, 1000, 100, crowd.NOISE_FAULTS, 60, 10, alone=True),
    "crash": Drill(crash.crash, 60, 2, crash.FAULTS, 260, 20),
    "flood": Drill(
        lambda rounds, say: crash.crash(rounds, say, flood=True), 4, 1, crash.FLOOD_FAULTS, 80, 50
    ),
    "damage": Drill(damage.damage, 420, 42, damage.FAULTS, 70, 40),
    "reordering": Drill(damage.reordering, 60, 2, damage.ORDER_FAULTS, 90),
    "configurations": Drill(service.configurations, 200, 4, service.FAULTS, 200, 90),
    "dependencies": Drill(service.dependencies, 4, 1, service.DEPENDENCY_FAULTS, 80, 60),
}


def planted(name: str, say: Say = silent) -> list[dict[str, Any]]:
    """Every planted fault of a drill, and whether the drill found it."""
    drill, rows = DRILLS[name], []
    for fault, broken in drill.faults.items():
        with broken():
            result = drill.run(drill.few)
        found = not result.kept
        first = result.violations[0] if result.violations else ""
        rows.append({"drill": name, "fault": fault, "found": found, "by": first})
        say(f"{name}: {fault}: {'found' if found else 'NOT FOUND'}")
    return rows
