"""Internet addresses of a person's connection. What every machine has (loopback, masks) tells nothing."""

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

import re2

_V4: Final = re2.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_V6: Final = re2.compile(r"(?i)[0-9a-f:]*:[0-9a-f:]+:[0-9a-f:]*(?:\d{1,3}(?:\.\d{1,3}){3})?")
_VERSIONED: Final = re2.compile(r"(?i)(?:\bv|\b(?:version|release|build|firmware|update|ver|rev)\.?:?) ?$")
_CONTEXT: Final = 16
_GROUPS: Final = 3


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Addresses of both kinds. Four numbers after a word such as ``version`` are one."""
    for match in _V4.finditer(text):
        start, end = match.span()
        before, after = text[max(start - 1, 0) : start], text[end : end + 2]
        joined = before.isalnum() or before in {".", "_", "\\"} or after[:1].isalnum() or _goes_on(after)
        if not joined and not _VERSIONED.search(text[max(start - _CONTEXT, 0) : start]):
            try:
                address = IPv4Address(match.group(0))
            except AddressValueError:
                continue
            if not (address.is_loopback or address.is_unspecified or _is_mask(address)):
                yield start, end
    for match in _V6.finditer(text):
        start, end = match.span()
        groups = [group for group in match.group(0).split(":") if group]
        digits = any(map(str.isdigit, match.group(0)))
        if len(groups) >= _GROUPS and digits and not text[max(start - 1, 0) : start].isalnum():
            # A colon that ends the clause is not the address's; two of them may be.
            length = len(match.group(0)) if match.group(0).endswith("::") else len(match.group(0).rstrip(":"))
            if _is_v6(match.group(0)[:length]):
                yield start, start + length


def _is_v6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _goes_on(after: str) -> bool:
    return after[:1] == "_" or (after[:1] == "." and after[1:].isdigit())


def _is_mask(address: IPv4Address) -> bool:
    """Ones and then zeros only: a network mask."""
    bits = f"{int(address):032b}"
    return "01" not in bits
