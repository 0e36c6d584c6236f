"""All checks in order; the first decides whether the others have a point."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from agents.remote.exam import loaded, reached, spoken, tooled, trusted
from agents.remote.exam.probe import Check, Finding, Probe, Status

CHECKS: Final[tuple[Check, ...]] = (
    *reached.CHECKS,
    *trusted.CHECKS,
    *spoken.CHECKS,
    *tooled.CHECKS,
    *loaded.CHECKS,
    *trusted.LAST,
)


class Result(NamedTuple):
    check: Check
    finding: Finding


def examine(
    url: str,
    secret: bytes | None = None,
    *,
    deadline: float = 10.0,
    told: Callable[[Result], None] = lambda _: None,
    checks: Sequence[Check] = CHECKS,
) -> list[Result]:
    """Try an endpoint out, with about fifty requests.

    Args:
        url: https, or http on this machine.
        secret: what requests are signed with.
        deadline: seconds it is given per request.
        told: called with every result as it comes.
        checks: those to make; where the first fails, nothing else is tried.

    """
    return asyncio.run(_examined(url, secret, deadline, told, checks))


def address_trouble(url: str) -> str | None:
    """Why an address cannot be a manifest's, or ``None``."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        return "an address holds no user name and no password; requests are signed with a secret instead"
    if parts.scheme == "https" and parts.hostname:
        return None
    if parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}:
        return None
    return "an agent's address is https, or http on this machine: tickets are personal data"


async def _examined(
    url: str,
    secret: bytes | None,
    deadline: float,
    told: Callable[[Result], None],
    checks: Sequence[Check],
) -> list[Result]:
    results: list[Result] = []
    async with httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=None) as client:  # noqa: S113 - every request has its own deadline
        probe = Probe(url, client, secret, deadline)
        for check in checks:
            silent = bool(results) and results[0].finding.status is Status.FAIL
            finding = Finding(Status.SKIP, "it does not answer at all") if silent else await check.run(probe)
            results.append(Result(check, finding))
            told(results[-1])
    return results
