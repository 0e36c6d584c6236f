"""What a misbehaving shadow agent costs the live path: servers side by side, slots in turn, an A/A control.

    python benchmarks/shadow.py                     every behaviour, a few minutes
    python benchmarks/shadow.py hang eat --rounds 2 --seconds 2
    python benchmarks/shadow.py --out docs          also write docs/shadow-isolation.json and .md

Tickets come at a fixed rate whether or not earlier ones are answered (open loop), and each answer's time
counts from when its ticket was due, so that a server that stalls does not hide it by being asked less.
Each round has a slot on a server that watches next to nothing, one on the watched server, and one more on
the first (A/A); the order turns with each round. Between its slots the watched server's agents are stopped:
what they burn is charged to their own slots. Ratios are medians of per-round ratios.
"""

import argparse
import asyncio
import json
import logging
import os
import shutil
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest import mock

import httpx

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from drills.house import PLAYBOOK, ticket  # noqa: E402
from drills.service import Service, serving_plans  # noqa: E402

from rollout.record.folder import DataFolder  # noqa: E402
from rollout.records import Kind  # noqa: E402

_AGENT: Final = """
import asyncio, os, re, time
from agents.contract import Action, Reply, Usage

KEPT = []

class Harmful:
    version = "harmful@1.0.0"

    async def answer(self, ticket, triage, tools):
        {harm}
        return Reply(Action.REPLY, "It is on its way.", usage=Usage(cost_usd=0.001))

def make():
    return Harmful()
"""
BEHAVIOURS: Final = {
    "quick": "pass",
    "hang": "await asyncio.sleep(3600)",
    "slow": "await asyncio.sleep(1)",
    "raise": "raise RuntimeError('harm')",
    "block": "time.sleep(1)",
    "hold": "re.match('(a+)+$', 'a' * 27 + 'b')  # seconds of C under the interpreter lock",
    "eat": "KEPT.append(bytearray(64 << 20))",
    "exit": "os._exit(3)",
    "dear": "return Reply(Action.REPLY, 'It is on its way.', usage=Usage(cost_usd=15.0))",
}
"""By name, what the agent does before it answers. ``quick`` at ten times the rate is ``flood``."""
_MOST_P50, _MOST_P99 = 1.1, 1.5
"""Times a server that watches nothing."""
_MANIFEST: Final = """name: harmful
version: "1.0.0"
kind: python
description: Harms on purpose.
python: {factory: "harmful:make"}
deadline: 2s
"""


@contextmanager
def served(base: Path, harm: str | None) -> Iterator[Service]:
    """A server whose shadow harms so; with none it watches nothing."""
    base.mkdir()
    (base / "harmful.py").write_text(_AGENT.replace("{harm}", harm or "pass"))
    path = f"{base}{os.pathsep}{ROOT}"
    plan = PLAYBOOK.read_text().replace("agent: resolution@1.2.0", "agent: harmful@1.0.0")
    plan = plan.replace("deadline: 20s}", "deadline: 2s}").replace("    max_duration: 28d\n", "")
    if harm is None:
        plan = plan.replace("percentage: 100", "percentage: 1")

    files = {"plan": plan.encode(), "agents/harmful@1.0.0": _MANIFEST.encode()}
    environment = {**os.environ, "PYTHONPATH": path, "RIDEALONG_AGENTS_MEMORY": "1GiB"}
    with mock.patch.object(os, "environ", environment), serving_plans(base, files) as service:
        yield service


async def slot(url: str, name: str, rate: float, seconds: float) -> tuple[list[float], Counter[str]]:
    """Tickets at a rate for so long; seconds from due to answered, and what went wrong."""
    took: list[float] = []
    errors: Counter[str] = Counter()
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, limits=limits) as http:

        async def ask(number: int, due: float) -> None:
            await asyncio.sleep(max(due - time.monotonic(), 0))
            body = ticket(f"{name}-{number}", urgency="normal", text="Where is my order?")
            try:
                answer = await http.post("/v1/tickets", json=body)
            except httpx.HTTPError as error:
                errors[type(error).__name__] += 1
                return
            took.append(time.monotonic() - due)
            if answer.status_code != 200:
                errors[str(answer.status_code)] += 1

        begin = time.monotonic() + 0.05
        await asyncio.gather(*(ask(number, begin + number / rate) for number in range(int(rate * seconds))))
    return took, errors


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def _signal(service: Service, number: int) -> None:
    process = service.supervisor.child("shadows").process
    if process is not None and process.poll() is None:
        process.send_signal(number)


def measured(name: str, rounds: int, seconds: float, rate: float, base: Path) -> dict[str, Any]:
    """One behaviour's figures."""
    flood = name == "flood"
    ratios: dict[str, list[float]] = {key: [] for key in ("p50", "p99", "aa_p50", "aa_p99")}
    errors: Counter[str] = Counter()
    with ExitStack() as stack:
        plain = stack.enter_context(served(base / "plain", None))
        watched = stack.enter_context(served(base / "watched", BEHAVIOURS["quick" if flood else name]))
        for number in range(rounds):
            took: dict[str, list[float]] = {}
            arms = [("a", plain), ("b", watched), ("aa", plain)]
            for arm, service in arms if number % 2 == 0 else reversed(arms):
                service.supervisor.check()
                other = watched if service is plain else plain
                other.supervisor.check()
                _signal(watched, signal.SIGCONT if arm == "b" else signal.SIGSTOP)
                asked = slot(service.url, f"{name}-{arm}-{number}", rate * (10 if flood else 1), seconds)
                took[arm], wrong = asyncio.run(asked)
                if arm == "b":
                    errors += wrong
            for key, share in (("p50", 0.5), ("p99", 0.99)):
                low = quantile(took["a"], share)
                ratios[key].append(quantile(took["b"], share) / low)
                ratios[f"aa_{key}"].append(quantile(took["aa"], share) / low)
        _signal(watched, signal.SIGCONT)
        restarts = watched.supervisor.child("shadows").failures
    drops, spent = _dropped(base / "watched" / "data")
    middle = {key: round(statistics.median(values), 2) for key, values in ratios.items()}
    shutil.rmtree(base / "plain")
    shutil.rmtree(base / "watched")
    return {
        "behaviour": name,
        **middle,
        "live_errors": sum(errors.values()),
        "drops": dict(sorted(drops.items())),
        "spent_usd": round(spent, 2),
        "restarts": restarts,
    }


def _dropped(data: Path) -> tuple[Counter[str], float]:
    """Shadow runs by what became of them, and what they cost."""
    drops: Counter[str] = Counter()
    spent = 0.0
    with DataFolder.open(data, parts=("journal",)) as folder:
        for record in folder.read():
            if record.kind == Kind.COMPARISON:
                drops[record.payload["dropped"] or "answered"] += 1
                spent += record.payload["cost_usd"] or 0.0
    return drops, spent


def page(rows: list[dict[str, Any]], told: str) -> str:
    """Markdown of the table."""
    head = (
        "# Shadow isolation\n\n"
        "What a misbehaving shadow agent costs `POST /v1/tickets`; made by "
        f"`python benchmarks/shadow.py --out docs`. {told}\n\n"
        "| shadow | p50 | p99 | A/A p50 | A/A p99 | live errors | its runs | USD | restarts |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    lines = []
    for row in rows:
        drops = ", ".join(f"{name} {count:,}" for name, count in row["drops"].items())
        cells = [row[key] for key in ("behaviour", "p50", "p99", "aa_p50", "aa_p99", "live_errors")]
        lines.append("| " + " | ".join(map(str, [*cells, drops, row["spent_usd"], row["restarts"]])) + " |\n")
    failed = sum(row["live_errors"] for row in rows)
    told = ["", "What was promised:", "", f"- live errors: {failed}, none allowed: {_kept(not failed)}"]
    for row in rows:
        p99 = max(_MOST_P99, row["aa_p99"])
        half = f"p50 {row['p50']} times, at most {_MOST_P50}: {_kept(row['p50'] <= _MOST_P50)}"
        rest = f"p99 {row['p99']} times, at most {p99}: {_kept(row['p99'] <= p99)}"
        told.append(f"- {row['behaviour']}: {half}; {rest}")
    told += [
        "",
        "The p99 bar is what the A/A control differs by where that is more; a p50 of the control far from 1",
    ]
    told += ["says that the slots were too short for the machine, and nothing of the shadow."]
    return head + "".join(lines) + "\n".join(told) + "\n"


def _kept(held: bool) -> str:
    return "kept" if held else "MISSED"


def main() -> int:
    names = [*BEHAVIOURS, "flood"]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("behaviours", nargs="*", metavar="BEHAVIOUR", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one slot")
    parser.add_argument("--rate", type=float, default=25.0, help="tickets per second")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    rows = []
    for name in options.behaviours or names:
        with TemporaryDirectory() as base:
            rows.append(measured(name, options.rounds, options.seconds, options.rate, Path(base)))
        print(json.dumps(rows[-1]), flush=True)
    if options.out:
        told = (
            f"{options.rounds} rounds of three slots of {options.seconds:g} s, {options.rate:g} tickets/s; "
            "medians of per-round ratios to a server that watches nothing."
        )
        (options.out / "shadow-isolation.json").write_text(json.dumps(rows, indent=1) + "\n")
        (options.out / "shadow-isolation.md").write_text(page(rows, told))
    return 1 if any(row["live_errors"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
