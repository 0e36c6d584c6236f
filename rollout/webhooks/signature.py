"""Who sent this: signatures over the raw body, compared in constant time.

Signatures are compared as the text they are sent in, never decoded first: base64 and hexadecimal
have several spellings of the same bytes, and a body has exactly one signature.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from agents.remote.signature import FRESH, HEADER, digest, parsed, signed

__all__ = [
    "FRESH",
    "HEADER",
    "Key",
    "Unverified",
    "intercom_signature",
    "signed",
    "verify_intercom",
    "verify_signed",
    "verify_zendesk",
    "zendesk_signature",
]


Owner = TypeVar("Owner")


class Unverified(Exception):
    """A request that cannot be shown to come from its sender. ``reason``: missing, stale or mismatch."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Key(Generic[Owner]):
    """A secret and whose it is."""

    secret: bytes = field(repr=False)
    owner: Owner


def zendesk_signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over the timestamp's text and the raw body."""
    return base64.b64encode(hmac.digest(secret, timestamp.encode() + body, hashlib.sha256)).decode()


def intercom_signature(secret: bytes, body: bytes) -> str:
    """``sha1=`` and the hexadecimal HMAC-SHA1 over the raw body."""
    return "sha1=" + hmac.digest(secret, body, hashlib.sha1).hex()


def verify_zendesk(
    keys: Sequence[Key[Owner]], body: bytes, signature: str | None, timestamp: str | None, now: datetime
) -> Owner:
    """Whose secret signed the request.

    Raises:
        Unverified: nobody's, or too long ago.

    """
    if not signature or not timestamp:
        raise Unverified("missing", "X-Zendesk-Webhook-Signature and its timestamp are needed")
    try:
        at: datetime | None = datetime.fromisoformat(timestamp)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Unverified("stale", "the signature's timestamp is no ISO 8601 time with an offset")
    _refuse_stale(at, now)
    return _owner(keys, [signature], lambda secret: zendesk_signature(secret, timestamp, body))


def verify_intercom(keys: Sequence[Key[Owner]], body: bytes, signature: str | None) -> Owner:
    """Whose secret signed the request. There is no time in it: an old one is known by its id only.

    Raises:
        Unverified: nobody's.

    """
    if not signature:
        raise Unverified("missing", "X-Hub-Signature is needed")
    return _owner(keys, [signature], lambda secret: intercom_signature(secret, body))


def verify_signed(keys: Sequence[Key[Owner]], body: bytes, header: str | None, now: datetime) -> Owner:
    """Whose secret made our own header.

    Raises:
        Unverified: nobody's, or too long ago.

    """
    if not header:
        raise Unverified("missing", f"{HEADER} is needed")
    given = parsed(header)
    if given is None:
        raise Unverified("mismatch", f"{HEADER} is not t=SECONDS,v1=HEX")
    _refuse_stale(given.at, now)
    seconds = int(given.at.timestamp())
    return _owner(keys, given.signatures, lambda secret: digest(secret, seconds, body))


def _refuse_stale(at: datetime, now: datetime) -> None:
    if abs(now - at) > FRESH:
        raise Unverified("stale", f"signed more than {FRESH.seconds // 60} minutes away from our clock")


def _owner(keys: Sequence[Key[Owner]], given: Sequence[str], expected: Callable[[bytes], str]) -> Owner:
    """Try every key against every signature, so that the time taken tells nothing about which fits."""
    found: list[Owner] = []
    for key in keys:
        wanted = expected(key.secret).encode()
        for signature in given:
            found += [key.owner] if hmac.compare_digest(wanted, signature.encode()) else []
    if not found:
        raise Unverified("mismatch", "no secret of ours made this signature")
    return found[0]
