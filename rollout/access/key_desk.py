"""Handing out and taking back keys: the ring in memory, its file, and the record of every change."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final

from rollout.access import key_file
from rollout.access.keys import Issued, Key, issued, new_id, revoked, rotated
from rollout.access.notes import Author, used
from rollout.access.principal import Principal
from rollout.access.roles import Role
from rollout.clock import Clock, SystemClock
from rollout.errors import UnknownKey, UsageError
from rollout.records import Event

OVERLAP: Final = timedelta(hours=24)
"""How long a key's old secret goes on opening after a rotation."""
_USE_NOTICED: Final = timedelta(minutes=1)
"""A use is noted when the last one is older: the door does not write a file per request."""


class KeyDesk:
    """The keys of one data folder, whose journal the caller owns. Thread-safe.

    A key exists for the record before it opens anything, and stops to open before that is on record:
    whatever fails in between, nothing is open that nobody knows of.
    """

    def __init__(
        self, data: Path, record: Callable[[Sequence[Event]], Any], *, clock: Clock | None = None
    ) -> None:
        """Read the folder's keys.

        Raises:
            UsageError: the file is damaged.

        """
        self._data = data
        self._record = record
        self._clock = clock or SystemClock()
        self._ring, self._used = key_file.load(data)
        self._saved = dict(self._used)
        self._changing = Lock()

    def __bool__(self) -> bool:
        """Whether a key was ever made here; one that was revoked closes the door all the same."""
        return bool(self._ring.entries)

    def verified(self, text: str) -> Principal | None:
        """Whose key ``text`` is; None where it opens nothing."""
        now = self._clock.now()
        principal = self._ring.verified(text, now)
        if principal is not None:
            name = principal.id.removeprefix("key:")
            last = self._used.get(name)
            if last is None or now - last >= _USE_NOTICED:
                self._used[name] = now
        return principal

    def create(
        self,
        author: Author,
        route: str,
        role: Role,
        tenant: str | None,
        *,
        name: str | None = None,
        expires_at: datetime | None = None,
        rate: float | None = None,
    ) -> Issued:
        """Make a key.

        Raises:
            UsageError: it would have expired already.
            RecordError: nothing can be recorded; no key was made.

        """
        now = self._clock.now()
        if expires_at is not None and expires_at <= now:
            raise UsageError(f"the key would expire at {expires_at.isoformat()}, which is over; choose later")
        made = issued(Key(new_id(), role, tenant, name, now, author.actor, expires_at, None, rate))
        with self._changing:
            self._record([self._noted("key_created", author, route, made.key, now)])
            self._keep(made.key)
        return made

    def rotate(
        self, author: Author, route: str, key_id: str, within: str | None, overlap: timedelta = OVERLAP
    ) -> Issued:
        """Give a key a new secret; the old one opens for ``overlap`` longer.

        Raises:
            UnknownKey: there is none of that id in the tenant ``within`` (None: anywhere).
            UsageError: it was revoked or has expired.

        """
        with self._changing:
            now, key = self._clock.now(), self._found(key_id, within)
            if (status := key.status(now)) != "active":
                raise UsageError(f"key {key_id} is {status}; make a new one with `ridealong keys create`")
            made = rotated(key, now, overlap)
            self._record([self._noted("key_rotated", author, route, made.key, now)])
            self._keep(made.key)
        return made

    def revoke(self, author: Author, route: str, key_id: str, within: str | None) -> Key:
        """Close a key at once and for good. A second time changes nothing.

        Raises:
            UnknownKey: there is none of that id in the tenant ``within`` (None: anywhere).

        """
        with self._changing:
            now, key = self._clock.now(), self._found(key_id, within)
            if key.revoked_at is not None:
                return key
            closed = revoked(key, now)
            self._ring = self._ring.having(closed)  # even where neither the file nor the record can follow
            key_file.save(self._data, self._ring, self._used)
            self._record([self._noted("key_revoked", author, route, closed, now)])
        return closed

    def rows(self, within: str | None) -> list[dict[str, Any]]:
        """Every key of a tenant (None: of all), oldest first, as the doors show it."""
        keys = [key for key in self._ring.keys if within is None or key.tenant == within]
        return [self.row(key) for key in keys]

    def row(self, key: Key) -> dict[str, Any]:
        """One key without its secret."""
        now, used_at = self._clock.now(), self._used.get(key.id)
        return {
            "id": key.id,
            "role": key.role.value,
            "tenant": key.tenant,
            "name": key.name,
            "status": key.status(now),
            "created_at": key.created_at,
            "created_by": key.created_by,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
            "last_used_at": used_at,
            "rate": key.rate,
            "secrets": sum(secret.ends_at is None or now < secret.ends_at for secret in key.secrets),
        }

    def save_uses(self) -> None:
        """Keep when keys were last used; nothing is written where nothing is new."""
        with self._changing:
            used_now = dict(self._used)
            if used_now != self._saved:
                key_file.save(self._data, self._ring, used_now)
                self._saved = used_now

    def _found(self, key_id: str, within: str | None) -> Key:
        entry = self._ring.entries.get(key_id)
        if entry is None or (within is not None and entry.key.tenant != within):
            raise UnknownKey(f"there is no key {key_id!r}; `ridealong keys list` shows those there are")
        return entry.key

    def _keep(self, key: Key) -> None:
        ring = self._ring.having(key)
        key_file.save(self._data, ring, self._used)
        self._ring = ring

    def _noted(self, action: str, author: Author, route: str, key: Key, at: datetime) -> Event:
        detail = {
            "key": key.id,
            "role": key.role.value,
            "name": key.name,
            "expires_at": None if key.expires_at is None else key.expires_at.isoformat(),
        }
        return used(action, author, key.tenant, route, at, detail)
