"""What several sections share: inert text, chips, tables, a chart with its alternative."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.client import ApiProblem

_log = logging.getLogger(__name__)

_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$<>:])")

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
    """``text`` such that markdown shows it letter by letter."""
    return _MARKDOWN.sub(r"\\\1", text)


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


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, wide: str = "") -> None:
    """The rows under ``columns`` (field to heading), safe to download into a spreadsheet.

    The column headed ``wide`` takes the room that the others leave.
    """
    frame = pd.DataFrame(
        [{title: fmt.inert(row.get(field)) for field, title in columns.items()} for row in rows],
        columns=list(columns.values()),
    )
    widths = {wide: st.column_config.TextColumn(width="large")} if wide else None
    st.dataframe(frame, hide_index=True, width="stretch", column_config=widths)


def details(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], definition: str, sql: str) -> None:
    """Everything behind a number: its definition, its rows, its query."""
    with st.expander("Numbers, definition and query"):
        st.text(definition)
        table(rows, columns)
        if sql:
            st.code(sql, language="sql", wrap_lines=True)


def empty(title: str, todo: str, command: str = "") -> None:
    """Nothing to show yet, and what to do about it."""
    with st.container(border=True):
        st.markdown(f"**{plain(title)}**")
        st.text(todo)
        if command:
            st.code(command, language="bash")


def trouble(problem: ApiProblem) -> None:
    """What the API said when it refused or could not be reached, in its own words."""
    st.error(f"**{plain(problem.title)}**  \n{plain(problem.detail)}")


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Whatever fails inside costs this part of the page and nothing else."""
    try:
        yield
    except ApiProblem as problem:
        trouble(problem)
        st.button("Try again", key=f"again-{what}")
    except Exception:  # noqa: BLE001 - the page is worth more than any part of it
        _log.exception("%s could not be drawn", what)
        st.error(f"{what} could not be drawn; the dashboard's log says why. The rest of the page is sound.")
