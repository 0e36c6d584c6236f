"""Access keys: made, verified, rotated, revoked. Pure but for the randomness; times come from outside.

A key is ``rk_ID_SECRET``. The secret has 256 random bits, so one round of SHA-256 keeps it: there is
nothing to guess that a slow hash would have to protect. The secret itself is nowhere but with its owner.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self

from rollout.access.principal import Method, Principal
from rollout.access.roles import Role

PREFIX: Final = "rk"
_SECRET_BYTES: Final = 32
_LONGEST: Final = 128
"""Characters that are looked at; a real key is shorter."""
_NOBODY: Final = hashlib.sha256(secrets.token_bytes(_SECRET_BYTES)).digest()
"""What an unknown id is compared with, so that it takes as long as a known one."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What is kept of one secret."""

    digest: bytes = field(repr=False)
    created_at: datetime
    ends_at: datetime | None = None
    """When it stops to open, after a rotation."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Its id is the principal's: a rotation changes the secret and nothing else."""

    id: str
    role: Role
    tenant: str | None
    """None: of the whole installation."""
    name: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    rate: float | None = None
    secrets: tuple[Secret, ...] = ()

    @property
    def principal(self) -> Principal:
        return Principal(
            f"key:{self.id}", self.tenant, frozenset({self.role}), Method.KEY, self.name, self.rate
        )

    def status(self, now: datetime) -> str:
        """``active``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class Issued(NamedTuple):
    """A key with its secret in clear: shown once, to whoever asked for it, and never kept."""

    key: Key
    clear: str


class Entry(NamedTuple):
    """A key and who it lets in."""

    key: Key
    principal: Principal


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys at one moment. Changes give a new ring, so a reader never sees half of one."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    @classmethod
    def of(cls, keys: Iterable[Key]) -> Self:
        return cls({key.id: Entry(key, key.principal) for key in keys})

    @property
    def keys(self) -> list[Key]:
        """Oldest first."""
        return sorted((entry.key for entry in self.entries.values()), key=lambda key: key.created_at)

    def having(self, key: Key) -> "Keyring":
        return Keyring({**self.entries, key.id: Entry(key, key.principal)})

    def verified(self, text: str, now: datetime) -> Principal | None:
        """Whose key this is; None for every kind of wrong one, after the same work."""
        if len(text) > _LONGEST or not text.isascii():
            return None
        prefix, _, rest = text.partition("_")
        name, _, clear = rest.partition("_")
        entry = self.entries.get(name)
        offered = hashlib.sha256(clear.encode()).digest()
        kept = entry.key.secrets if entry is not None else ()
        opens = False
        for secret in kept or (Secret(_NOBODY, now, now),):
            same = hmac.compare_digest(secret.digest, offered)
            opens |= same and (secret.ends_at is None or now < secret.ends_at)
        if entry is None or not opens or prefix != PREFIX or entry.key.status(now) != "active":
            return None
        return entry.principal


def issued(key: Key) -> Issued:
    """``key`` with a first secret."""
    digest, clear = _fresh(key.id)
    return Issued(replace(key, secrets=(Secret(digest, key.created_at),)), clear)


def new_id() -> str:
    """An id nobody has, safe in an address and a log."""
    return secrets.token_hex(8)


def rotated(key: Key, now: datetime, overlap: timedelta) -> Issued:
    """``key`` with a new secret; the present ones open for ``overlap`` longer.

    Secrets that have ended are forgotten.
    """
    ends = now + overlap
    kept = tuple(
        replace(secret, ends_at=ends if secret.ends_at is None else min(secret.ends_at, ends))
        for secret in key.secrets
        if secret.ends_at is None or now < secret.ends_at
    )
    digest, clear = _fresh(key.id)
    return Issued(replace(key, secrets=(*kept, Secret(digest, now))), clear)


def revoked(key: Key, now: datetime) -> Key:
    """``key``, closed for good; what it was stays on record."""
    return replace(key, revoked_at=key.revoked_at or now, secrets=())


def _fresh(key_id: str) -> tuple[bytes, str]:
    clear = secrets.token_urlsafe(_SECRET_BYTES)
    return hashlib.sha256(clear.encode()).digest(), f"{PREFIX}_{key_id}_{clear}"
