"""The webhooks file as it is in force, with its secrets.

It is read again when it changes, so that a secret is rotated without a restart. A file that cannot be
used never replaces one that could; a server without any good one asks senders to come back later.
"""

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from policies.load import read_document, read_webhooks
from policies.problems import PolicyInvalid
from policies.webhooks import (
    GenericSender,
    IntercomSender,
    Sender,
    Subscription,
    Webhooks,
    ZendeskSender,
)
from rollout.errors import UsageError
from rollout.webhooks.signature import Key

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE: Final = "webhooks.yaml"
VARIABLE: Final = "RIDEALONG_WEBHOOKS"
_LOOK_SECONDS: Final = 1.0
_SHORTEST_SECRET: Final = 16

_log = logging.getLogger(__name__)
AnySender = TypeVar("AnySender", bound=Sender)


def settings_file(data: Path) -> Path:
    """Where the webhooks of a data folder are described: ``$RIDEALONG_WEBHOOKS``, or in the folder."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else data / FILE


@dataclass(frozen=True, slots=True)
class Target:
    """A subscription with its address and secrets."""

    subscription: Subscription
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class InForce:
    """A file that could be used."""

    zendesk: tuple[Key[ZendeskSender], ...] = ()
    intercom: tuple[Key[IntercomSender], ...] = ()
    generic: "dict[str, tuple[Key[GenericSender], ...]]" = field(default_factory=dict)
    out: tuple[Target, ...] = ()


def load(path: Path) -> InForce:
    """Read a webhooks file and fetch its secrets.

    Raises:
        PolicyInvalid: with every problem of the file.
        UsageError: a secret is not where the file says, or belongs to two senders.

    """
    document = read_document(path)
    webhooks = read_webhooks(document)
    if webhooks is None:
        raise PolicyInvalid(document.problems)
    return resolve(webhooks, path.parent)


def resolve(webhooks: Webhooks, folder: Path) -> InForce:
    """Fetch the secrets; files are named relative to ``folder``.

    Raises:
        UsageError: see ``load``.

    """
    zendesk = [key for sender in webhooks.zendesk for key in _keys(sender, folder)]
    intercom = [key for sender in webhooks.intercom for key in _keys(sender, folder)]
    for keys in (zendesk, intercom):
        _refuse_shared(keys)
    return InForce(
        tuple(zendesk),
        tuple(intercom),
        {sender.name: tuple(_keys(sender, folder)) for sender in webhooks.generic},
        tuple(_target(subscription, folder) for subscription in webhooks.out),
    )


class Settings:
    """What is in force now. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._seen: tuple[int, int, int] | None = None
        self._looked = -_LOOK_SECONDS
        self._in_force: InForce | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is, or was, a file at all."""
        return self.current() is not None or self._seen is not None

    def current(self) -> InForce | None:
        """The newest file that could be used; None where there was none yet."""
        with self._lock:
            if monotonic() - self._looked >= _LOOK_SECONDS:
                self._looked = monotonic()
                self._look()
            return self._in_force

    def _look(self) -> None:
        try:
            stat = self._path.stat()
        except OSError:
            return  # deleted or being replaced: what is in force stays
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._in_force = load(self._path)
        except (PolicyInvalid, UsageError) as error:
            kept = "the last good one stays" if self._in_force else "no webhook is taken until it is mended"
            _log.error("%s cannot be used, %s:\n%s", self._path, kept, error)


def secret(reference: str, folder: Path) -> bytes:
    """The secret that a reference names.

    Raises:
        UsageError: it is not there, or too short to be one.

    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environ.get(name, "").strip().encode()
    else:
        try:
            value = (folder / name).read_bytes().strip()
        except OSError as error:
            raise UsageError(f"{reference}: {error.strerror}; put the secret there") from None
    if len(value) < _SHORTEST_SECRET:
        raise UsageError(
            f"{reference}: {'there is no secret' if not value else 'the secret is too short'}; "
            f"put one of at least {_SHORTEST_SECRET} characters there"
        )
    return value


def _keys(sender: AnySender, folder: Path) -> "list[Key[AnySender]]":
    return [Key(secret(reference, folder), sender) for reference in sender.secrets]


def _refuse_shared(keys: "Sequence[Key[ZendeskSender]] | Sequence[Key[IntercomSender]]") -> None:
    owners: dict[bytes, str] = {}
    for key in keys:
        other = owners.setdefault(key.secret, key.owner.name)
        if other != key.owner.name:
            raise UsageError(
                f"{other!r} and {key.owner.name!r} have the same secret, and the secret decides whose a "
                "request is; give each its own"
            )


def _target(subscription: Subscription, folder: Path) -> Target:
    url = subscription.url
    if url.startswith(("env:", "file:")):
        url = secret(url, folder).decode(errors="replace")
    return Target(subscription, url, tuple(secret(each, folder) for each in subscription.secrets))


__all__ = ["FILE", "InForce", "Settings", "Target", "load", "resolve", "secret", "settings_file"]
