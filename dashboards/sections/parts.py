"""What several sections share: inert text, chips, tables, a chart with its alternative."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from time import monotonic
from typing import Any, Final
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.client import ApiProblem

_log = logging.getLogger(__name__)

_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$<>:])")
_ADDRESS: Final = re.compile(r"www(?=\.)|(?<=[a-z]):(?=//)|(?<=\w)@(?=[a-z])", re.IGNORECASE)
COUNTING: Final = "Being counted"
"""Title of the problem that goes away by itself."""
_AGAIN_SECONDS: Final = 4
_AGAIN: Final = f"{_AGAIN_SECONDS}s"
_JOINER: Final = "\u2060"

CHIPS: Final = {
    "PASS": ("Pass", "green"),
    "FAIL": ("Fail", "red"),
    "INCONCLUSIVE": ("Not decided", "orange"),
    "INVALID": ("Invalid", "gray"),
    "PROMOTE": ("Promote", "green"),
    "HOLD": ("Hold", "orange"),
    "ROLL_BACK": ("Roll back", "red"),
    "running": ("Running", "blue"),
    "paused": ("Paused", "orange"),
    "aborted": ("Aborted", "red"),
    "completed": ("Completed", "green"),
}


def plain(text: str) -> str:
    """``text`` such that markdown shows it letter by letter.

    Escapes do not keep an address from becoming a link: an invisible joiner inside it does.
    """
    return _MARKDOWN.sub(r"\\\1", _ADDRESS.sub(lambda found: f"{found[0]}{_JOINER}", text))


def chip(code: str) -> None:
    """A verdict, decision or status as a labelled badge."""
    shown, color = CHIPS.get(code, (fmt.words(code), "gray"))
    st.badge(plain(shown), color=color)  # type: ignore[arg-type]


def heading(title: str, note: str = "") -> None:
    st.subheader(title, anchor=False)
    if note:
        st.caption(plain(note))


def zone() -> tzinfo:
    """The viewer's time zone, UTC where the browser does not say."""
    return ZoneInfo(st.context.timezone or "UTC")


def chart(picture: charts.Picture, alternative: str) -> None:
    """Draw ``picture``; ``alternative`` is what a screen reader says instead."""
    dark = st.context.theme.type == "dark"
    st.altair_chart(charts.dressed(picture, dark=dark), width="stretch", alt=alternative)


def moment(value: str | None) -> str:
    """A moment in the viewer's zone."""
    return fmt.moment(value, zone())


def utc(value: str | None) -> str:
    """What hovering over a moment says."""
    return f"{fmt.moment(value)} UTC"


Columns = Mapping[str, str]
"""Field to heading."""
Units = Mapping[str, str]
"""Field to unit (see ``format.in_unit``), so that a table's numbers are for people too."""


def table(
    rows: Sequence[Mapping[str, Any]], columns: Columns, *, wide: str = "", units: Units | None = None
) -> None:
    """The rows under ``columns``, safe to download into a spreadsheet.

    The column headed ``wide`` takes the room that the others leave.
    """
    shaped = units or {}
    frame = pd.DataFrame(
        [
            {title: fmt.inert(_cell(row.get(field), shaped.get(field))) for field, title in columns.items()}
            for row in rows
        ],
        columns=list(columns.values()),
    )
    widths = {wide: st.column_config.TextColumn(width="large")} if wide else None
    st.dataframe(frame, hide_index=True, width="stretch", column_config=widths)


def _cell(value: Any, unit: str | None) -> Any:
    if unit is None:
        return value
    if value is None:
        return fmt.UNKNOWN
    if unit == "words":
        return fmt.words(str(value))
    return fmt.in_unit(value, unit) if isinstance(value, (int, float)) else value


def details(
    rows: Sequence[Mapping[str, Any]],
    columns: Columns,
    definition: str,
    sql: str = "",
    *,
    units: Units | None = None,
    label: str = "Definition, n and query",
) -> None:
    """Everything behind a picture, one click away: its definition, its rows, its query."""
    with st.popover(label, type="tertiary", icon=":material/info:", width="content"):
        st.text(definition)
        table(rows, columns, units=units)
        if sql:
            st.caption("The query, as it can be run against the view")
            st.code(sql, language="sql", wrap_lines=True, height=260)


def title(text: str, note: str, *chips: str) -> None:
    """A page's head: its name, its chips, and what it is for in a sentence."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(plain(text), anchor=False, width="content")
        for code in chips:
            chip(code)
    st.caption(plain(note))


def beside(name: str, *widths: int, gap: Any = "large") -> list[Any]:
    """Columns that stand below each other where a tablet has no room for them; ``name`` is unique."""
    with st.container(key=f"beside-{name}"):
        return list(st.columns(list(widths), gap=gap))


def choose(
    label: str, options: Mapping[str, str], *, key: str, default: str | None = None, address: bool = True
) -> str:
    """One of a few, beside each other: value to name, the first chosen unless said; kept in the address."""
    first = default if default is not None else next(iter(options))
    chosen = st.segmented_control(
        label,
        list(options),
        default=first,
        required=True,
        format_func=options.__getitem__,
        key=key,
        bind="query-params" if address else None,
        label_visibility="collapsed",
    )
    return first if chosen is None else str(chosen)


def card(name: str, tag: str = "") -> None:
    """The head of a card."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(name)}**", width="content")
        if tag:
            st.badge(plain(tag), color="gray")


def empty(title: str, todo: str, command: str = "") -> None:
    """Nothing to show yet, and what to do about it."""
    with st.container(border=True):
        st.markdown(f"**{plain(title)}**")
        st.text(todo)
        if command:
            st.code(command, language="bash")


@st.fragment(run_every=_AGAIN)
def _waiting(problem: ApiProblem, asked: float) -> None:
    """An answer that is being made; the page asks for it again by itself."""
    if monotonic() - asked > _AGAIN_SECONDS - 1:
        st.rerun()
    st.info(f"**{plain(problem.title)}**  \n{plain(problem.detail)}", icon=":material/hourglass_top:")


def trouble(problem: ApiProblem) -> None:
    """What the API said when it refused or could not be reached, in its own words."""
    if problem.title == COUNTING:
        _waiting(problem, monotonic())
        return
    st.error(f"**{plain(problem.title)}**  \n{plain(problem.detail)}")


def act(doing: Callable[[], Any], said: str | Callable[[Any], str]) -> None:
    """Do something at the server, then draw the page anew with ``said``; or show why it was refused.

    ``said`` may depend on what the server answered.
    """
    try:
        told = doing()
    except ApiProblem as problem:
        trouble(problem)
        return
    st.session_state["done"] = said if isinstance(said, str) else said(told)
    st.cache_data.clear()
    st.rerun()


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Whatever fails inside costs this part of the page and nothing else."""
    try:
        yield
    except ApiProblem as problem:
        trouble(problem)
        if problem.title != COUNTING:
            st.button("Try again", key=f"again-{what}")
    except Exception:  # noqa: BLE001 - the page is worth more than any part of it
        _log.exception("%s could not be drawn", what)
        st.error(f"{what} could not be drawn; the dashboard's log says why. The rest of the page is sound.")
