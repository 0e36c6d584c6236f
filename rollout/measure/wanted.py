"""A metric as a gate asks for it, and the one row per ticket that every sum of a gate starts from.

What a ticket carries of a rate is a bit: whether it counts, whether it happened, whether it is still
open, whether nobody recorded it. Tickets of one stratum and arm with the same bits are summed as one,
so that most sums run over thousands of cells instead of millions of tickets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from policies.vocabulary import METRICS
from rollout.measure.catalogue import CATALOGUE
from rollout.measure.cost import TICKET_USD
from rollout.measure.csat import ANSWERED, OFFERED, RESPONSE, RIPE
from rollout.measure.definition import CLOSED, NEVER, Definition
from rollout.measure.recontact import CLAIMED, matured

MARKS: Final = "CAST(arm = $treated AS DOUBLE) AS a, hash(step, weight, canary_weight, day) AS h"
"""Arm and stratum. 64 bits: two of a thousand strata fall together once in 10¹³ gates."""
KEY: Final = "h, bits"
"""What makes a cell: stratum, and what its tickets carry; the arm is one more bit."""
_SHARED: Final = {
    "usd": TICKET_USD,
    "closed": CLOSED,
    "answered": ANSWERED,
    "offered": OFFERED,
    "ripe": RIPE,
    "claimed": CLAIMED,
    "matured_7": matured(7),
    "matured_2": matured(2),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A metric as a gate asks for it."""

    metric: str
    against: str = "control"
    """``control`` (difference of the arms) or ``limit`` (the treated arm's level)."""
    relative: bool = False
    """Whether the margin is a share of the control mean, which takes three sums more."""
    cap: float | None = None
    """Winsorising cap in the metric's unit."""
    history: bool = False
    """Whether the customer's mean from before anybody's first exposure stands beside it (CUPED)."""

    @property
    def definition(self) -> Definition:
        return RESPONSE if self.metric == RESPONSE.metric else CATALOGUE[self.metric]

    @property
    def binary(self) -> bool:
        """Whether y is 0 or 1, its own square."""
        return self.cap is None and (self.metric == RESPONSE.metric or METRICS[self.metric].unit == "rate")

    @property
    def value(self) -> str:
        """Y as a number, whether or not the ticket carries the metric."""
        value = f"CAST({self.definition.value} AS DOUBLE)"
        return value if self.cap is None else f"least({value}, $cap_{self.metric})"

    @property
    def dated(self) -> bool:
        """Whether an immature ticket says when it will be known."""
        return self.definition.immature != NEVER and not self.definition.matures_at.startswith("CAST(NULL")


def with_response(wanted: Sequence[Wanted]) -> Sequence[Wanted]:
    """CSAT is never read without the response rate."""
    return [*wanted, Wanted(RESPONSE.metric)] if rates(wanted) else wanted


def remembering(wanted: Sequence[Wanted]) -> list[Wanted]:
    return [want for want in wanted if want.history]


def rates(wanted: Sequence[Wanted]) -> bool:
    return any(want.metric == "csat" for want in wanted)


def bit(wanted: Sequence[Wanted], want: Wanted, part: str) -> int:
    """The bit's value in ``bits``; ``part`` is one of d, y, i and u. Equal conditions share a bit."""
    return 1 << _conditions(wanted).index(_condition(want, part))


def has(wanted: Sequence[Wanted], want: Wanted, *parts: str) -> str:
    """1 where all those bits are set, else 0."""
    mask = sum({bit(wanted, want, part) for part in parts})
    return f"CAST(bits & {mask} = {mask} AS DOUBLE)"


def carried(wanted: Sequence[Wanted]) -> str:
    """Columns ``bits``, and y of every metric that is no rate: 0 where the ticket does not carry it.

    Over rows that have the columns of ``shared`` as well.
    """
    marks = [
        f"CASE WHEN {_short(condition)} THEN {1 << number} ELSE 0 END"
        for number, condition in enumerate(_conditions(wanted))
    ]
    amounts = (
        f",\n        CASE WHEN {_short(want.definition.counts)} THEN {_short(want.value)}"
        f" ELSE CAST(0 AS DOUBLE) END AS y_{want.metric}"
        for want in wanted
        if not want.binary
    )
    marks.append(f"CASE WHEN a > 0 THEN {_treated(wanted)} ELSE 0 END")
    return "\n        | ".join(marks) + " AS bits" + "".join(amounts)


def arm(wanted: Sequence[Wanted]) -> str:
    """1 where the ticket is the treated arm's, else 0, read from ``bits``."""
    return f"CAST(bits & {_treated(wanted)} > 0 AS DOUBLE)"


def _treated(wanted: Sequence[Wanted]) -> int:
    return 1 << len(_conditions(wanted))


def shared(wanted: Sequence[Wanted]) -> str:
    """Columns for what several conditions ask: DuckDB computes a part of a condition once per mention."""
    texts = [*_conditions(wanted), *(want.value for want in wanted)]
    return "".join(
        f",\n        {text} AS {name}"
        for name, text in _SHARED.items()
        if any(text in other for other in texts)
    )


def _conditions(wanted: Sequence[Wanted]) -> list[str]:
    parts = ((want, part) for want in wanted for part in _parts(want))
    return list(dict.fromkeys(_condition(want, part) for want, part in parts))


def _parts(want: Wanted) -> str:
    d = want.definition
    return "d" + "y" * want.binary + "i" * (d.immature != NEVER) + "u" * (d.unknown != NEVER)


def _condition(want: Wanted, part: str) -> str:
    d = want.definition
    return {"d": d.counts, "y": d.value, "i": d.immature, "u": d.unknown}[part]


def _short(condition: str) -> str:
    for name, text in _SHARED.items():
        condition = condition.replace(text, name)
    return condition
