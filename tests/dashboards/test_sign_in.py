"""People sign in for real: a browser, the dashboard as it is started, a provider, and the server.

Nothing stands in for anything but the provider itself: Streamlit's sign-in with Authlib, the server's
``access/oidc.toml``, cookies and redirects are those of an installation.
"""

import importlib.util
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from rollout.serve import server, viewer
from rollout.serve.sockets import free_port

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
QUIET = ["--disable-component-update", "--disable-sync"]
PATIENT = 60_000
"""Milliseconds to wait for something to appear; never a measurement."""
DESK = "demo-support"
BOTH = ["dashboard", "ridealong"]
"""Whom a token is for: the client that asked for it, and the server it is shown to."""
PEOPLE: dict[str, dict[str, Any]] = {
    "grace": {"sub": "u-1", "aud": BOTH, "email": "grace@desk.example", "groups": ["support-release"]},
    "vera": {"sub": "u-2", "aud": BOTH, "email": "vera@desk.example", "groups": ["support-look"]},
    "otto": {"sub": "u-3", "aud": ["dashboard"], "email": "otto@desk.example", "groups": ["support-release"]},
}
SIGN_IN = """
issuer = "{url}"
audience = "ridealong"
jwks_url = "{url}/keys"
name_claim = "email"
roles_claim = "groups"
tenant = "default"
leeway_seconds = 0
[roles]
support-release = ["release_manager"]
support-look = ["viewer"]
"""
SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "thirty-two bytes that nobody guesses"
client_id = "{client}"
client_secret = "{secret}"
server_metadata_url = "{url}/.well-known/openid-configuration"
expose_tokens = ["id"]
"""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _loaded(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OPENID = _loaded("openid_provider")


@dataclass
class Place:
    """A desk whose people sign in."""

    provider: Any
    api: str
    url: str
    """The dashboard's."""
    page: Page
    here: str | None = None
    """Who is signed in, with a token that the server takes."""

    def stranger(self) -> Page:
        """The dashboard, opened by somebody who has no cookie of anybody's."""
        self.here = None
        self.page.context.clear_cookies()
        self.page.goto(self.url)
        expect(self.page.get_by_role("button", name="Sign in")).to_be_visible(timeout=PATIENT)
        return self.page

    def signed_in(self, person: str) -> Page:
        """Somebody signs in, from where the page asks for it already, or from the beginning."""
        page, self.here = self.page, None
        asked = page.get_by_role("button", name="Sign in")
        if not asked.is_visible():
            self.stranger()
        asked.click()
        page.get_by_role("link", name=person).click(timeout=PATIENT)
        expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=PATIENT)
        return page

    def known(self, person: str) -> Page:
        """As ``signed_in``; who is signed in already stays so."""
        if self.here != person:
            self.signed_in(person)
            _greets(self.page, PEOPLE[person]["email"])
            self.here = person
        return self.page

    def newest(self) -> dict[str, Any]:
        """The workflow's row with its last transition, as a release manager reads it."""
        sent = {"authorization": f"Bearer {self.provider.token('grace')}"}
        row = httpx.get(f"{self.api}/v1/workflows/{DESK}", headers=sent, trust_env=False).json()
        return {**row, "last": row["transitions"][-1]}


def _folders(place: Path) -> tuple[Path, Path]:
    """A data folder of its own, and plans with the versions beside them."""
    plans, agents = place / "rollouts", place / "agents"
    plans.mkdir()
    agents.mkdir()
    shutil.copy(ROOT / "policies" / "rollouts" / "demo.yaml", plans)
    for manifest in (ROOT / "policies" / "agents").glob("demo@*.yaml"):
        shutil.copy(manifest, agents)
    return place / "data", plans


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    own = tmp_path_factory.mktemp("sign-in")
    data, plans = _folders(own)
    port = free_port("127.0.0.1", 8801)
    with ExitStack() as stack:
        provider = stack.enter_context(OPENID.running(PEOPLE))
        (data / "access").mkdir(parents=True)
        (data / "access" / "oidc.toml").write_text(SIGN_IN.format(url=provider.url))
        secrets = own / "secrets.toml"
        secrets.write_text(
            SECRETS.format(url=provider.url, port=port, client=OPENID.CLIENT, secret=OPENID.SECRET)
        )

        def dashboard(url: str) -> list[Any]:
            child = viewer.child(url, port)
            environment = {**child.environment, "STREAMLIT_SECRETS_FILES": str(secrets)}
            return [replace(child, environment=environment)]

        run = server.running(data, plans=plans, port=0, others=dashboard)
        supervisor, api = stack.enter_context(run)
        server.wait_until_ready(supervisor, api)
        viewer.wait_until_shown(supervisor, f"http://127.0.0.1:{port}")
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *QUIET])
        stack.callback(browser.close)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        yield Place(provider, api, f"http://127.0.0.1:{port}", page)


def _open(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible(timeout=PATIENT)


def _greets(page: Page, name: str, role: str = "") -> None:
    """The menu says who is looking; an address has a joiner in it, which keeps it from becoming a link."""
    told = re.compile(re.escape(name).replace("@", "@\u2060?") + f", {role}")
    expect(page.get_by_test_id("stSidebar").get_by_text(told)).to_be_visible(timeout=PATIENT)


def test_before_somebody_signs_in_nothing_is_shown_and_the_server_lets_nobody_in(place: Place) -> None:
    page = place.stranger()
    expect(page.get_by_text(DESK)).to_have_count(0)
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    assert httpx.get(f"{place.api}/v1/workflows", trust_env=False).status_code == 401


def test_a_release_manager_signs_in_and_what_they_order_is_on_record_as_theirs(place: Place) -> None:
    page = place.known("grace")
    _greets(page, "grace@desk.example", "release manager")
    _open(page, "Gate")
    page.get_by_role("button", name="Pause", exact=True).click(timeout=PATIENT)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason (it is recorded)").fill("nobody watches over the weekend")
    expect(dialog.get_by_placeholder("Your name, for the record")).to_have_count(0)
    dialog.get_by_role("button", name="Pause now").click()
    expect(page.get_by_text("Paused", exact=True).first).to_be_visible(timeout=PATIENT)
    row = place.newest()
    assert row["status"] == "paused"
    assert row["last"]["actor"] == "grace@desk.example (oidc:u-1)"


def test_a_viewer_who_signs_in_is_refused_by_the_server_and_reads_it(place: Place) -> None:
    before = place.newest()["position"]
    page = place.known("vera")
    _greets(page, "vera@desk.example", "viewer")
    _open(page, "Audit")
    expect(page.get_by_text("record:export").first).to_be_visible(timeout=PATIENT)
    _open(page, "Gate")
    expect(page.get_by_role("button", name="Abort", exact=True)).to_be_disabled(timeout=PATIENT)
    expect(page.get_by_text("your roles (viewer) do not have it").first).to_be_visible()
    sent = httpx.post(
        f"{place.api}/v1/workflows/{DESK}/abort",
        json={"reason": "I can do it all the same"},
        headers={"authorization": f"Bearer {place.provider.token('vera')}"},
        trust_env=False,
    )
    assert sent.status_code == 403, sent.text
    assert place.newest()["position"] == before


def test_who_signs_out_has_left_the_provider_too_and_is_asked_again(place: Place) -> None:
    place.provider.ended.clear()
    page = place.known("vera")
    place.here = None
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=PATIENT)
    expect(page.get_by_text(DESK)).to_have_count(0)
    assert [cookie["name"] for cookie in page.context.cookies() if "user" in cookie["name"]] == []
    assert [OPENID.claims(token)["sub"] for token in place.provider.ended] == ["u-2"]


def test_a_token_for_somebody_elses_audience_is_refused_and_the_page_says_why(place: Place) -> None:
    page = place.signed_in("otto")
    expect(page.get_by_text("it is for another audience")).to_be_visible(timeout=PATIENT)
    expect(page.get_by_text(DESK)).to_have_count(0)
    sent = {"authorization": f"Bearer {place.provider.token('otto')}"}
    assert httpx.get(f"{place.api}/v1/me", headers=sent, trust_env=False).status_code == 401


def test_a_token_of_another_issuer_is_refused_though_the_dashboard_trusts_it(place: Place) -> None:
    place.provider.issuer = "https://login.elsewhere.example"
    try:
        page = place.signed_in("grace")
        expect(page.get_by_text("it is from another issuer")).to_be_visible(timeout=PATIENT)
        expect(page.get_by_text(DESK)).to_have_count(0)
        sent = {"authorization": f"Bearer {place.provider.token('grace')}"}
        assert httpx.get(f"{place.api}/v1/me", headers=sent, trust_env=False).status_code == 401
    finally:
        place.provider.issuer = place.provider.url


def test_when_a_token_has_expired_the_page_says_so_and_leads_to_the_provider(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OPENID, "LASTS", -30)  # Authlib forgives two minutes, this server nothing
    page = place.signed_in("vera")
    expect(page.get_by_text("it has expired")).to_be_visible(timeout=PATIENT)
    monkeypatch.setattr(OPENID, "LASTS", 3600)
    page.get_by_role("button", name="Sign in again").click()
    page.get_by_role("link", name="vera").click(timeout=PATIENT)
    _greets(page, "vera@desk.example", "viewer")
