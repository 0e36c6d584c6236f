"""What another's agent is called with: a secret from the environment, the conduct policy of its version."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from policies.manifest import AgentVersion
from policies.problems import PolicyInvalid
from policies.regions import Policies, load_policies

SHORTEST_SECRET: Final = 16
"""Characters; what is shorter can be guessed."""


def secret_from(name: str | None, environment: Mapping[str, str] | None = None) -> bytes | None:
    """The secret that a variable holds; ``None`` where a version names none.

    Raises:
        LookupError: the variable is not set, or holds too little to be a secret.

    """
    if name is None:
        return None
    value = (os.environ if environment is None else environment).get(name, "")
    if not value:
        raise LookupError(f"its secret is to be in the variable {name}, which is not set; export it first")
    if len(value) < SHORTEST_SECRET:
        raise LookupError(
            f"the secret in {name} has {len(value)} characters; use at least {SHORTEST_SECRET}, "
            "e.g. what `openssl rand -hex 32` prints"
        )
    return value.encode()


def address_of(url: str) -> str:
    """The address, as it may be logged.

    Raises:
        LookupError: it holds a user name or a password.

    """
    if "@" in urlsplit(url).netloc:
        raise LookupError("its url holds a user name or a password; sign with a secret_env instead")
    return url


def policies_of(manifest: AgentVersion, folder: Path) -> Policies | None:
    """The conduct policy that a version names, with its regions; ``None`` where it names none.

    Raises:
        LookupError: the policy cannot be used; names its first problem.

    """
    if manifest.policy is None:
        return None
    try:
        return load_policies(folder / manifest.policy)
    except PolicyInvalid as error:
        raise LookupError(f"its conduct policy cannot be used: {error}") from error
