"""The pages in a real browser, against the real server with keys, on a small simulated desk."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from rollout.access.key_desk import KeyDesk
from rollout.access.notes import Author
from rollout.access.roles import Role
from rollout.record.folder import DataFolder
from rollout.report_html import report_html
from rollout.serve import server, viewer
from rollout.serve.sockets import free_port
from rollout.trials.demo import Settings, simulate
from rollout.trials.world import Size

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
QUIET = ["--disable-component-update", "--disable-sync"]
PORTS = {"ada": 8501, "eve": 8601, "max": 8701}
PATIENT = 60_000
"""Milliseconds to wait for something to appear; never a measurement."""
DESK = "demo-support"
HOSTILE = (
    '=HYPERLINK("http://evil.example") ![x](http://evil.example/x.png) <img src=x onerror=alert(1)> '
    "<script>alert(2)</script> $a$ [b](http://evil.example)"
)
PAGES = {
    "Overview": "Are customers better off?",
    "Knowledge": "Knowledge",
    "Quality": "Quality",
    "Desk": "Desk",
    "Review": "Review",
    "Rollouts": "Rollouts",
    "Gate": "Gate",
    "Plan": "Plan",
    "Shadow": "Shadow",
    "Incidents": "Incidents",
    "Audit": "Audit",
    "Story": "Story",
}
REFUSED = {"Desk", "Review", "Audit"}
"""Pages that release managers and viewers may open and the server tells them nothing on."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass
class Viewer:
    """One person's dashboard in a browser, what it complained of and whom it called."""

    page: Page
    url: str
    api: httpx.Client
    """The API with the same person's key."""
    errors: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    def open(self, name: str) -> Page:
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
        expect(self.page.get_by_role("heading", level=1, name=PAGES[name])).to_be_visible(timeout=PATIENT)
        self.settle()
        return self.page

    def start(self) -> None:
        self.page.goto(self.url)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENT)
        self.settle()

    def settle(self) -> None:
        app = self.page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENT)

    def ask(self, label: str, reason: str, *, override: bool = False) -> None:
        self.page.get_by_role("button", name=label, exact=True).click()
        dialog = self.page.get_by_role("dialog")
        if override:
            dialog.get_by_text("Promote all the same").click()
        dialog.get_by_label("Reason (it is recorded)").fill(reason)
        dialog.get_by_role("button", name=f"{label} now").click()

    def foreign(self) -> list[str]:
        """Whom the page called but its own server."""
        return [url for url in self.called if not url.startswith((self.url, "data:", "blob:"))]

    def row(self) -> dict[str, Any]:
        return dict(self.api.get(f"/v1/workflows/{DESK}").json())


@dataclass
class House:
    """The desk's people: two release managers, somebody who may only look, and who does everything else."""

    ada: Viewer
    eve: Viewer
    max: Viewer
    bo: httpx.Client


def _keys(data: Path) -> dict[str, str]:
    roles = {
        "ada": Role.RELEASE_MANAGER,
        "bo": Role.RELEASE_MANAGER,
        "eve": Role.VIEWER,
        "ops": Role.OPERATOR,
        "max": Role.ADMIN,
    }
    root = Author("os:root", "os", (), "root")
    with DataFolder.open(data) as folder:
        desk = KeyDesk(data, folder.record)
        return {
            name: desk.create(root, "test", role, "default", name=name, rate=1e6).clear
            for name, role in roles.items()
        }


def _viewer(browser: Browser, url: str, api: httpx.Client) -> Viewer:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    found = Viewer(page, url, api)
    page.on("console", lambda line: found.errors.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("request", lambda request: found.called.append(request.url))
    page.on("dialog", lambda dialog: found.errors.append(f"dialog: {dialog.message}"))
    found.start()
    return found


def _hostile_ticket(api: httpx.Client) -> None:
    now = datetime.now(UTC).isoformat()
    ticket = {"ticket_id": "payload", "customer_id": "c", "opened_at": now, "workflow": DESK}
    sent = api.post("/v1/route", json=ticket | {"category": HOSTILE[:100], "tier": "<b>x", "text": HOSTILE})
    assert sent.status_code == 200, sent.text


def _loaded(*place: str) -> Any:
    """A module of the repository that belongs to no package."""
    path = Path(__file__).parents[2].joinpath(*place)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _afternoon(data: Path) -> None:
    """Hand-offs, pairs and articles in the folder; see the script."""
    _loaded("scripts", "_example_desk.py").fill(data, DESK, "demo@1.0.0", datetime.now(UTC))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("browser") / "data"
    simulate(data, Settings(weeks=2, until=date(2026, 9, 1), size=Size(tickets_per_day=12, customers=400)))
    _afternoon(data)
    keys = _keys(data)
    ports = {name: free_port("127.0.0.1", port) for name, port in PORTS.items()}

    def dashboards(url: str) -> list[Any]:
        return [
            replace(
                child := viewer.child(url, port),
                name=f"dashboard of {name}",
                environment={**child.environment, "RIDEALONG_API_KEY": keys[name]},
            )
            for name, port in ports.items()
        ]

    with ExitStack() as stack:
        run = server.running(data, port=0, others=dashboards)
        supervisor, url = stack.enter_context(run)
        server.wait_until_ready(supervisor, url)
        apis = {
            name: stack.enter_context(
                httpx.Client(
                    base_url=url, trust_env=False, timeout=30, headers={"authorization": f"Bearer {key}"}
                )
            )
            for name, key in keys.items()
        }
        _hostile_ticket(apis["ops"])
        for port in ports.values():
            viewer.wait_until_shown(supervisor, f"http://127.0.0.1:{port}")
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *QUIET])
        stack.callback(browser.close)
        people = {name: _viewer(browser, f"http://127.0.0.1:{ports[name]}", apis[name]) for name in PORTS}
        yield House(**people, bo=apis["bo"])


def test_every_page_is_drawn_without_a_complaint_and_fits_a_small_laptop(house: House) -> None:
    ada = house.ada
    ada.page.get_by_role("radio", name="All").click()  # the simulated weeks are long past
    expect(ada.page.get_by_test_id("stVegaLiteChart").nth(2)).to_be_visible(timeout=PATIENT)
    for name in PAGES:
        page = ada.open(name)
        expect(page.get_by_text("could not be drawn")).to_have_count(0)
        expect(page.get_by_test_id("stAlertContentError")).to_have_count(int(name in REFUSED))
        main = page.get_by_test_id("stMain")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth"), name
    assert ada.foreign() == []
    assert ada.errors == []


def test_the_address_says_what_is_looked_at(house: House) -> None:
    page = house.ada.open("Overview")
    assert "period=All" in page.url


def test_a_ticket_with_a_payload_stays_inert(house: House) -> None:
    ada = house.ada
    page = ada.open("Overview")
    page.get_by_role("button", name="Filter").click()
    page.get_by_text("Category", exact=True).wait_for()
    page.get_by_role("combobox", name="Category").click()
    expect(page.get_by_role("option", name="=HYPERLINK")).to_be_visible(timeout=PATIENT)
    page.get_by_role("option", name="=HYPERLINK").click()
    expect(page.get_by_text("Only category")).to_be_visible(timeout=PATIENT)
    page.keyboard.press("Escape")
    ada.settle()
    assert page.locator("img[src*='evil'], a[href*='evil']").count() == 0
    assert ada.foreign() == []
    assert ada.errors == []


def test_a_ticket_with_a_payload_stays_inert_on_the_desk(house: House) -> None:
    page = house.max.open("Desk")
    page.get_by_role("button", name="T-4133").click()
    expect(page.get_by_text("<script>alert(2)</script>").first).to_be_visible(timeout=PATIENT)
    assert page.locator("img[src*='evil'], a[href*='evil']").count() == 0
    assert house.max.foreign() == []
    assert house.max.errors == []


def test_a_hand_off_is_claimed_and_answered_with_the_keyboard(house: House) -> None:
    page = house.max.open("Desk")
    page.get_by_role("button", name="T-4127").click()
    expect(page.get_by_text("Take over by name").first).to_be_visible(timeout=PATIENT)
    page.get_by_role("button", name="Claim", exact=True).click()
    expect(page.get_by_text("You look after it")).to_be_visible(timeout=PATIENT)
    answer = page.get_by_label("Answer to the customer")
    answer.fill("I have read it and will call you at three.")
    answer.press("Control+Enter")
    expect(page.get_by_text("T-4127 is answered")).to_be_visible(timeout=PATIENT)
    done = house.max.api.get("/v1/queue", params={"state": "done"}).json()["items"]
    assert [item["claimed_by"].partition(" ")[0] for item in done if item["ticket_id"] == "T-4127"] == ["max"]
    said = house.max.api.get("/v1/conversations/T-4127").json()["turns"][-1]
    assert (said["author"], said["text"]) == ("human", "I have read it and will call you at three.")
    assert house.max.errors == []


def test_a_tickets_story_opens_over_the_desk_and_by_its_address(house: House) -> None:
    page = house.max.open("Desk")
    page.get_by_role("button", name="Its story").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Computed anew from the record")).to_be_visible(timeout=PATIENT)
    expect(dialog.get_by_text("In force when it was decided")).to_be_visible(timeout=PATIENT)
    page.keyboard.press("Escape")
    eve = house.eve.open("Story")
    eve.get_by_placeholder("Ticket id").fill("payload")
    eve.get_by_placeholder("Ticket id").press("Enter")
    expect(eve.get_by_text("Computed anew from the record")).to_be_visible(timeout=PATIENT)
    assert "ticket=payload" in eve.url
    assert eve.locator("img[src*='evil'], a[href*='evil']").count() == 0
    assert (house.eve.errors, house.eve.foreign(), house.max.errors) == ([], [], [])


def test_a_plan_is_held_against_the_history_and_the_picture_comes_by_itself(house: House) -> None:
    page = house.ada.open("Plan")
    page.get_by_role("button", name="Backtest").click()
    expect(page.get_by_text("At the end it would have stood at")).to_be_visible(timeout=PATIENT)
    house.ada.settle()
    assert house.ada.errors == []


def test_a_pair_is_labelled_before_it_is_told_whose_is_whose(house: House) -> None:
    left = house.max.api.get("/v1/reviews/next").json()["left"]
    assert left > 2, "the example's two, and the demo's own"
    page = house.max.open("Review")
    expect(page.get_by_text(f"{left} left for you")).to_be_visible(timeout=PATIENT)
    expect(page.get_by_text("was the agent's")).to_have_count(0)
    page.get_by_text("A is better", exact=True).click()
    page.get_by_role("button", name="Record and reveal").click()
    expect(page.get_by_text("was the agent's").first).to_be_visible(timeout=PATIENT)
    assert house.max.api.get("/v1/reviews/next").json()["left"] == left - 1
    assert house.max.errors == []


def test_who_may_not_work_at_the_desk_reads_the_servers_refusal(house: House) -> None:
    page = house.eve.open("Desk")
    expect(page.get_by_text("queue:work").first).to_be_visible(timeout=PATIENT)
    assert house.eve.api.post("/v1/queue/T-4128/claim", json={}).status_code == 403


def test_a_viewer_sees_what_it_may_not_do_and_the_api_refuses_it_too(house: House) -> None:
    page = house.eve.open("Gate")
    for label in ("Request promotion", "Pause", "Resume", "Abort"):
        expect(page.get_by_role("button", name=label, exact=True)).to_be_disabled()
    expect(page.get_by_text("your roles (viewer) do not have it").first).to_be_visible()
    before = house.eve.row()["position"]
    sent = house.eve.api.post(f"/v1/workflows/{DESK}/abort", json={"reason": "I can do it all the same"})
    assert sent.status_code == 403
    assert house.eve.row()["position"] == before


def test_a_refusal_is_shown_in_the_servers_words(house: House) -> None:
    ada = house.ada
    ada.open("Gate")
    before = ada.row()["position"]
    ada.ask("Request promotion", "it looks ready to me")
    expect(ada.page.get_by_role("dialog").get_by_text("does not allow")).to_be_visible(timeout=PATIENT)
    assert ada.row()["position"] == before
    ada.page.keyboard.press("Escape")


def test_a_promotion_takes_two_and_the_page_sees_it_happen(house: House) -> None:
    ada = house.ada
    ada.open("Gate")
    ada.ask("Request promotion", f"the board wants it {HOSTILE}", override=True)
    expect(ada.page.get_by_text("Nothing moves until another person approves")).to_be_visible(timeout=PATIENT)
    assert (ada.row()["step"], ada.row()["split"]["weight"]) == ("shadow", 0)
    expect(ada.page.get_by_role("button", name="Approve promotion", exact=True)).to_be_disabled()
    approved = house.bo.post(f"/v1/workflows/{DESK}/promote", json={"reason": "so do I", "override": True})
    assert approved.status_code == 200, approved.text
    expect(ada.page.get_by_text("10 % of eligible customers").first).to_be_visible(timeout=PATIENT)
    assert (ada.row()["step"], ada.row()["split"]["weight"]) == ("ten", 10)


def test_an_abort_moves_everybody_back_and_is_on_record(house: House) -> None:
    ada = house.ada
    ada.open("Gate")
    ada.ask("Abort", "customers complain on the phone")
    expect(ada.page.get_by_text("Aborted", exact=True).first).to_be_visible(timeout=PATIENT)
    row = ada.row()
    newest = row["transitions"][-1]
    assert (row["status"], row["split"]["weight"]) == ("aborted", 0)
    assert newest["action"] == "abort"
    assert newest["actor"].startswith("ada (key:")
    page = ada.open("Rollouts")
    expect(page.get_by_text("on the phone").first).to_be_visible()
    assert ada.errors == []
    assert ada.foreign() == []


def test_the_weekly_report_opens_silently_and_fetches_nothing(house: House, tmp_path: Path) -> None:
    file = tmp_path / "week.html"
    file.write_text(report_html([_loaded("tests", "report", "weekly_samples.py").week()]))
    browser = house.ada.page.context.browser
    assert browser is not None
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    complaints, called = list[str](), list[str]()
    page.on("console", lambda line: complaints.append(line.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: called.append(request.url))
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", level=3, name="The gate")).to_be_visible(timeout=PATIENT)
    assert page.evaluate("document.body.scrollWidth <= window.innerWidth")
    assert (complaints, called) == ([], [file.as_uri()])
    page.close()
