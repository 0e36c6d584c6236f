"""Who is at the door: one value for a key, a signed-in person and the one person of a local server."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from rollout.access.roles import Permission, Role, permissions_of

DEFAULT_TENANT: Final = "default"
INSTALLATION: Final = "_installation"
"""Whose events those of nobody are: no tenant can have this name, so no tenant's auditor reads them."""


class Method(StrEnum):
    """How somebody was recognised."""

    KEY = "key"
    OIDC = "oidc"
    LOCAL = "local"
    """Not at all: there are no keys, and only this machine is served."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was let in, with what they may do."""

    id: str
    """``key:ID``, ``oidc:SUBJECT`` or ``local``; stable, and never a secret."""
    tenant: str | None
    """The only tenant it may touch; None for those of the whole installation, who name one each time."""
    roles: frozenset[Role]
    method: Method
    name: str | None = None
    """What people call it."""
    rate: float | None = None
    """Its own limit, in tokens per second; the server's where None."""
    permissions: frozenset[Permission] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "permissions", permissions_of(self.roles))

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def actor(self) -> str:
        """How the record names it: ``ada (key:1f0c…)``, or the id alone."""
        return f"{self.name} ({self.id})" if self.name else self.id


LOCAL: Final = Principal("local", None, frozenset(Role), Method.LOCAL)
"""The one person of a server without keys."""


def is_tenant(text: str) -> bool:
    """Whether a tenant can be called so; the same names that plans allow."""
    plain = text.replace(".", "").replace("_", "").replace("-", "")
    return len(text) <= 64 and text[:1].isalnum() and plain.isalnum() and text.isascii()
