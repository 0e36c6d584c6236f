"""What the gates decide when the truth is known: ladders, single gates, and what could fool them.

    python benchmarks/decisions.py                 # all parts, about twenty minutes on one core
    python benchmarks/decisions.py --reps 10       # a quick look
    python benchmarks/decisions.py --report        # only redraw docs/ from the stored figures

Figures go to ``docs/gate-simulation.json``, the table to ``docs/gate-simulation.md``, the picture to
``docs/gate-simulation.svg``. Every share is printed with its Monte Carlo standard error. Deterministic
for a given seed and number of runs.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402 - the path above comes first
from simulation import checks, gates, integrity, ladders, outcomes, rules  # noqa: E402
from simulation.desk import World  # noqa: E402
from simulation.policies import POLICIES, PROMOTE, ROLL_BACK, Ours  # noqa: E402
from simulation.report import write_report  # noqa: E402

from experiments.sequential import NARROW  # noqa: E402
from experiments.verdict import RESERVE  # noqa: E402

TRUTHS: dict[str, tuple[float, float, float, float]] = {
    "no difference": (0, 0, 0, 0),
    "slightly better": (-0.5, -0.5, 0, 0),
    "CSAT at its margin": (1, 0, 0, 0),
    "re-contact at its margin": (0, 1, 0, 0),
    "escalation at its margin": (0, 0, 1, 0),
    "cost at its margin": (0, 0, 0, 1),
    "all four at their margin": (1, 1, 1, 1),
    "CSAT and re-contact three times their margin": (3, 3, 0, 0),
}
"""Worsening under the agent, in margins, of CSAT, re-contact, escalation and cost."""
MORE = {"no difference", "CSAT at its margin", "re-contact at its margin"}
"""Truths whose bars are tight: our own rule is run four times as often there."""
VOLUMES = (2000, 600)


def simulate_ladders(reps: int, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    found = []
    for volume in VOLUMES:
        for number, (truth, worse_by) in enumerate(TRUTHS.items()):
            world = World(volume, worse_by=worse_by)
            first = seed + 100_000 * number + volume
            ends = ladders.run(world, range(first, first + reps))
            found += [
                _ladder_row(volume, truth, policy.name, ends.outcome[:, place], ends.day[:, place])
                for place, policy in enumerate(POLICIES)
            ]
            if truth in MORE:
                extra = ladders.run(world, range(first + reps, first + 4 * reps), (Ours,))
                own = np.concatenate([ends.outcome[:, 0], extra.outcome[:, 0]])
                days = np.concatenate([ends.day[:, 0], extra.day[:, 0]])
                found[-len(POLICIES)] = _ladder_row(volume, truth, Ours.name, own, days)
            say(
                f"ladder {volume}/day, {truth}: "
                + ", ".join(
                    f"{row['policy']} full {row['full']:.2f} back {row['back']:.2f}"
                    for row in found[-len(POLICIES) :]
                )
            )
    return found


def simulate_cadences(reps: int, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Our own ladders at their margins, looked at every hour and every ten minutes."""
    found = []
    for cadence, looks, volumes, runs in (
        ("hourly", 24, VOLUMES, reps),
        ("10 minutes", 144, VOLUMES[:1], max(reps * 6 // 10, 1)),
    ):
        for volume in volumes:
            for number, truth in enumerate(TRUTHS):
                if truth not in MORE or (looks > 24 and truth == "no difference"):
                    continue
                first = seed + 100_000 * number + volume
                world = World(volume, worse_by=TRUTHS[truth])
                ends = ladders.run(world, range(first, first + runs), (Ours,), looks)
                row = _ladder_row(volume, truth, Ours.name, ends.outcome[:, 0], ends.day[:, 0])
                found.append({"cadence": cadence, **row})
                say(f"{cadence}, {volume}/day, {truth}: full {row['full']:.3f} back {row['back']:.3f}")
    return found


def _ladder_row(volume: int, truth: str, policy: str, outcome: np.ndarray, day: np.ndarray) -> dict[str, Any]:
    full, back = outcome == PROMOTE, outcome == ROLL_BACK
    return {
        "volume": volume,
        "truth": truth,
        "policy": policy,
        "runs": len(outcome),
        "full": float(full.mean()),
        "back": float(back.mean()),
        "full_day": float(np.median(day[full])) if full.any() else None,
        "back_day": float(np.median(day[back])) if back.any() else None,
    }


def simulate_gates(reps: int, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """One CSAT gate: at the margin, at the margin with few heavy customers, and without a difference."""
    worlds = {
        "at the margin": (gates.Survey(effect=-gates.MARGIN), 15 * reps),
        "at the margin, 3,000 heavy customers": (
            gates.Survey(effect=-gates.MARGIN, customers=3000),
            10 * reps,
        ),
        "no difference": (gates.Survey(), 10 * reps),
    }
    found: dict[str, Any] = {}
    for number, (name, (survey, runs)) in enumerate(worlds.items()):
        first = seed + 10_000_000 * (number + 1)
        paths = [gates.simulate(survey, each) for each in range(first, first + runs)]
        found[name] = [asdict(summary) for summary in rules.summaries(paths)]
        if name == "no difference":
            daily = float(np.mean([path.information[20] / 21 for path in paths]))
            at = np.array([path.passed_information["daily"] for path in paths])
            found["predicted dates"] = checks.predicted_dates(at, gates.MARGIN, daily)
        say(f"gate {name}: " + ", ".join(f"{row['rule']} {row['promoted']:.3f}" for row in found[name]))
    return found


def simulate_checks(reps: int, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, simulate, runs in (
        ("sample ratio", checks.sample_ratio, 40 * reps),
        ("thirty categories, sixty looks", checks.categories, 5 * reps),
        ("looks without end", checks.fast_looks, 200 * reps),
        ("open windows", outcomes.open_windows, reps),
        ("silent customers", outcomes.silent_customers, reps),
        ("shared queue", outcomes.shared_queue, reps),
    ):
        found[name] = simulate(runs, seed)
        say(f"{name}: {found[name]}")
    return found


def simulate_integrity(reps: int, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """What the checks of the human arm find, and how often they cry wolf."""
    found: dict[str, Any] = {}
    for name, simulate in (
        ("erosion of the human arm", integrity.control_drift),
        ("contamination by the human queue", integrity.contamination),
    ):
        found[name] = simulate(3 * reps, seed)
        say(f"{name}: {found[name]}")
    return found


PARTS = {
    "gates": simulate_gates,
    "ladders": simulate_ladders,
    "cadences": simulate_cadences,
    "checks": simulate_checks,
    "integrity": simulate_integrity,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--reps", type=int, default=100, help="ladders per cell; the other parts scale with it"
    )
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--part", choices=sorted(PARTS), action="append", help="only these parts")
    parser.add_argument("--report", action="store_true", help="only redraw the documents")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the figures and documents")
    chosen = parser.parse_args()
    store = chosen.out / "gate-simulation.json"
    figures = json.loads(store.read_text()) if store.exists() else {}
    begun = time.monotonic()
    if not chosen.report:
        for part in chosen.part or PARTS:
            figures[part] = PARTS[part](chosen.reps, chosen.seed, _say(begun))
            made = {"reps": chosen.reps, "seed": chosen.seed, "reserve": RESERVE, "spread": NARROW}
            figures.setdefault("size", {})[part] = made
            store.write_text(json.dumps(figures, indent=1) + "\n")
    print(write_report(figures, chosen.out))


def _say(begun: float) -> Callable[[str], None]:
    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun:6.0f} s] {line}", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    main()
