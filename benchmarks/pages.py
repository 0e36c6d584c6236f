"""How long a page takes over ten thousand, a million and ten million tickets, in a real browser.

    python benchmarks/pages.py                                       # 10,000 tickets
    python benchmarks/pages.py --tickets 10000 1000000 10000000 --out docs

For each number of tickets: a data folder of its own (``page_world``), the real server and dashboard over
it, a ticket every second so that nothing stands still, and

- every read behind a page, asked of the API: the first one after the start, until there is an answer, and
  then again and again, with the processor time that the server takes meanwhile;
- every page in headless Chromium: loaded anew, and reached by a click in the menu, until the script has
  run and its pictures stand;
- what people do on a page: another period, a filter, a threshold, a step changed on paper.

Medians of several loads. The browser, the dashboard and the server share the machine's processors; the
smallest desk shows what of a page's time is Streamlit's and the browser's own.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from page_world import WORKFLOW, build  # noqa: E402 - the path above comes first
from pages_page import write_report  # noqa: E402

from rollout.serve import server, viewer  # noqa: E402
from rollout.serve.sockets import free_port  # noqa: E402

READS: Final = {
    "Overview": [f"/v1/metrics/overview?workflow={WORKFLOW}&period=28d"],
    "Overview, all time": [f"/v1/metrics/overview?workflow={WORKFLOW}&period=all"],
    "Overview, filtered": [f"/v1/metrics/overview?workflow={WORKFLOW}&period=28d&category=billing"],
    "Knowledge": [f"/v1/knowledge?workflow={WORKFLOW}&period=28d"],
    "Quality": [f"/v1/quality?workflow={WORKFLOW}&period=28d", "/metrics"],
    "Desk": [f"/v1/queue?workflow={WORKFLOW}&state=open&limit=100"],
    "Review": [f"/v1/reviews/next?workflow={WORKFLOW}&actor=ada"],
    "Rollouts": ["/v1/workflows"],
    "Gate": [f"/v1/workflows/{WORKFLOW}/gate", f"/v1/workflows/{WORKFLOW}/path"],
    "Plan": ["POST /v1/plans/what-if"],
    "Shadow": [f"/v1/metrics/overview?workflow={WORKFLOW}&period=90d"],
    "Incidents": ["/v1/incidents"],
    "Audit": ["/v1/audit"],
}
"""Page to the reads that are its own, beside the list of workflows that each of them asks for."""
PAGES: Final = tuple(name for name in READS if "," not in name)
PATIENT: Final = 900
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
_DRAWN: Final = """() => !document.querySelector('[data-testid=stSkeleton]') &&
    [...document.querySelectorAll('[data-testid=stVegaLiteChart]')]
        .every(each => each.querySelector('canvas, svg'))
"""
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass
class House:
    """A server and its dashboard, running."""

    api: str
    dashboard: str
    pids: list[int]
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=60))

    def processor(self) -> float:
        """Seconds of processor time that the server's processes have taken; the dashboard's are not in it."""
        return sum(_processor(pid) for pid in self.pids)

    def ask(self, what: str) -> float:
        """Seconds until the read is answered, however often it has to be asked."""
        method, _, path = what.rpartition(" ")
        begun = time.perf_counter()
        while True:
            body = {"workflow": WORKFLOW} if method else None
            answer = self.http.request(method or "GET", f"{self.api}{path}", json=body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                answer.raise_for_status()
                return time.perf_counter() - begun
            if time.perf_counter() - begun > PATIENT:
                raise SystemExit(f"{what} was not answered within {PATIENT} s: {answer.text}")
            time.sleep(0.5)


@contextmanager
def house(data: Path) -> Iterator[House]:
    port = free_port("127.0.0.1", 8501)
    with server.running(data, port=0, others=lambda url: [viewer.child(url, port)]) as (supervisor, url):
        server.wait_until_ready(supervisor, url, timeout=PATIENT)
        shown = f"http://127.0.0.1:{port}"
        viewer.wait_until_shown(supervisor, shown)
        pids = [supervisor.child(name).process.pid for name in ("router", "analyst")]  # type: ignore[union-attr]
        yield House(url, shown, pids)


@contextmanager
def arriving(place: House) -> Iterator[None]:
    """A ticket every second."""
    over = threading.Event()

    def send() -> None:
        number = 0
        with httpx.Client(trust_env=False, timeout=60) as http:
            while not over.wait(1.0):
                number += 1
                ticket = {
                    "ticket_id": f"new-{os.getpid()}-{number}",
                    "customer_id": f"n{number % 50}",
                    "opened_at": datetime.now(UTC).isoformat(),
                    "workflow": WORKFLOW,
                    "category": "billing",
                    "complexity": "simple",
                    "urgency": "normal",
                }
                http.post(f"{place.api}/v1/route", json=ticket).raise_for_status()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def read(place: House, rounds: int, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Seconds per page's reads: the first time, and later, with the server's processor time."""
    wanted = {name: READS[name] for name in names}
    found: dict[str, dict[str, float]] = {}
    for name, reads in wanted.items():
        before = place.processor()
        first = sum(map(place.ask, reads))
        found[name] = {"first": first, "first_processor": place.processor() - before}
        _say(f"{name}: first read {first:.2f} s")
    laps: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted}
    for _ in range(rounds):
        for name, reads in wanted.items():
            before = place.processor()
            seconds = sum(map(place.ask, reads))
            laps[name].append((seconds, place.processor() - before))
        time.sleep(3)  # longer than small desks keep an answer while tickets come in
    for name, all_ in laps.items():
        found[name] |= {"later": median(lap[0] for lap in all_), "slowest": max(lap[0] for lap in all_)}
        found[name] |= {"processor": median(lap[1] for lap in all_)}
    return found


def look(browser: Browser, place: House, loads: int) -> dict[str, dict[str, float]]:
    """Seconds per page in a browser: loaded anew, and by a click in the menu."""
    found: dict[str, dict[str, float]] = {}
    for name in PAGES:
        address = place.dashboard if name == PAGES[0] else f"{place.dashboard}/{name.lower()}"
        times = []
        for _ in range(loads + 1):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            times.append(_timed(page, lambda page=page, address=address: page.goto(address)))  # type: ignore[misc]
            page.close()
        _say(f"{name}: loaded in {median(times[1:]):.2f} s")
        found[name] = {"load": median(times[1:])}  # the first one fills the browser's cache
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(place.dashboard)
    _settled(page)
    clicks: dict[str, list[float]] = {name: [] for name in PAGES}
    for _ in range(loads):
        for name in [*PAGES[1:], PAGES[0]]:
            link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=name)
            clicks[name].append(_timed(page, link.click))
        _say("clicked through all pages")
    for name, seconds in clicks.items():
        found[name]["click"] = median(seconds)
    page.close()
    return found


def do(browser: Browser, place: House, loads: int) -> dict[str, float]:
    """Seconds until a page stands again after something was done on it."""
    found: dict[str, list[float]] = {}
    page = browser.new_page(viewport={"width": 1280, "height": 800})

    def note(what: str, act: Callable[[], Any]) -> None:
        found.setdefault(what, []).append(_timed(page, act))
        _say(f"{what}: {found[what][-1]:.2f} s")

    for _ in range(loads):
        page.goto(place.dashboard)
        _settled(page)
        note("Overview: another period", lambda: page.get_by_text("90 days", exact=True).click())
        page.get_by_role("button", name="Filter").click()
        page.get_by_role("combobox", name="Category").click()
        note("Overview: a category", lambda: page.get_by_role("option", name="shipping").click())
        page.goto(f"{place.dashboard}/shadow?period=90+days")
        _settled(page)
        note("Shadow: the threshold", lambda: page.get_by_role("slider").first.press("ArrowRight"))
        page.goto(f"{place.dashboard}/plan")
        _settled(page)
        page.get_by_label("Eligible tickets a day").fill("900")
        note("Plan: another volume", page.get_by_role("button", name="Forecast").click)
    page.close()
    return {what: median(seconds) for what, seconds in found.items()}


def _timed(page: Page, act: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    act()
    _settled(page)
    return time.perf_counter() - begun


def _settled(page: Page) -> None:
    """The script has begun and run to its end, and its pictures stand."""
    page.wait_for_timeout(60)  # until the server has heard of the click
    page.get_by_role("heading", level=1).first.wait_for(timeout=PATIENT * 1000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=PATIENT * 1000)
    page.wait_for_function(_DRAWN, timeout=PATIENT * 1000)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def measure(data: Path, options: argparse.Namespace) -> dict[str, Any]:
    with house(data) as place, arriving(place):
        reads = read(place, options.loads, options.reads or list(READS))
        if options.reads:
            place.http.close()
            return {"reads": reads}
        with sync_playwright() as playwright:
            chromium = shutil.which("chromium") or "/usr/bin/chromium"
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            pages, acts = look(browser, place, options.loads), do(browser, place, options.loads)
            browser.close()
        place.http.close()
    return {"reads": reads, "pages": pages, "acts": acts}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tickets", type=int, nargs="+", default=[10_000])
    parser.add_argument("--days", type=int, default=180, help="the days the tickets are spread over")
    parser.add_argument("--loads", type=int, default=5)
    parser.add_argument("--reads", nargs="+", choices=READS, help="measure these again, and nothing else")
    parser.add_argument("--folder", type=Path, help="where the tickets are kept for another run")
    parser.add_argument("--out", type=Path, help="a folder to write page-speed.md and page-speed.json to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for tickets in options.tickets:
            _say(f"{tickets:,} tickets: making them")
            data = build((options.folder or Path(scratch)) / str(tickets), tickets, options.days)
            load = [os.getloadavg()[0]]
            run = {"tickets": tickets, "days": options.days, "loads": options.loads}
            run |= measure(data, options) | {
                "processors": os.cpu_count(),
                "load": [*load, os.getloadavg()[0]],
            }
            if options.out is not None:
                write_report(options.out, run)
            print(json.dumps(run), flush=True)


if __name__ == "__main__":
    main()
