"""The page in a real browser, against the real server on a small simulated desk."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from rollout.serve import server, viewer
from rollout.serve.sockets import free_port
from rollout.trials.demo import Settings, simulate
from rollout.trials.world import Size

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
QUIET = ["--disable-component-update", "--disable-sync"]
PATIENT = 60_000
"""Milliseconds to wait for something to appear; never a measurement."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass
class Shown:
    """The dashboard's page, what it complained of and whom it called."""

    page: Page
    api: httpx.Client
    url: str
    errors: list[str]
    outside: list[str]

    def load(self) -> None:
        self.page.goto(self.url)
        expect(self.page.get_by_role("heading", name="What happened")).to_be_visible(timeout=PATIENT)
        app = self.page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENT)

    def order(self, label: str, reason: str) -> None:
        self.page.get_by_role("button", name=label, exact=True).click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Your name").fill("ada")
        dialog.get_by_label("Reason (it is recorded)").fill(reason)
        dialog.get_by_role("button", name=f"{label} now").click()

    def row(self) -> dict[str, Any]:
        return dict(self.api.get("/v1/workflows/demo-support").json())


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    data = tmp_path_factory.mktemp("browser") / "data"
    simulate(data, Settings(weeks=2, until=date(2026, 9, 1), size=Size(tickets_per_day=25, customers=800)))
    port = free_port("127.0.0.1", 0)
    with ExitStack() as stack:
        run = server.running(data, port=0, others=lambda url: [viewer.child(url, port)])
        supervisor, api = stack.enter_context(run)
        server.wait_until_ready(supervisor, api)
        viewer.wait_until_shown(supervisor, f"http://127.0.0.1:{port}")
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *QUIET])
        stack.callback(browser.close)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        http = stack.enter_context(httpx.Client(base_url=api, trust_env=False, timeout=20))
        found = Shown(page, http, f"http://127.0.0.1:{port}", [], [])
        page.on("console", lambda line: found.errors.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.on("request", lambda request: found.outside.append(request.url))
        page.on("dialog", lambda dialog: found.errors.append(f"dialog: {dialog.message}"))
        yield found


def test_the_page_shows_every_part_without_a_complaint(shown: Shown) -> None:
    shown.load()
    for heading in ("Ladder", "Gate of step", "Are customers better off?", "What happened"):
        expect(shown.page.get_by_role("heading", name=heading)).to_be_visible()
    shown.page.get_by_role("radio", name="All").click()  # the simulated weeks are long past
    charts = shown.page.get_by_test_id("stVegaLiteChart")
    expect(charts.nth(5)).to_be_visible(timeout=PATIENT)
    expect(shown.page.get_by_text("could not be drawn")).to_have_count(0)
    assert shown.errors == []


def test_it_calls_nobody_but_its_own_server(shown: Shown) -> None:
    shown.load()
    assert shown.outside
    foreign = [url for url in shown.outside if not url.startswith((shown.url, "data:", "blob:"))]
    assert foreign == []


def test_the_page_fits_a_small_laptop(shown: Shown) -> None:
    shown.load()
    main = shown.page.get_by_test_id("stMain")
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth")


def test_a_refusal_is_shown_in_the_servers_words(shown: Shown) -> None:
    shown.load()
    before = shown.row()["position"]
    shown.order("Promote", "it looks ready to me")
    expect(shown.page.get_by_role("dialog").get_by_text("does not allow")).to_be_visible(timeout=PATIENT)
    assert shown.row()["position"] == before


def test_pause_and_abort_really_move_the_rollout(shown: Shown) -> None:
    shown.load()
    shown.order("Pause", "waiting for the weekly meeting")
    expect(shown.page.get_by_text("Paused", exact=True)).to_be_visible(timeout=PATIENT)
    assert shown.row()["status"] == "paused"
    shown.order("Abort", "customers complain on the phone")
    expect(shown.page.get_by_text("Aborted", exact=True).first).to_be_visible(timeout=PATIENT)
    row = shown.row()
    newest = row["transitions"][-1]
    assert (row["status"], row["split"]["weight"]) == ("aborted", 0)
    assert (newest["action"], newest["actor"]) == ("abort", "ada")
    assert "on the phone" in newest["sentence"]
    assert shown.errors == []
