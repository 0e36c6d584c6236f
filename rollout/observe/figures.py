"""What the analyst tells whoever scrapes: its position, the newest look of every gate, shadow spending.

Kept from the last tick, so that a scrape never waits for the view and never causes a judgement.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Ruled(Protocol):
    """What is taken of a ruling."""

    @property
    def decision(self) -> Any: ...

    @property
    def reason(self) -> str: ...

    @property
    def evidence(self) -> Mapping[str, Any]: ...


class Figures:
    """The newest of each. One thread writes, any reads."""

    def __init__(self) -> None:
        self._looks: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.shadow: Sequence[Mapping[str, Any]] = ()
        """What shadows have spent since midnight UTC, by tenant, workflow and version."""

    def looked(self, tenant: str, workflow: str, track: str, ruling: Ruled) -> None:
        """Take in what a gate says now."""
        metrics = ruling.evidence.get("metrics", ())
        self._looks[tenant, workflow, track] = {
            "tenant": tenant,
            "workflow": workflow,
            "track": track,
            "decision": str(ruling.decision.value),
            "reason": ruling.reason,
            "verdicts": [
                {"metric": each["metric"], "state": each["verdict"], "reason": each["reason"]}
                for each in metrics
            ],
        }

    def to_json(self) -> dict[str, Any]:
        return {"looks": list(self._looks.values()), "shadow": [dict(row) for row in self.shadow]}
