"""Whose authority the dashboard acts with: a person's own token, or the key of whoever started it.

Where `.streamlit/secrets.toml` has an `[auth]` section, people sign in with their OpenID provider and
their id token goes to the API with every request; see docs/access.md. Otherwise it is the key file's.
"""

from importlib.util import find_spec
from typing import Final

import streamlit as st
from streamlit.errors import StreamlitAuthError

from dashboards.client import ApiProblem, Client
from dashboards.client_key import own_key
from dashboards.sections import parts

_FAILED: Final = "sign-in failed"
"""Session key of why nobody was led to the provider."""
_KEY_HELP: Final = (
    "ridealong keys create --role viewer --name YOU --data DIR\n"
    "export RIDEALONG_API_KEY_FILE=~/ridealong.key   # holds the key, mode 0600\n"
    "ridealong dashboard --api URL"
)


def configured() -> bool:
    """Whether people sign in here themselves."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:  # there are no secrets at all
        return False


def signed_in() -> bool:
    return bool(st.user.get("is_logged_in", False))


def client(url: str, tenant: str | None) -> Client:
    """The API's face with the viewer's own authority.

    Raises:
        ApiProblem: the sign-in gives no token that could be shown to the API, or the key is not usable.

    """
    return _client(url, _token() if configured() else own_key(), tenant)


@st.cache_resource(max_entries=64, ttl=3600, show_spinner=False)
def _client(url: str, key: str | None, tenant: str | None) -> Client:
    return Client(url, key=key, tenant=tenant)


def _token() -> str:
    tokens = getattr(st.user, "tokens", None)
    token = tokens.get("id") if tokens else None
    if not token:
        raise ApiProblem(
            0,
            "Your sign-in cannot be shown to the server",
            'add expose_tokens = ["id"] to [auth] in .streamlit/secrets.toml, then sign in again.',
        )
    return str(token)


def page() -> None:
    """What somebody sees who has not signed in yet."""
    st.title("Ridealong", anchor=False)
    st.caption("AI agents beside the human desk, one proven step at a time.")
    st.text("Sign in to see where the rollouts stand. What you may do there is for the server to say.")
    _button("Sign in")


def _button(label: str) -> None:
    """A button that leads to the provider; under it why it did not, where that is."""
    st.button(label, type="primary", icon=":material/login:", on_click=_begin)
    if problem := st.session_state.pop(_FAILED, None):
        parts.trouble(problem)


def _begin() -> None:
    """Send the browser to the provider, or keep what keeps it here."""
    if find_spec("authlib") is None:
        detail = "this dashboard lacks the extra: pip install 'ridealong[sign-in]', then start it again."
        st.session_state[_FAILED] = ApiProblem(0, "Nobody can sign in here yet", detail)
        return
    try:
        st.login()
    except StreamlitAuthError as error:
        said = " ".join(str(error).split())
        st.session_state[_FAILED] = ApiProblem(0, "The settings of the sign-in are not complete", said)


def refused(problem: ApiProblem) -> None:
    """What somebody sees whom the API does not know."""
    st.title("Ridealong", anchor=False)
    parts.trouble(problem)
    if configured():
        st.text("You are signed in, but the server does not accept it. Sign in again, or ask an admin.")
        with st.container(horizontal=True, gap="small"):
            _button("Sign in again")
            st.button("Sign out", on_click=st.logout)
        return
    parts.empty(
        "How to sign in", "Ask an admin for an access key, then start the dashboard with it.", _KEY_HELP
    )
