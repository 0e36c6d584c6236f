r"""What one decision costs: beside one SHA-256 of the same key, beside feature-flag SDKs, and in SQL.

    python benchmarks/decide.py                                  # without peers
    python -m venv peers
    peers/bin/pip install growthbook launchdarkly-server-sdk UnleashClient \
        openfeature-provider-flagd statsig-python-core
    python benchmarks/decide.py --peers peers/bin/python --out docs

Every contender lives in a process of its own and all are asked in turn, there and back (A B … B A), the
same customers each time; ratios are medians of the rounds' ratios of processor time, which other work on
the machine disturbs less than the clock. ``again`` is our decision once more: how far two runs of one
thing differ. The second part decides millions of tickets twice, in Python and in SQL, and counts where
the two differ.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from decide_arms import CONTENDERS  # noqa: E402 - the path above comes first

OURS = ("sha256", "hash and compare", "ridealong", "again")
FLOOR, LEAST = (
    "sha256",
    {"growthbook": 5, "launchdarkly": 10, "unleash": 12, "flagd": 20, "statsig (Rust)": 2},
)
"""By how much ours has to be faster than each."""
MOST_HASHES, LEAST_SQL = 3.0, 20.0


class Worker:
    """A contender in its own process."""

    def __init__(self, name: str, python: str) -> None:
        command = [python, str(ROOT / "benchmarks" / "decide_arms.py"), name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.there = self._line() is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def decide(self, number: int) -> dict[str, float]:
        assert self._process.stdin
        print(number, file=self._process.stdin, flush=True)
        answer = self._line()
        if answer is None:
            raise SystemExit("a contender ended while it was asked; run it by hand to see why")
        return answer

    def _line(self) -> dict[str, float] | None:
        assert self._process.stdout
        line = self._process.stdout.readline()
        return dict(json.loads(line)) if line else None


def race(peers: str | None, decisions: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Answers by contender, two per round; who is not installed is left out."""
    with ExitStack() as alive:
        workers = {}
        for name in CONTENDERS:
            python = sys.executable if name in OURS else peers
            worker = alive.enter_context(Worker(name, python)) if python else None
            if worker is None or not worker.there:
                print(f"{name}: not installed", file=sys.stderr)
                continue
            workers[name] = worker
            worker.decide(decisions)  # warm
        found: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
        for number in range(rounds):
            for name in [*workers, *reversed(workers)]:
                found[name].append(workers[name].decide(decisions))
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return found


def summary(found: dict[str, list[dict[str, float]]], decisions: int) -> list[dict[str, Any]]:
    rows = []
    for name, answers in found.items():
        row: dict[str, Any] = {
            "contender": name,
            "microseconds": 1e6 * median(answer["cpu"] for answer in answers) / decisions,
            "share": median(answer["share"] for answer in answers),
        }
        for beside in ("ridealong", FLOOR):
            pairs = zip(answers, found[beside], strict=True)
            row[f"x_{beside}"] = median(a["cpu"] / b["cpu"] for a, b in pairs)
        rows.append(row)
    return rows


def replay(tickets: int) -> dict[str, Any]:
    """The same tickets in Python and in SQL, under a split with a canary and a holdout."""
    import duckdb

    from policies.vocabulary import Mode
    from rollout.assign.assigner import Assigner
    from rollout.assign.split import Split
    from rollout.assign.sql import arm_sql

    split = Split(
        workflow="tier1",
        step="thirty",
        mode=Mode.LIVE,
        weight=Decimal(30),
        canary_weight=Decimal(20),
        holdout=Decimal(5),
        stable="resolution@1.2.0",
        canary="resolution@1.3.0",
        salt="tier1-2026",
        eligibility={
            "complexity": frozenset({"simple"}),
            "language": frozenset({"de", "en"}),
            "channel": frozenset({"email"}),
        },
    )
    decide = Assigner(split).decide
    connection = duckdb.connect()
    connection.execute(f"""CREATE TABLE tickets AS SELECT
        'customer-' || (hash(i) % {max(tickets // 3, 1)}) AS customer_id,
        ['simple', 'moderate', 'complex'][(1 + hash(i + 1) % 3)::BIGINT] AS complexity,
        ['de', 'en', 'fr', NULL][(1 + hash(i + 2) % 4)::BIGINT] AS language,
        ['email', 'chat'][(1 + hash(i + 3) % 2)::BIGINT] AS channel
        FROM range({tickets}) AS t(i)""")

    def counted() -> dict[str, int]:
        rows = connection.execute(f"SELECT {arm_sql(split)}, count(*) FROM tickets GROUP BY 1").fetchall()
        return dict(rows)

    counted()
    started, cpu = time.perf_counter(), time.process_time()
    arms = counted()
    sql = time.perf_counter() - started, time.process_time() - cpu
    mismatches, spent, seconds = 0, 0.0, 0.0
    cursor = connection.execute(f"SELECT *, {arm_sql(split)} AS arm FROM tickets")
    while batch := cursor.fetchmany(500_000):
        asked = [(unit, {"complexity": c, "language": la, "channel": ch}) for unit, c, la, ch, _ in batch]
        started, cpu = time.perf_counter(), time.process_time()
        decided = [decide(unit, attributes).arm for unit, attributes in asked]
        seconds, spent = seconds + time.perf_counter() - started, spent + time.process_time() - cpu
        mismatches += sum(arm != row[-1] for arm, row in zip(decided, batch, strict=True))
    return {
        "tickets": tickets,
        "arms": arms,
        "mismatches": mismatches,
        "sql_seconds": sql[0],
        "sql_cpu": sql[1],
        "python_seconds": seconds,
        "python_cpu": spent,
        "faster": seconds / sql[0],
    }


def bars(rows: list[dict[str, Any]], replayed: dict[str, Any]) -> list[tuple[str, bool | None]]:
    """What was promised, and whether it was kept; None where it was not measured."""
    by = {row["contender"]: row for row in rows}
    hashes = by["ridealong"][f"x_{FLOOR}"]
    said: list[tuple[str, bool | None]] = [
        (
            f"a decision is {hashes:.2f} SHA-256 of the same key, at most {MOST_HASHES:g}",
            hashes <= MOST_HASHES,
        )
    ]
    for name, least in LEAST.items():
        if name not in by:
            said.append((f"{name}: not installed", None))
            continue
        times = by[name]["x_ridealong"]
        said.append((f"{times:.1f} times as fast as {name}, at least {least}", times >= least))
    said.append((f"{replayed['mismatches']} of {replayed['tickets']:,} differ", not replayed["mismatches"]))
    faster = replayed["faster"]
    said.append((f"SQL {faster:.0f} times as fast as the loop, at least {LEAST_SQL:g}", faster >= LEAST_SQL))
    return said


def page(rows: list[dict[str, Any]], replayed: dict[str, Any], load: str) -> str:
    kept = {True: "kept", False: "MISSED", None: "not measured"}
    lines = [
        "# What a decision costs",
        "",
        "Made by `benchmarks/decide.py --out docs`, which says how to install the peers and how turns",
        "are taken; do not edit. Five percent to the agent, of German tickets by e-mail; every ticket asked",
        f"about is eligible. {os.cpu_count()} shared processors at a load of {load}.",
        "",
        "| contender | µs of processor | × ridealong | × one SHA-256 | agent's share |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        share = "–" if row["contender"] == FLOOR else f"{row['share']:.2f} %"
        lines.append(
            f"| {row['contender']} | {row['microseconds']:.2f} | {row['x_ridealong']:.2f} "
            f"| {row[f'x_{FLOOR}']:.2f} | {share} |"
        )
    lines += [
        "",
        f"{replayed['tickets']:,} tickets decided again under a split with a canary and a holdout:",
        f"{replayed['sql_seconds']:.2f} s in SQL ({replayed['sql_cpu']:.2f} s of processor time),",
        f"{replayed['python_seconds']:.1f} s in Python's loop ({replayed['python_cpu']:.1f} s).",
        "",
        "What was promised:",
        "",
        *(f"- {text}: {kept[held]}" for text, held in bars(rows, replayed)),
        "",
        "The SDKs answer a boolean flag with the same rule, events off, from a local file or a local server.",
        "Ours says besides which arm and version, why, and in which bucket.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="What one decision costs, beside peers and in SQL.")
    parser.add_argument("--peers", help="a Python with the SDKs")
    parser.add_argument("--decisions", type=int, default=4000, help="per turn")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tickets", type=int, default=10_000_000, help="decided in SQL and in Python")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, help="a folder to write decide-speed.md and decide-speed.json to")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    rows = summary(race(options.peers, options.decisions, options.rounds), options.decisions)
    replayed = replay(options.tickets)
    text = page(rows, replayed, f"{before:.1f} to {os.getloadavg()[0]:.1f}")
    result = {"contenders": rows, "replay": replayed}
    if options.out:
        (options.out / "decide-speed.md").write_text(text, encoding="utf-8")
        (options.out / "decide-speed.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result) if options.json else text)
    return 0 if all(held is not False for _, held in bars(rows, replayed)) else 1


if __name__ == "__main__":
    sys.exit(main())
