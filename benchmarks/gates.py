"""How long one look at a gate takes: six metrics, day strata, customers as clusters, against peers.

    python benchmarks/gates.py                                     # a million tickets
    python benchmarks/gates.py --tickets 10000000 --days 180 --json

Peers live in an interpreter of their own, because their pins differ from ours; whichever is not
installed is said to be missing:

    python -m venv peers
    peers/bin/pip install tea-tasting "ibis-framework[duckdb]" pandas statsmodels "polars>=2,<3" pyarrow
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
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from gate_world import build, moments  # noqa: E402 - the path above comes first

KEPT = {"sums": "incremental", "gate": "gate_kept"}
"""What keeps, and lives through all rounds, as the controller does."""
NEWS = (("new day", timedelta(0)), ("tick", timedelta(minutes=10)), ("late", timedelta(minutes=20)))
"""What a keeper meets in every round, a day after the round before: a day's tickets, ten minutes', and
ten minutes' with a rating of a ticket of one of the first days."""
CLUSTERED = ("full", "again", "polars", "pandas")
"""Arms that count the same sums as ``full``, and must find the same."""
BARS = {"polars": 2.0, "pandas": 1.0, "tea_tasting": 1.0, "tea_tasting_duckdb": 1.0, "gbstats": 1.0}
BARS |= {"statsmodels": 1.0}
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

    def look(self, at: datetime, late: str = "") -> dict[str, Any] | None:
        """The arm's answer, or ``None`` where it could not give one."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{at.isoformat()} {late}".strip() + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        return dict(json.loads(line)) if line else None


def race(folder: Path, options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Answers per arm, one per round.

    Every look is a process of its own, but for the keepers', who have looked before the first round. A
    view's file has one owner, so each of them gets a copy.
    """
    peers = ("tea_tasting", "tea_tasting_duckdb", "pandas", "statsmodels")
    pythons = dict.fromkeys(peers, options.peers) | {"gbstats": options.gbstats}
    arms = ["full", "again", "polars", "pandas", "tea_tasting", "tea_tasting_duckdb", "gbstats", "gate"]
    if options.tickets <= SLOW:
        arms.append("statsmodels")
    kept = [f"{keeper} {news}" for keeper in KEPT for news, _ in NEWS]
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in (*arms, *kept)}
    before, *rounds, after = moments(options.days, options.rounds + 1, timedelta(days=1))
    with ExitStack() as alive:
        keepers = {name: alive.enter_context(_keeper(arm, folder)) for name, arm in KEPT.items()}
        for name, keeper in keepers.items():
            # Two full looks, of which the second keeps its rows, and one that keeps the other counts.
            for ago in (timedelta(minutes=20), timedelta(minutes=10), timedelta(0)):
                _say(name, "before", keeper.look(before - ago))
        for number, at in enumerate(rounds):
            for name, keeper in keepers.items():
                for news, since in NEWS:
                    answer = keeper.look(at + since, str(number) if news == "late" else "")
                    _note(found, f"{name} {news}", number, answer)
            for arm in arms:
                with Worker(arm, folder, pythons.get(arm, sys.executable)) as worker:
                    _note(found, arm, number, worker.look(at))
        # A full scan in the same process would take the memory from what is kept: only after the rounds.
        for name, keeper in keepers.items():
            for news, since in NEWS:
                answer = keeper.look(after + since, f"{options.rounds} check" if news == "late" else "check")
                if answer is not None and found[f"{name} {news}"]:
                    found[f"{name} {news}"][-1] |= {"sums": answer["sums"], "full": answer["full"]}
    return found


def _note(
    found: dict[str, list[dict[str, Any]]], arm: str, number: int, answer: dict[str, Any] | None
) -> None:
    _say(arm, f"round {number + 1}", answer)
    found[arm] += [answer] if answer is not None else []


def _keeper(arm: str, folder: Path) -> Worker:
    copy = folder / arm
    copy.mkdir(exist_ok=True)
    shutil.copyfile(folder / "facts.duckdb", copy / "facts.duckdb")
    return Worker(arm, copy, sys.executable)


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
                "same": _same(arm, answers[-1]["sums"], answers[-1].get("full", full[-1]["sums"])),
            }
        )
    return rows


def _same(arm: str, sums: dict[str, float], ours: dict[str, float]) -> bool | None:
    """Whether the arm found what ours did; ``None`` where it estimates something else."""
    if arm.startswith("gate"):
        return sums["tickets"] == ours["tickets"]
    if arm == "statsmodels":
        return _same_regression(sums, ours)
    if arm not in CLUSTERED and not arm.startswith("sums"):
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
    """What was promised, and whether it was kept, by time and by processor time."""
    by = {row["arm"]: row for row in rows if not row.get("missing")}
    lines = [
        _bar(f"full / {arm}", 1 / by[arm]["ratio"], 1 / by[arm]["processor_ratio"], bar)
        for arm, bar in BARS.items()
        if arm in by
    ]
    for keeper, whole in (("sums", "full"), ("gate", "gate")):
        for news, _ in NEWS:
            if (arm := f"{keeper} {news}") in by and whole in by:
                ratios = (by[arm][kind] / by[whole][kind] for kind in ("ratio", "processor_ratio"))
                lines.append(_bar(f"{arm} / {whole}", *ratios, INCREMENTAL))
    peak = max(row["peak_gib"] for arm, row in by.items() if arm.split()[0] in ("full", "gate", "sums"))
    return [*lines, f"peak memory: {peak:.2f} GiB, at most {PEAK:g}: {_kept(peak <= PEAK)}"]


def _bar(what: str, time: float, processor: float, bar: float) -> str:
    both = f"{time:.2f} of the time, {processor:.2f} of the processor time"
    return f"{what}: {both}, at most {bar:g}: {_kept(time <= bar)}, {_kept(processor <= bar)}"


def _kept(kept: bool) -> str:
    return "kept" if kept else "MISSED"


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| arm | s | processor s | time / full | processor / full | peak GiB | same result |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.get("missing"):
            lines.append(f"| {row['arm']} | not installed or failed | | | | | |")
            continue
        same = {True: "yes", False: "NO", None: "other"}[row["same"]]
        lines.append(
            "| {arm} | {seconds:.2f} | {processor:.2f} | {ratio:.2f} | {processor_ratio:.2f} |"
            " {peak_gib:.2f} | ".format(**row)
            + f"{same} |"
        )
    return "\n".join(lines)


WHAT = """\
`full` counts six metrics (CSAT with its response rate, 7-day re-contact, escalation, cost and handle time
with caps; violations against a limit) with strata of step and day and clusters of customers, from the
view's file and within the view's memory limit (a quarter of the machine, at most 2 GiB). `again` is the
same once more: how far two runs of one thing differ. `gate` is a whole look of the controller (scope, sums,
categories, life tables, integrity, the human arm, judgement). `sums …` and `gate …` are the same from what
is kept of the days before: `new day` after a day's tickets, `tick` after ten minutes', `late` after ten
minutes' and a rating that arrived months late. `same result` of what is kept is told by a full scan of the
same facts afterwards.

`polars` (streaming) and `pandas` count what `full` counts. `tea_tasting` takes a row per customer and arm by
Polars and `RatioOfMeans` per metric, `tea_tasting_duckdb` the same rows by Ibis from the same DuckDB file:
per customer, because its delta method is valid over independent rows only; neither has strata. `gbstats`
judges moments that Polars made, without strata. `statsmodels` is least squares with fixed effects and
clusters on one metric. Peers other than `tea_tasting_duckdb` read a Parquet file of the columns they need.

What `full` computes and the unstratified ones do not: every customer's sums are taken about the means of
the customer's strata, so that a ramp of weights cannot pass for an effect. The tickets are therefore read
once for the strata and once more, as narrow rows, for the customers. And it reads each condition of every
metric off the raw facts, randomisation and exclusions among them; the Parquet file of the peers holds
nothing but tickets that count."""


def write_report(folder: Path, run: dict[str, Any]) -> None:
    """``gate-speed.json``, one entry per number of tickets, and ``gate-speed.md`` from all of them."""
    path = folder / "gate-speed.json"
    runs = json.loads(path.read_text()).get("runs", []) if path.exists() else []
    runs = sorted(
        [*(one for one in runs if one["tickets"] != run["tickets"]), run], key=lambda one: int(one["tickets"])
    )
    path.write_text(json.dumps({"runs": runs}, indent=1) + "\n")
    head = """# How long a gate takes

Made by `benchmarks/gates.py --out docs`, which says how to install the peers; do not edit. The arms of a run
took turns, round by round, one day apart. Medians; ratios are medians of the rounds' ratios, so that they
hold where seconds do not."""
    (folder / "gate-speed.md").write_text("\n\n".join([head, *map(_chapter, runs), WHAT]) + "\n")


def _chapter(run: dict[str, Any]) -> str:
    loads = " to ".join(f"{load:.1f}" for load in run["load"])
    return f"""## {run["tickets"]:,} tickets

Over {run["days"]} days; {run["rounds"]} rounds on {run["processors"]} shared processors at a load of {loads}.

{table(run["arms"])}

What was promised, in times of the other:

{chr(10).join(f"- {line}" for line in run["bars"])}"""


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
    parser.add_argument("--out", type=Path, help="a folder to write gate-speed.md and gate-speed.json to")
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
    if options.out is not None:
        write_report(options.out, {**place, "arms": rows, "bars": verdicts(rows)})
    if options.json:
        print(json.dumps({**place, "arms": rows, "bars": verdicts(rows)}))
        return
    print(" · ".join(f"{name} {value}" for name, value in place.items()))
    print(table(rows), "", *verdicts(rows), sep="\n")


if __name__ == "__main__":
    main()
