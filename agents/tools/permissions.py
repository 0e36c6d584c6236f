"""Whether one call may be made: pure, so that the same answer comes in a trial, a replay and at the desk.

What nobody allowed is refused, and a refusal wins over every grant. A person's approval lifts the limit
of one call, and no other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from agents.tools.refusals import DENIED, NOT_GRANTED, OVER_LIMIT, UNKNOWN_TOOL, WRITES_OFF
from policies.manifest import ToolGrant, ToolLimits
from policies.tools import ToolCatalogue, ToolDeclaration


class Verdict(StrEnum):
    ALLOW = "allow"
    ASK = "ask"
    """A person has to approve it."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer, its machine code and the same in words; never a value of the arguments."""

    verdict: Verdict
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What calls of this tool have come to, those that wait for approval included."""

    ticket: int = 0
    customer_day: int = 0
    day: int = 0
    usd_ticket: Decimal = Decimal(0)
    usd_customer_day: Decimal = Decimal(0)
    usd_day: Decimal = Decimal(0)


NOTHING_YET: Final = Tally()
_ALLOWED: Final = Permission(Verdict.ALLOW)


def reachable(catalogue: ToolCatalogue, name: str, grant: ToolGrant | None, *, writes: bool) -> Permission:
    """Whether a tool may be used at all.

    Args:
        catalogue: the desk's tools, and what it denies.
        name: of the tool.
        grant: what the version's manifest says of it.
        writes: whether the step lets the version write.

    """
    return next(_out_of_reach(catalogue, name, grant, writes=writes), _ALLOWED)


def _out_of_reach(
    catalogue: ToolCatalogue, name: str, grant: ToolGrant | None, *, writes: bool
) -> Iterator[Permission]:
    tool = catalogue.get(name)
    if catalogue.denies(name):
        yield _refused(DENIED, f"the desk denies {name!r} to everybody")
    if tool is None:
        yield _refused(UNKNOWN_TOOL, "the desk has no such tool")
    elif grant is None:
        yield _refused(NOT_GRANTED, f"the version's manifest does not grant {name!r}")
    elif tool.writes and grant.authority != "write":
        yield _refused(NOT_GRANTED, f"{name!r} writes, and the manifest grants it to read")
    elif tool.writes and not writes:
        yield _refused(WRITES_OFF, "the step does not let its version write")


def permit(tool: ToolDeclaration, grant: ToolGrant, arguments: dict[str, Any], so_far: Tally) -> Permission:
    """Whether a reachable tool may be called with these arguments now.

    Args:
        tool: its declaration.
        grant: the manifest's, of a write with its limits.
        arguments: as ``bound`` returned them.
        so_far: what there was before this call.

    """
    return next(_objections(tool, grant, arguments, so_far), _ALLOWED) if tool.writes else _ALLOWED


def _objections(
    tool: ToolDeclaration, grant: ToolGrant, arguments: dict[str, Any], so_far: Tally
) -> Iterator[Permission]:
    limits, amount = grant.limits, amount_of(tool, arguments)
    if limits is None:
        yield _refused(NOT_GRANTED, "a write without limits")
        return
    if amount is None and limits.in_money:
        yield _refused(OVER_LIMIT, f"limits in dollars, and {tool.name!r} declares no amount")
    beyond = _beyond(limits, amount or Decimal(0), so_far)
    if beyond is not None:
        yield _refused(OVER_LIMIT, beyond)
    if limits.amount_usd is not None and amount is not None and amount > _exact(limits.amount_usd):
        said = f"amount_usd: more than {limits.amount_usd:g} dollars in one call"
        asked = Verdict.REFUSE if grant.approval == "never" else Verdict.ASK
        yield Permission(asked, OVER_LIMIT, said)
    if grant.approval == "always":
        yield Permission(Verdict.ASK, "always", "the manifest has every call approved")


def amount_of(tool: ToolDeclaration, arguments: dict[str, Any]) -> Decimal | None:
    """The dollars of a call; None of a tool that declares no amount."""
    return None if tool.amount is None else _exact(arguments[tool.amount])


def _beyond(limits: ToolLimits, amount: Decimal, so_far: Tally) -> str | None:
    """The limit that one more call would break; no approval lifts these."""
    counts = (
        ("per_ticket", limits.per_ticket, so_far.ticket),
        ("per_customer_day", limits.per_customer_day, so_far.customer_day),
        ("per_day", limits.per_day, so_far.day),
    )
    for name, most, calls in counts:
        if most is not None and calls + 1 > most:
            return f"{name}: {most} calls are made, or wait for approval"
    sums = (
        ("usd_per_ticket", limits.usd_per_ticket, so_far.usd_ticket),
        ("usd_per_customer_day", limits.usd_per_customer_day, so_far.usd_customer_day),
        ("usd_per_day", limits.usd_per_day, so_far.usd_day),
    )
    for name, dollars, spent in sums:
        if dollars is not None and spent + amount > _exact(dollars):
            return f"{name}: more than {dollars:g} dollars together"
    return None


def _exact(number: float) -> Decimal:
    """As it is written, so that 0.1 three times is 0.3."""
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)


def _refused(reason: str, detail: str) -> Permission:
    return Permission(Verdict.REFUSE, reason, detail)
