"""Counters with labels that nobody can blow up.

A label's value often comes from a caller (a workflow's name, say). Each tenant may have ``MOST`` series of
a counter; what comes after is counted under ``other``, so that the sum stays right and the page short.
"""

from collections.abc import Iterator
from typing import Final

from rollout.observe.exposition import Family

MOST: Final = 200
"""Series of one counter and tenant."""
MOST_TENANTS: Final = 500
OTHER: Final = "other"
OTHERS: Final = "_other"
"""All tenants beyond ``MOST_TENANTS``; no tenant can be called so."""


class Counts:
    """A counter by tenant and labels. For one thread to add and any to read."""

    def __init__(self, name: str, words: str, labels: tuple[str, ...], *, most: int = MOST) -> None:
        self.name, self.words, self.labels = name, words, labels
        self._most = most
        self._values: dict[tuple[str, ...], float] = {}
        self._series: dict[str, int] = {}

    def add(self, tenant: str, *values: str, by: float = 1) -> None:
        """Count ``by`` more. ``values`` are the labels', in their order."""
        key = (tenant, *values)
        if key not in self._values:
            key = self._admitted(key)
        self._values[key] = self._values.get(key, 0) + by

    def family(self, tenant: str | None) -> Family:
        """The samples of one tenant, or of all where None."""
        return Family(self.name, "counter", self.words, self._samples(tenant))

    def _samples(self, tenant: str | None) -> Iterator[tuple[dict[str, str], float]]:
        names = ("tenant", *self.labels)
        for key, value in sorted(self._values.items()):
            if tenant in (None, key[0]):
                yield dict(zip(names, key, strict=True)), value

    def _admitted(self, key: tuple[str, ...]) -> tuple[str, ...]:
        tenant = key[0]
        if tenant not in self._series and len(self._series) >= MOST_TENANTS:
            tenant = OTHERS
        if self._series.get(tenant, 0) >= self._most or tenant == OTHERS:
            return (tenant, *(OTHER for _ in self.labels))
        self._series[tenant] = self._series.get(tenant, 0) + 1
        return (tenant, *key[1:])
