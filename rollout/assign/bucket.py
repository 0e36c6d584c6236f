"""Unit and salt to a bucket. Golden vectors pin these functions: a released bucket never changes.

Two separate hashes: exposure (human or agent) and variant (stable or canary). One hash for both
would make the canary's units the same few who were exposed first.
"""

from decimal import Decimal
from hashlib import sha256
from typing import Final

SPACE: Final = 2**64
"""Buckets are integers from 0 to ``SPACE - 1``: first 8 bytes of a SHA-256, big-endian."""


def exposure_prefix(salt: str) -> str:
    return f"{salt}:exposure:"


def variant_prefix(salt: str, version: str) -> str:
    return f"{salt}:variant:{version}:"


def bucket(salt: str, unit: str) -> int:
    """The exposure bucket of a unit: where it stands between human and agent."""
    return _first_eight(exposure_prefix(salt) + unit)


def variant(salt: str, version: str, unit: str) -> int:
    """The variant bucket of a unit: where it stands between stable and the canary ``version``."""
    return _first_eight(variant_prefix(salt, version) + unit)


def boundary(percent: Decimal) -> int:
    """``floor(percent · 2**64 / 100)``, exactly: a unit is inside iff its bucket is below it.

    Integers all the way, because a float has 53 bits and would put units on the wrong side.

    Raises:
        ValueError: ``percent`` is not between 0 and 100.

    """
    if not 0 <= percent <= 100:
        raise ValueError(f"percent == {percent}, must be from 0 to 100")
    numerator, denominator = percent.as_integer_ratio()
    return numerator * SPACE // (denominator * 100)


def _first_eight(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")
