"""How long one look at a gate takes: six metrics, day strata, customers as clusters, against peers.

    python benchmarks/gates.py                                     # a million tickets
    python benchmarks/gates.py --tickets 10000000 --days 180 --json

Peers live in an interpreter of their own, because their pins differ from ours; whichever is not
installed is said to be missing:

    python -m venv peers && peers/bin/pip install tea-tasting pandas statsmodels "polars>=2,<3" pyarrow
    python -m venv gb && gb/bin/pip install gbstats polars pyarrow
    python benchmarks/gates.py --peers peers/bin/python --gbstats gb/bin/python

Everyone starts from the same facts and derives the outcomes as of the moment; ours reads them from the
view's file, with the view's own memory limit, peers from a Parquet file of the columns they need. The
arms take turns, so that a busy machine is as unfair to one as to the other: the ratios are the result.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from gate_world import build, moments  # noqa: E402 - the path above comes first

TICK = timedelta(minutes=10)
OURS = ("full", "incremental")
CLUSTERED = ("full", "incremental", "polars", "pandas")
"""Arms that count the same sums as ``full``, and must find the same."""
BARS = {"polars": 2.0, "pandas": 1.0, "tea_tasting": 1.0, "statsmodels": 1.0}
"""What the full scan may take, in times of the peer's."""
INCREMENTAL, PEAK = 0.1, 3.0
SLOW = 1_000_000
"""Tickets beyond which statsmodels is not asked."""


class Worker:
    """One arm in a process of its own."""

    def __init__(self, arm: str, folder: Path, python: str) -> None:
        command = [python, str(ROOT / "benchmarks" / "gate_arms.py"), arm, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def look(self, at: datetime) -> dict[str, Any] | None:
        """The arm's answer, or ``None`` where it could not give one."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{at.isoformat()}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        return dict(json.loads(line)) if line else None


def race(folder: Path, options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Answers per arm, one per round.

    Every look is a process of its own, but for the incremental arm's: it lives through all rounds, as the
    controller does, and has looked twice before the first. A view's file has one owner, so it gets a copy.
    """
    pythons = dict.fromkeys(("tea_tasting", "pandas", "statsmodels"), options.peers) | {
        "gbstats": options.gbstats
    }
    arms = ["full", "incremental", "polars", "pandas", "tea_tasting", "gbstats"]
    if options.tickets <= SLOW:
        arms.append("statsmodels")
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
    before, *rounds = moments(options.days, options.rounds, TICK)
    copy = folder / "kept"
    copy.mkdir(exist_ok=True)
    shutil.copyfile(folder / "facts.duckdb", copy / "facts.duckdb")
    with Worker("incremental", copy, sys.executable) as keeper:
        for _ in range(2):
            _say("incremental", "before", keeper.look(before))
        for number, at in enumerate(rounds):
            for arm in arms:
                if arm == "incremental":
                    answer = keeper.look(at)
                else:
                    with Worker(arm, folder, pythons.get(arm, sys.executable)) as worker:
                        answer = worker.look(at)
                _say(arm, f"round {number + 1}", answer)
                found[arm] += [answer] if answer is not None else []
    return found


def _say(arm: str, when: str, answer: dict[str, Any] | None) -> None:
    figures = (
        "no answer"
        if answer is None
        else "{wall:.2f} s, {cpu:.2f} s of processor, {gib:.2f} GiB".format(**answer)
    )
    print(f"{when}: {arm}: {figures}", file=sys.stderr, flush=True)


def summary(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One row per arm: medians, the median of the rounds' ratios to ``full``, and what agrees."""
    full = found["full"]
    rows: list[dict[str, Any]] = []
    for arm, answers in found.items():
        if len(answers) < len(full):
            rows.append({"arm": arm, "missing": True})
            continue
        pairs = list(zip(answers, full, strict=True))
        rows.append(
            {
                "arm": arm,
                "seconds": median(one["wall"] for one in answers),
                "processor": median(one["cpu"] for one in answers),
                "ratio": median(one["wall"] / ours["wall"] for one, ours in pairs),
                "processor_ratio": median(one["cpu"] / ours["cpu"] for one, ours in pairs),
                "peak_gib": max(one["gib"] for one in answers),
                "same": _same(arm, answers[-1]["sums"], full[-1]["sums"]),
            }
        )
    return rows


def _same(arm: str, sums: dict[str, float], ours: dict[str, float]) -> bool | None:
    """Whether the arm found what ours did; ``None`` where it estimates something else."""
    if arm == "statsmodels":
        return _same_regression(sums, ours)
    if arm not in CLUSTERED:
        return _same_means(sums, ours)
    return all(
        math.isclose(value, ours[name], rel_tol=1e-9, abs_tol=1e-9 * _size(name, ours))
        for name, value in sums.items()
    )


def _size(name: str, ours: dict[str, float]) -> float:
    """What was added up: a sum of deviations may well be nearly nothing."""
    metric = name.split("__", maxsplit=1)[0]
    return max(abs(ours.get(f"{metric}__{part}", 0.0)) for part in ("s", "qt", "aa"))


def _same_means(sums: dict[str, float], ours: dict[str, float]) -> bool:
    def mean(metric: str, side: str) -> float:
        n, treated = ours[f"{metric}__n"], ours[f"{metric}__nt"]
        s, of_treated = ours[f"{metric}__s"], ours[f"{metric}__st"]
        return of_treated / treated if side == "treatment" else (s - of_treated) / (n - treated)

    return all(math.isclose(value, mean(*name.split("__")), rel_tol=1e-9) for name, value in sums.items())


def _same_regression(sums: dict[str, float], ours: dict[str, float]) -> bool:
    a, b, aa, ab, bb = (ours[f"escalation__{part}"] for part in ("a", "b", "aa", "ab", "bb"))
    effect = a / b
    variance = (aa - 2 * effect * ab + effect * effect * bb) / (b * b)
    return math.isclose(sums["escalation__effect"], effect, rel_tol=1e-8) and math.isclose(
        sums["escalation__variance"], variance, rel_tol=1e-8
    )


def verdicts(rows: list[dict[str, Any]]) -> list[str]:
    """What was promised, and whether it was kept."""
    by = {row["arm"]: row for row in rows if not row.get("missing")}
    lines = [
        f"full / {arm}: {1 / by[arm]['ratio']:.2f}, at most {bar:g}: {_kept(1 / by[arm]['ratio'] <= bar)}"
        for arm, bar in BARS.items()
        if arm in by
    ]
    if "incremental" in by:
        ratio = by["incremental"]["ratio"]
        lines.append(
            f"incremental / full: {ratio:.2f}, at most {INCREMENTAL:g}: {_kept(ratio <= INCREMENTAL)}"
        )
    peak = max(by[arm]["peak_gib"] for arm in OURS if arm in by)
    return [*lines, f"peak memory: {peak:.2f} GiB, at most {PEAK:g}: {_kept(peak <= PEAK)}"]


def _kept(kept: bool) -> str:
    return "kept" if kept else "MISSED"


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| arm | s | processor s | time / full | peak GiB | same result |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row.get("missing"):
            lines.append(f"| {row['arm']} | not installed or failed | | | | |")
            continue
        same = {True: "yes", False: "NO"}[row["same"]]
        lines.append(
            "| {arm} | {seconds:.2f} | {processor:.2f} | {ratio:.2f} | {peak_gib:.2f} | ".format(**row)
            + f"{same} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=180, help="the days the tickets are spread over")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the tickets are kept for another run")
    parser.add_argument(
        "--peers", default=sys.executable, help="a Python with tea-tasting, pandas, statsmodels"
    )
    parser.add_argument("--gbstats", default=sys.executable, help="a Python with gbstats")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)) / f"{options.tickets}-{options.days}"
        folder.mkdir(parents=True, exist_ok=True)
        build(folder, options.tickets, options.days)
        loads = [os.getloadavg()[0]]
        rows = summary(race(folder, options))
        loads.append(os.getloadavg()[0])
    place = {"tickets": options.tickets, "days": options.days, "rounds": options.rounds}
    place |= {"processors": os.cpu_count(), "load": loads}
    if options.json:
        print(json.dumps({**place, "arms": rows, "bars": verdicts(rows)}))
        return
    print(" · ".join(f"{name} {value}" for name, value in place.items()))
    print(table(rows), "", *verdicts(rows), sep="\n")


if __name__ == "__main__":
    main()
