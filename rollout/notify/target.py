"""One request to somebody else's address, and to no other.

The name is resolved here, every address it stands for is looked at, and the connection goes to the one
that was looked at: a name that answers differently a moment later leads nowhere else. Redirects are not
followed and proxies from the environment not used.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import httpx

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_MOST_READ: Final = 64 * 1024
_PORTS: Final = {"http": 80, "https": 443}


class Forbidden(Exception):
    """An address that may not be asked; trying again cannot help."""


class Answer(NamedTuple):
    """What the receiver said."""

    status: int
    retry_after: float | None
    """Seconds it asks us to wait."""


class Said(NamedTuple):
    """What came back, read as far as was wanted."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_public(address: str) -> bool:
    """Whether an address is somebody on the internet, and not our own network or machine."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            embedded = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if embedded is not None and not is_public(str(embedded)):
            return False
    return ip.is_global and not ip.is_multicast


async def post(
    url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, private: bool, now: datetime
) -> Answer:
    """Send ``body``; everything together takes at most ``seconds``.

    Raises:
        Forbidden: no http(s) address, or a private one that was not allowed.
        TimeoutError, OSError, httpx.HTTPError: nobody answered as they should.

    """
    said = await exchange(url, body, headers, seconds=seconds, private=private, most=_MOST_READ)
    return Answer(said.status, _wait(said.headers.get("retry-after"), now))


async def exchange(
    url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, private: bool, most: int
) -> Said:
    """Send ``body`` and read the answer, at most a little over ``most`` bytes of it.

    Raises:
        Forbidden, TimeoutError, OSError, httpx.HTTPError: as ``post``.

    """
    async with asyncio.timeout(seconds):
        address, host, extensions = await pinned(url, private=private)
        async with (
            httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=seconds) as client,
            client.stream(
                "POST", address, content=body, headers={**headers, **host}, extensions=extensions
            ) as response,
        ):
            read = bytearray()
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) > most:
                    break
            return Said(response.status_code, response.headers, bytes(read))


async def pinned(url: str, *, private: bool) -> tuple[str, dict[str, str], dict[str, str]]:
    """The URL with the one address that is asked in it, and the headers and extensions that go with it.

    Raises:
        Forbidden: no http(s) address, or a private one that was not allowed.
        OSError: nobody knows the name.

    """
    asked = httpx.URL(url)
    if asked.scheme not in _PORTS or not asked.host or asked.userinfo:
        raise Forbidden("only http and https addresses without a user name are asked")
    address = await _address(asked.host, asked.port or _PORTS[asked.scheme], private=private)
    host = {"Host": asked.netloc.decode("ascii")}
    return str(asked.copy_with(host=address)), host, {"sni_hostname": asked.host}


async def _address(host: str, port: int, *, private: bool) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not private and not all(is_public(address) for address in addresses):
        raise Forbidden("the address is inside a private network; `private: true` allows it")
    return addresses[0]


def _wait(header: str | None, now: datetime) -> float | None:
    """``Retry-After`` in seconds: a number, or a date."""
    if header is None:
        return None
    if header.isascii() and header.isdigit() and len(header) < 9:
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp(), 0.0)
