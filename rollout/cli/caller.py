"""Who gives an order on the command line, and how a running server is reached."""

import os
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.access.key_desk import KeyDesk
    from rollout.access.notes import Author

KEY: Final = "RIDEALONG_API_KEY"
KEY_FILE: Final = "RIDEALONG_API_KEY_FILE"
_OTHERS: Final = 0o077
_BEING_COUNTED: Final = "being-counted"
_COUNTING_SECONDS: Final = 2.0
"""Between two questions for an answer that a large desk has to count first."""


def own_key() -> str | None:
    """The caller's key: from the environment, or from the file that the environment names.

    Never an option: what stands on a command line, every user of the machine can read.

    Raises:
        UsageError: the file is not there, or others may read it.

    """
    from rollout.errors import UsageError

    if key := os.environ.get(KEY, "").strip():
        return key
    name = os.environ.get(KEY_FILE)
    if not name:
        return None
    path = Path(name)
    try:
        if path.stat().st_mode & _OTHERS:
            raise UsageError(f"{KEY_FILE}={name}: others may read this file; `chmod 600 {name}`")
        return path.read_text().strip() or None
    except OSError as error:
        raise UsageError(f"{KEY_FILE}={name}: {error.strerror}") from None


def call(url: str, method: str, path: str, body: Any = None, **query: str | list[str] | None) -> Any:
    """One request to a running server with the caller's key; its JSON, which may have to be counted first.

    Raises:
        UsageError: it does not answer, or refuses; with its own words.
        TransitionRefused: the ladder does not allow it.

    """
    import httpx

    from rollout.errors import TransitionRefused, UsageError

    key = own_key()
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    params = {name: value for name, value in query.items() if value is not None}
    sent = None if method == "GET" else body or {}
    try:
        answer = httpx.request(
            method, url + path, params=params, headers=headers, json=sent, timeout=30.0, trust_env=False
        )
        told = answer.json()
        if answer.status_code == 503 and told.get("code") == _BEING_COUNTED:
            sleep(_COUNTING_SECONDS)
            return call(url, method, path, body, **query)
    except (httpx.HTTPError, ValueError) as error:
        raise UsageError(f"the server at {url} does not answer ({type(error).__name__})") from None
    if answer.is_success:
        return told
    words = f"{told.get('title', 'refused')}: {told.get('detail', answer.status_code)}"
    if answer.status_code == 401 and key is None:
        words += f". Put your key into {KEY}, or its file's name into {KEY_FILE}"
    raise TransitionRefused(words) if answer.status_code == 409 else UsageError(words)


class Orderer(NamedTuple):
    """Who gives an order, as the record will name it."""

    actor: str
    known: bool
    """By a key; where it is only typed, one person may both ask for a promotion and approve it."""


def orderer(data: Path, command: str, typed: str | None, tenant: str) -> Orderer:
    """Who gives an order in a folder that no server holds.

    Where the folder has keys it is the one whose key stands in the environment. That is no wall against
    whoever may write the folder's files; it keeps the record honest about who did what.

    Raises:
        UsageError: the folder has keys and the environment has none that opens.
        NotAllowed: the key's role does not have the command, or the tenant is another.

    """
    from getpass import getuser

    from rollout.access.admission import Admission
    from rollout.access.key_desk import KeyDesk
    from rollout.access.roles import COMMANDS
    from rollout.errors import UsageError

    keys = KeyDesk(data, list)
    if not keys:
        return Orderer(typed or getuser(), known=False)
    key = own_key()
    principal = None if key is None else keys.verified(key)
    if principal is None:
        raise UsageError(f"{data} has access keys: put yours, one that is valid, into {KEY}")
    admission = Admission(keys)
    admission.permit(principal, COMMANDS.get(command))
    admission.tenant(principal, tenant)
    return Orderer(principal.actor, known=True)


@contextmanager
def key_desk(data: Path) -> "Iterator[tuple[KeyDesk, Author]]":
    """The keys of a folder that no server holds, for whoever may write there.

    Raises:
        FolderInUse: another process owns the folder.

    """
    from getpass import getuser

    from rollout.access.key_desk import KeyDesk
    from rollout.access.notes import Author
    from rollout.record.folder import DataFolder

    with DataFolder.open(data, holder="ridealong keys", parts=("journal",)) as folder:
        yield KeyDesk(data, folder.journal.append), Author.of_the_system(getuser())
