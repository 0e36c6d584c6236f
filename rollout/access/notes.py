"""What is recorded of access: each use of authority, and refusals by the minute.

A refusal is recorded when it happens; those alike in the same minute are counted and recorded as one
when it is over. A flood of them therefore costs two records per minute, caller and route.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from threading import Lock
from typing import Any, Final

from rollout.access.principal import INSTALLATION, Principal
from rollout.records import AccessNoted, Event, Kind

ANONYMOUS: Final = "anonymous"
_MOST_ALIKE: Final = 1_000
"""Kinds of refusal that are told apart within one minute; what comes above is counted together."""
_OTHERS: Final = "others"

_run = secrets.token_hex(8)
_numbers = count(1)


def _noted(note: AccessNoted, tenant: str, at: datetime, actor: str, workflow: str | None = None) -> Event:
    return Event(
        event_id=f"access:{_run}:{next(_numbers)}",
        kind=Kind.ACCESS,
        occurred_at=at,
        payload=note,
        tenant=tenant,
        workflow=workflow,
        actor=actor,
    )


@dataclass(frozen=True, slots=True)
class Author:
    """Who used authority, as it is recorded."""

    principal: str
    method: str
    roles: tuple[str, ...]
    actor: str

    @classmethod
    def of(cls, principal: Principal, actor: str | None = None) -> "Author":
        """``actor`` is what the one person of a local server calls itself."""
        roles = tuple(sorted(role.value for role in principal.roles))
        return cls(principal.id, principal.method.value, roles, actor or principal.actor)

    @classmethod
    def of_the_system(cls, user: str) -> "Author":
        """Somebody who may read and write the data folder itself."""
        return cls(f"os:{user}", "os", (), user)


def used(
    action: str,
    author: Author,
    tenant: str | None,
    route: str,
    at: datetime,
    detail: Mapping[str, Any],
    workflow: str | None = None,
) -> Event:
    """The event of a use of authority."""
    note = AccessNoted(action, author.principal, author.method, author.roles, route, detail)
    return _noted(note, tenant or INSTALLATION, at, author.actor, workflow)


@dataclass(slots=True)
class _Alike:
    """Refusals of one kind in one minute."""

    tenant: str
    actor: str
    note: AccessNoted
    more: int = 0


class Refusals:
    """Turns refusals into records, two per minute and kind at most. Thread-safe."""

    def __init__(self) -> None:
        self._minute: datetime | None = None
        self._alike: dict[tuple[str, str, str], _Alike] = {}
        self._lock = Lock()

    def note(self, who: Principal | None, route: str, code: str, at: datetime) -> list[Event]:
        """What has to be recorded now that ``who`` was refused."""
        with self._lock:
            events = self._turned(at)
            name = ANONYMOUS if who is None else who.id
            key = (name, route, code)
            if key not in self._alike and len(self._alike) >= _MOST_ALIKE:
                who, key = None, (_OTHERS, _OTHERS, code)
            known = self._alike.get(key)
            if known is not None:
                known.more += 1
                return events
            first = _first(who, key)
            self._alike[key] = first
            return [*events, _noted(first.note, first.tenant, at, first.actor)]

    def due(self, now: datetime) -> list[Event]:
        """The counts of a minute that is over."""
        with self._lock:
            return self._turned(now)

    def rest(self, now: datetime) -> list[Event]:
        """All counts, now: the server stops."""
        with self._lock:
            return self._closed(now)

    def _turned(self, now: datetime) -> list[Event]:
        minute = now.replace(second=0, microsecond=0)
        if minute == self._minute:
            return []
        events = self._closed(now)
        self._minute = minute
        return events

    def _closed(self, now: datetime) -> list[Event]:
        told = [each for each in self._alike.values() if each.more]
        self._alike = {}
        return [_noted(_counted(each), each.tenant, now, each.actor) for each in told]


def _first(who: Principal | None, key: tuple[str, str, str]) -> _Alike:
    name, route, code = key
    detail = {"code": code}
    if who is None:
        return _Alike(INSTALLATION, name, AccessNoted("refused", name, "none", (), route, detail))
    author = Author.of(who)
    note = AccessNoted("refused", author.principal, author.method, author.roles, route, detail)
    return _Alike(who.tenant or INSTALLATION, author.actor, note)


def _counted(alike: _Alike) -> AccessNoted:
    note = alike.note
    return AccessNoted(
        note.action, note.principal, note.method, note.roles, note.route, note.detail, alike.more
    )
