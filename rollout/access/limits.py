"""How much of the door one caller may take: a rate per key, a fair share of the room per tenant."""

from collections import Counter, OrderedDict
from typing import Final, NamedTuple

RATE: Final = 500.0
"""Tokens per second of a caller with no rate of its own."""
BURST_SECONDS: Final = 2.0
"""How much of its rate a caller may save up."""
IN_FLIGHT: Final = 512
"""Requests that are worked on at once, all tenants together."""
_MOST_CALLERS: Final = 10_000


class _Bucket(NamedTuple):
    tokens: float
    at: float


class Rates:
    """Token buckets by caller. Bounded: the caller seen longest ago is forgotten first.

    A forgotten caller begins with a full bucket, so forgetting never refuses anybody.
    """

    def __init__(self, rate: float = RATE, most: int = _MOST_CALLERS) -> None:
        self._rate = rate
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str, cost: float, now: float, rate: float | None = None) -> float:
        """Seconds to wait before asking again; 0 where ``cost`` tokens were there and are taken.

        Args:
            caller: whose bucket.
            cost: in tokens; more than a full bucket counts as a full one, else it could never pass.
            now: monotonic seconds.
            rate: the caller's own tokens per second.

        """
        rate = self._rate if rate is None else rate
        most = max(rate * BURST_SECONDS, 1.0)
        cost = min(cost, most)
        bucket = self._buckets.get(caller) or _Bucket(most, now)
        tokens = min(bucket.tokens + max(now - bucket.at, 0.0) * rate, most)
        wait = 0.0 if tokens >= cost else (cost - tokens) / rate
        self._buckets[caller] = _Bucket(tokens if wait else tokens - cost, now)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)


class FairShare:
    """Room for ``most`` requests at once, divided among the tenants that are there.

    A tenant alone may fill all of it; as soon as another comes, each may hold only its part. One that
    is over its part gets no more room until its own requests are answered, so the other never waits
    for it.
    """

    def __init__(self, most: int = IN_FLIGHT) -> None:
        self._most = most
        self._inside: Counter[str] = Counter()

    def enter(self, tenant: str) -> bool:
        """Take a place; False where the tenant holds its part already. Each True needs a ``leave``."""
        here = self._inside[tenant]
        tenants = len(self._inside) + (tenant not in self._inside)
        if here >= max(self._most // tenants, 1):
            return False
        self._inside[tenant] = here + 1
        return True

    def leave(self, tenant: str) -> None:
        here = self._inside[tenant] - 1
        if here > 0:
            self._inside[tenant] = here
        else:
            del self._inside[tenant]
