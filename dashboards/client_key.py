"""The key with which the dashboard reaches the API: from the environment, never from a command line."""

import os
from pathlib import Path
from typing import Final

from dashboards.client import ApiProblem

KEY: Final = "RIDEALONG_API_KEY"
KEY_FILE: Final = "RIDEALONG_API_KEY_FILE"
_OTHERS: Final = 0o077


def own_key() -> str | None:
    """The key, or the content of the file that is named; None where there is neither.

    Raises:
        ApiProblem: the file cannot be read, or others may read it.

    """
    if key := os.environ.get(KEY, "").strip():
        return key
    name = os.environ.get(KEY_FILE)
    if not name:
        return None
    path = Path(name)
    try:
        if path.stat().st_mode & _OTHERS:
            raise ApiProblem(0, "The key is not used", f"others may read {name}; `chmod 600 {name}` first.")
        return path.read_text().strip() or None
    except OSError as error:
        raise ApiProblem(0, "The key cannot be read", f"{name}: {error.strerror}.") from None
