"""Who sent this and when: HMAC-SHA256 over a time and the raw body, in one header.

``Ridealong-Signature: t=SECONDS,v1=HEX``; one ``v1`` per secret, so that a secret can be exchanged
without a moment in which nobody is believed. Signatures are compared as the text they are sent in,
never decoded first, and in constant time.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

FRESH: Final = timedelta(minutes=5)
"""How far a signed time may lie from ours, either way."""
HEADER: Final = "Ridealong-Signature"
_FORM: Final = re.compile(r"t=(?P<t>0|[1-9][0-9]{0,10})(?P<v1>(?:,v1=[0-9a-f]{64}){1,4})")


class Signed(NamedTuple):
    """A header, read."""

    at: datetime
    signatures: tuple[str, ...]
    """Hexadecimal, as they were sent."""


def signed(secrets: Sequence[bytes], body: bytes, at: datetime) -> str:
    """The header's value: ``t=SECONDS,v1=HEX``, once ``v1`` per secret."""
    seconds = int(at.timestamp())
    return f"t={seconds}" + "".join(f",v1={digest(secret, seconds, body)}" for secret in secrets)


def digest(secret: bytes, seconds: int, body: bytes) -> str:
    """64 hexadecimal digits over ``SECONDS.BODY``."""
    return hmac.digest(secret, b"%d.%b" % (seconds, body), hashlib.sha256).hex()


def parsed(header: str) -> Signed | None:
    """The parts of a header; ``None`` where it has another form."""
    found = _FORM.fullmatch(header)
    if found is None:
        return None
    given = tuple(part.removeprefix("v1=") for part in found["v1"][1:].split(","))
    return Signed(datetime.fromtimestamp(int(found["t"]), UTC), given)


def accepted(secrets: Sequence[bytes], body: bytes, header: str | None, now: datetime) -> bool:
    """Whether a holder of one of the secrets signed this body not long ago.

    Every secret is tried against every signature, so that the time taken tells nothing.
    """
    given = parsed(header or "")
    if given is None or abs(now - given.at) > FRESH:
        return False
    seconds = int(given.at.timestamp())
    found = False
    for secret in secrets:
        wanted = digest(secret, seconds, body).encode()
        for signature in given.signatures:
            found |= hmac.compare_digest(wanted, signature.encode())
    return found
