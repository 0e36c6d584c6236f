"""What a durable decision over HTTP costs, beside an endpoint that does nothing.

    python benchmarks/http_door.py --out docs       # needs wrk on PATH; nginx if it is there

The arms' servers live at the same time and are asked in turn, there and back, so that a busy machine is as
unfair to one as to the other: ``empty`` is a FastAPI endpoint that answers ``{}`` on the same uvicorn,
``again`` is a second one like it (how far two runs of one thing differ), ``route`` is ``POST /v1/route`` of
`ridealong serve`, where every ticket is new and durable before it is answered, ``keyed`` is the same behind
an access key, ``batch`` is a hundred tickets in one request, ``nginx`` splits by a hash and writes a log that
nobody waits for. The process that answers runs on the first processor, everything else on the second. At
the end every server is killed, and what it had acknowledged is counted in its journal.

Not called http.py: Python would take it for the library of that name.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
RIDEALONG = Path(sys.executable).with_name("ridealong")
PLAN = """workflow: tier1
owners: {workflow: support, technical: engineering, escalation: leads}
unit: customer
salt: bench-1
holdout: 5
eligible: {complexity: [simple], urgency: [low, normal]}
agent: demo@1.0.0
steps:
  - name: ten
    set_weight: 10
    min_duration: 7d
    gate: [escalation]
metrics:
  escalation: {margin: 5pp}
inference: {alpha: 0.05, power: 0.8}
"""
EMPTY = """
import fastapi, gc, uvicorn, sys
app = fastapi.FastAPI()
@app.post("/")
async def empty():
    return {}
gc.collect(); gc.freeze()
uvicorn.run(app, port=int(sys.argv[1]), http="httptools", log_level="error", access_log=False,
            server_header=False)
"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 1000000000;
  split_clients "${{http_x_unit}}${{request_id}}" $arm {{ 10% agent; * human; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{{"arm":"$arm"}}'; }}
  }}
}}
"""
BARS = (
    ("route", "requests per second", "rate", ">=", 0.8),
    ("route", "processor time per request", "cpu", "<=", 1.3),
    ("route", "p99", "p99", "<=", 1.5),
    ("batch", "tickets per empty request", "rate", ">=", 8.0),
)
BATCH, CONNECTIONS = 100, 32
SETTLING = 1.0
"""Seconds before each turn: what a server still does for its last one must not stand in the next one's."""
KEY = ("--role", "operator", "--name", "bench", "--rate", "1000000")


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


class Server:
    """One arm's server; ``answering`` is the process whose time counts."""

    path, batch, key = "/", 1, ""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.port = name, folder, free_port()
        self.acknowledged = self.turns = 0
        folder.mkdir()
        self.process = subprocess.Popen(self.command(), env=_quiet(), start_new_session=True)

    def command(self) -> list[str]:
        return [sys.executable, "-c", EMPTY, str(self.port)]

    @property
    def answering(self) -> int:
        return self.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self) -> None:
        for _ in range(300):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                self.ready()
                break
            time.sleep(0.1)
        for thread in Path(f"/proc/{self.answering}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {0})

    def ready(self) -> None:
        """Nothing more to wait for."""

    def turn(self, seconds: float) -> dict[str, float]:
        self.turns += 1
        environment = _quiet() | {
            "WRK_PREFIX": f"{self.turns}-",
            "WRK_WORKFLOW": "tier1",
            "WRK_BATCH": str(self.batch),
        }
        if self.key:
            environment["WRK_KEY"] = self.key
        url = f"http://127.0.0.1:{self.port}{self.path}"
        script = ROOT / "benchmarks" / "door.lua"
        command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
        before = _processor(self.answering)
        out = subprocess.run(
            [*command, "-s", str(script), url], env=environment, capture_output=True, text=True, check=True
        ).stdout
        spent = _processor(self.answering) - before
        found = json.loads(next(line for line in out.splitlines() if line.startswith("RESULT"))[7:])
        if found["errors"] or found["refused"]:
            print(f"{self.name}: {found['errors']} errors, {found['refused']} refused", file=sys.stderr)
        self.acknowledged += (found["requests"] - found["refused"]) * self.batch
        answered = max(found["requests"], 1)
        return {
            "rate": answered * self.batch / found["seconds"],
            "cpu": 1e6 * spent / answered / self.batch,
            "p50": found["p50"],
            "p99": found["p99"],
            "failed": found["errors"] + found["refused"],
        }


class Ours(Server):
    """`ridealong serve` over a new folder."""

    path = "/v1/route"

    def command(self) -> list[str]:
        plans = self.folder / "rollouts"
        plans.mkdir()
        (plans / "tier1.yaml").write_text(PLAN, encoding="utf-8")
        for part in ("agents", "conduct"):
            shutil.copytree(ROOT / "policies" / part, self.folder / part)
        self.data = self.folder / "data"
        if self.name == "keyed":
            made = subprocess.run(
                [str(RIDEALONG), "keys", "create", "--json", "--data", str(self.data), *KEY],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            self.key = json.loads(made.stdout)["key"]
        serve = ["serve", "--data", str(self.data), "--plans", str(plans), "--port", str(self.port)]
        return ["taskset", "-c", "1", str(RIDEALONG), *serve]

    def ready(self) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
            if json.loads(answer.read())["status"] != "ready":
                raise OSError("not ready")

    @property
    def answering(self) -> int:
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                stat = (entry / "stat").read_text()
                if stat.rsplit(")", 1)[1].split()[1] != str(self.process.pid):
                    continue
                if b"router_process" in (entry / "cmdline").read_bytes():
                    return int(entry.name)
        raise OSError("the router is not there yet")

    def lost(self) -> int:
        """After the kill: how many acknowledged tickets are not in the journal."""
        from rollout.record.reader import JournalReader

        kept = sum(record.kind == "assignment" for record in JournalReader(self.data / "journal").read())
        return max(self.acknowledged - kept, 0)


class Batch(Ours):
    batch = BATCH


class Nginx(Server):
    def command(self) -> list[str]:
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, port=self.port), encoding="utf-8")
        return ["nginx", "-c", str(config), "-p", str(self.folder)]

    @property
    def answering(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        if not children:
            raise OSError("no worker yet")
        return int(children[0])


def _quiet() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("WRK_", "RIDEALONG_"))}


def _processor(pid: int) -> float:
    """Seconds of user and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def race(
    folder: Path, rounds: int, seconds: float
) -> tuple[dict[str, list[dict[str, float]]], dict[str, int]]:
    """Answers by arm, two per round; and how many acknowledged tickets were lost, by arm."""
    arms: dict[str, type[Server]] = {"empty": Server, "again": Server, "route": Ours, "keyed": Ours}
    arms |= {"batch": Batch} | ({"nginx": Nginx} if shutil.which("nginx") else {})
    found: dict[str, list[dict[str, float]]] = {name: [] for name in arms}
    with ExitStack() as alive:
        servers = {name: alive.enter_context(kind(name, folder / name)) for name, kind in arms.items()}
        for server in servers.values():
            server.wait()
            server.turn(1)  # warm
        for number in range(rounds):
            for name in [*servers, *reversed(servers)]:
                time.sleep(SETTLING)
                found[name].append(servers[name].turn(seconds))
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        ours = {name: server for name, server in servers.items() if isinstance(server, Ours)}
        for server in ours.values():
            server.__exit__()
        return found, {name: server.lost() for name, server in ours.items()}


def summary(found: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    rows = []
    for name, turns in found.items():
        row: dict[str, Any] = {"arm": name, "failed": sum(turn["failed"] for turn in turns)}
        for what in ("rate", "cpu", "p50", "p99"):
            row[what] = median(turn[what] for turn in turns)
            pairs = zip(turns, found["empty"], strict=True)
            row[f"x_{what}"] = median(a[what] / b[what] for a, b in pairs if b[what])
        rows.append(row)
    return rows


def bars(rows: list[dict[str, Any]], lost: dict[str, int]) -> list[tuple[str, bool]]:
    by = {row["arm"]: row for row in rows}
    said = []
    for arm, words, what, sign, bound in BARS:
        value = by[arm][f"x_{what}"]
        held = value >= bound if sign == ">=" else value <= bound
        said.append((f"{arm}: {words} {value:.2f} times the empty endpoint's, {sign} {bound:g}", held))
    total = sum(lost.values())
    return [*said, (f"acknowledged tickets missing after the kill: {total}", total == 0)]


def page(rows: list[dict[str, Any]], lost: dict[str, int], load: str) -> str:
    lines = [
        "# What a durable decision over HTTP costs",
        "",
        "Made by `benchmarks/http_door.py --out docs`, which says what the arms are; do not edit.",
        f"{CONNECTIONS} connections, {os.cpu_count()} processors at a load of {load}. Medians of turns,",
        "ratios are medians of the ratios of neighbouring turns. Rates and processor time are per ticket.",
        "",
        "| arm | tickets/s | × empty | µs of processor | × empty | p50 ms | p99 ms | × empty | failed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['arm']} | {row['rate']:.0f} | {row['x_rate']:.2f} | {row['cpu']:.0f} | {row['x_cpu']:.2f} "
        f"| {row['p50']:.2f} | {row['p99']:.2f} | {row['x_p99']:.2f} | {row['failed']:.0f} |"
        for row in rows
    ]
    kept = {True: "kept", False: "MISSED"}
    lines += ["", "What was promised:", "", *(f"- {text}: {kept[held]}" for text, held in bars(rows, lost))]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="What a durable decision over HTTP costs.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="per turn")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, help="a folder to write http-speed.md and http-speed.json to")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not on PATH; on Debian: apt-get install wrk")
    sys.path.insert(0, str(ROOT))
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        found, lost = race(Path(folder), options.rounds, options.seconds)
    rows = summary(found)
    text = page(rows, lost, f"{before:.1f} to {os.getloadavg()[0]:.1f}")
    if options.out:
        (options.out / "http-speed.md").write_text(text, encoding="utf-8")
        result = json.dumps({"arms": rows, "lost": lost}, indent=1)
        (options.out / "http-speed.json").write_text(result + "\n", encoding="utf-8")
    print(json.dumps({"arms": rows, "lost": lost}) if options.json else text)
    return 0 if all(held for _, held in bars(rows, lost)) else 1


if __name__ == "__main__":
    sys.exit(main())
