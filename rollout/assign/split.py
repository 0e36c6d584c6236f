"""The split in force: everything a decision depends on, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from policies.vocabulary import Mode
from rollout.assign.bucket import SPACE, boundary


@dataclass(frozen=True, slots=True)
class Split:
    """What the router obeys for one workflow. Weights are percentages, exact."""

    workflow: str
    step: str
    mode: Mode
    weight: Decimal
    """Of eligible units: the agent's share, stable and canary together."""
    canary_weight: Decimal
    """Of the agent's units: the canary's share."""
    holdout: Decimal
    """Of all units: human for good. Taken from the top end, so no weight ever reaches it."""
    stable: str
    salt: str
    canary: str | None = None
    eligibility: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    """Attribute to admitted values; ``None`` or an absent key admits every value."""
    plan_digest: str = ""
    position: int = 0
    """Sequence number of the transition that put this split in force."""

    def __post_init__(self) -> None:
        """Refuse a split that is not legal, whoever made it.

        Raises:
            ValueError: a share is outside 0 to 100, or agent and holdout exceed 100 together.

        """
        for name in ("weight", "canary_weight", "holdout"):
            share = getattr(self, name)
            if not 0 <= share <= 100:
                raise ValueError(f"{name} == {share} in {self.workflow}/{self.step}, must be from 0 to 100")
        if self.weight + self.holdout > 100:
            raise ValueError(
                f"weight {self.weight} and holdout {self.holdout} in {self.workflow}/{self.step} "
                "exceed 100 percent together; lower the weight"
            )

    @property
    def agent_below(self) -> int:
        """Exposure buckets below this are the agent's. In shadow there are none."""
        return 0 if self.mode is Mode.SHADOW else boundary(self.weight)

    @property
    def holdout_from(self) -> int:
        """Exposure buckets from this on are held out."""
        return SPACE - boundary(self.holdout)

    @property
    def canary_below(self) -> int:
        """Variant buckets below this are the canary's, among the agent's units."""
        return boundary(self.canary_weight) if self.canary is not None else 0
