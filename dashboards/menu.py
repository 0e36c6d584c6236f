"""Around every page: who is looking, at which workflow, and the menu."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import streamlit as st

from dashboards import format as fmt
from dashboards import sign_in
from dashboards.client import ApiProblem
from dashboards.reads import Reads
from dashboards.rows import DeskRow, MeRow
from dashboards.sections import incidents, parts
from dashboards.viewing import Viewing
from dashboards.views import PAGES, Entry

_LOGO: Final = str(Path(__file__).parent / "logo.svg")
_STYLE: Final = """
<style>
.block-container {padding: 2.2rem 2.2rem 3rem; max-width: 1240px}
[data-testid="stHeader"] {height: 2rem; background: transparent}
[data-testid="stSidebar"] {min-width: 216px; max-width: 216px}
[data-testid="stText"] {white-space: pre-wrap; font-family: inherit}
[data-testid="stMetricValue"] {font-size: 1.45rem}
[data-testid="stMetricLabel"] p {font-size: 0.82rem}
h1 {font-size: 1.5rem !important; padding: 0 !important}
h3 {font-size: 1.12rem !important; padding-bottom: 0.1rem !important}
[class*="st-key-queue-"] button {justify-content: flex-start; min-height: 1.7rem; padding: 0.1rem 0.5rem}
[class*="st-key-queue-"] button > div {justify-content: flex-start; width: 100%}
[class*="st-key-queue-"] [data-testid="stCaptionContainer"] {padding-left: 0.55rem}
hr {margin: 1.1rem 0 !important}
@media (max-width: 1040px) {
  [class*="st-key-beside-"] > div > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"],
  [class*="st-key-beside-"] > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"] {min-width: 100%}
}
</style>
"""


def _api() -> str:
    return os.environ.get("RIDEALONG_API", "http://127.0.0.1:8000")


def _tenant(me: MeRow) -> str | None:
    """Those of no tenant say whose data they look at."""
    if me["tenant"] is not None or me["method"] == "local":
        return None
    asked = st.sidebar.text_input("Tenant", "default", key="tenant", bind="query-params", max_chars=64)
    return asked.strip() or "default"


def _chosen(desks: list[DeskRow]) -> DeskRow:
    names = [desk["workflow"] for desk in desks]
    name = st.sidebar.selectbox("Workflow", names, key="workflow", bind="query-params")
    return desks[names.index(name) if name in names else 0]


def _viewer(me: MeRow) -> None:
    """Who is looking, and how they may stop."""
    with st.sidebar:
        if me["one_person"]:
            st.caption("One-person mode: no keys, this machine only")
            return
        roles = ", ".join(fmt.words(role).lower() for role in me["roles"]) or "no role"
        st.caption(parts.plain(f"{me['name'] or me['id']}, {roles}"), help=me["id"])
        if sign_in.configured():
            st.button("Sign out", on_click=st.logout, type="tertiary", icon=":material/logout:")


def _welcome() -> None:
    st.title("Ridealong", anchor=False)
    parts.empty(
        "No rollout yet",
        "Write a plan, check it, and start the server with the folder it stands in. Or look at ten "
        "simulated weeks first.",
        "ridealong check policies/rollouts/*.yaml\nridealong serve --plans policies/rollouts\nridealong demo",
    )


def _draw(entry: Entry, found: Callable[[], Viewing | None]) -> None:
    with parts.guarded(f"The page {entry.title}"):
        viewing = found()
        if viewing is None:
            _welcome()
            return
        if done := st.session_state.pop("done", None):
            st.success(parts.plain(done))
        incidents.banner(viewing)
        entry.show(viewing)


def _looked(me: MeRow, reads: Reads) -> Viewing | None:
    desks = reads.workflows()
    if not desks:
        return None
    return Viewing(reads, me, desks, _chosen(desks))


def _known() -> tuple[MeRow, Reads] | None:
    """The viewer and what they may read; None after saying why there is no more to see."""
    try:
        reads = Reads(sign_in.client(_api(), None))
        me = reads.me()
        tenant = _tenant(me)
        return me, reads if tenant is None else Reads(sign_in.client(_api(), tenant))
    except ApiProblem as problem:
        if problem.status == httpx.codes.UNAUTHORIZED:
            sign_in.refused(problem)
        else:
            st.title("Ridealong", anchor=False)
            parts.trouble(problem)
            st.button("Try again")
        return None


def main(first: str = PAGES[0].path) -> None:
    """Draw the dashboard; ``first`` is the page of the bare address."""
    st.set_page_config(page_title="Ridealong", layout="wide", initial_sidebar_state="auto")
    st.html(_STYLE)
    st.logo(_LOGO, size="large")
    if sign_in.configured() and not sign_in.signed_in():
        st.navigation([st.Page(sign_in.page, title="Sign in")], position="hidden").run()
        return
    if (known := _known()) is None:
        return
    me, reads = known
    menu: dict[str, list[st.Page]] = {}
    for entry in PAGES:
        draw = partial(_draw, entry, partial(_looked, me, reads))
        draw.__name__ = entry.path  # type: ignore[attr-defined]
        page = st.Page(
            draw,
            title=entry.title,
            url_path=entry.path,
            default=entry.path == first,
        )
        menu.setdefault(entry.group, []).append(page)
    page = st.navigation(menu, expanded=True)
    page.run()
    _viewer(me)
