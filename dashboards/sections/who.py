"""Under whose name something is done: the key's, or on a server without keys the one that is typed."""

from typing import Any, Final

import streamlit as st

from dashboards.viewing import Viewing

_NAME: Final = "name"
"""Session key that outlives the page on which the name was typed."""


def ask(viewing: Viewing) -> bool:
    """Ask for a name where nobody else knows it; whether it is known who acts."""
    if viewing.me["method"] != "local":
        return True
    typed = st.text_input(
        "Your name",
        st.session_state.get(_NAME, ""),
        placeholder="Your name, for the record",
        label_visibility="collapsed",
        key="typed-name",
        width=230,
    )
    st.session_state[_NAME] = typed.strip()[:100]
    return bool(st.session_state[_NAME])


def name(viewing: Viewing) -> str | None:
    """The name to be sent along; None where the key or the sign-in says who it is."""
    return str(st.session_state.get(_NAME, "")) if viewing.me["method"] == "local" else None


def signed(viewing: Viewing, **body: Any) -> dict[str, Any]:
    """``body`` with the name of who asks, where the server wants one."""
    actor = name(viewing)
    return body if actor is None else {**body, "actor": actor}


def is_me(viewing: Viewing, actor: str | None) -> bool:
    """Whether what was done by ``actor`` was done by who is looking."""
    return actor is not None and actor == (name(viewing) or viewing.me.get("actor"))
