"""One decision: eligible, then human or agent, then stable or canary; with its reason.

The split is compiled once into prefixes, integer boundaries and tuples, so that a decision costs
little more than its hash.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

from policies.vocabulary import Arm, Mode
from rollout.assign.bucket import exposure_prefix, variant_prefix
from rollout.assign.split import Split
from rollout.records import Assigned

ELIGIBLE: Final = "eligible"

Attributes = Mapping[str, str | None]
"""What the frozen triage and the desk say of a ticket, by eligibility key."""


class Decision(NamedTuple):
    """Where a unit goes under a split, and why."""

    arm: str
    reason: str
    """``SHADOW``, ``HOLDOUT``, ``NOT_ELIGIBLE``, ``SPLIT`` or ``CANARY_SPLIT``."""
    bucket: int
    eligible: bool
    detail: str
    """The eligibility result in words."""
    version: str | None
    """Of the agent that answers, or that is watched in shadow; None where people have it to themselves."""


class Assigner:
    """Decides under one split."""

    __slots__ = ("_common", "_weights", "decide", "split")

    decide: Callable[[str, Attributes], Decision]
    """Unit and attributes to a decision; pure, so asking twice changes nothing."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.decide = _compiled(split)
        self._weights = (float(split.weight), float(split.canary_weight), float(split.holdout))
        self._common = (split.mode.value, split.step, split.plan_digest, split.position)

    def assign(self, ticket_id: str, unit: str, attributes: Attributes, at: datetime) -> Assigned:
        """The decision as it is recorded: enough to recompute it."""
        arm, reason, where, eligible, detail, version = self.decide(unit, attributes)
        weight, canary_weight, holdout = self._weights
        mode, step, plan_digest, position = self._common
        return Assigned(
            ticket_id,
            unit,
            arm,
            mode,
            version,
            step,
            where,
            weight,
            canary_weight,
            holdout,
            eligible,
            reason,
            detail,
            plan_digest,
            position,
            at,
        )


def _conditions(split: Split) -> tuple[tuple[str, frozenset[str], str], ...]:
    return tuple(
        (key, allowed, f", admitted: {', '.join(sorted(allowed))}")
        for key, allowed in split.eligibility.items()
        if allowed is not None
    )


def _compiled(split: Split) -> Callable[[str, Attributes], Decision]:
    exposure = exposure_prefix(split.salt).encode()
    variant = variant_prefix(split.salt, split.canary or "").encode()
    agent_below, canary_below, holdout_from = split.agent_below, split.canary_below, split.holdout_from
    conditions = _conditions(split)
    shadow = split.mode is Mode.SHADOW
    human, agent, canary = Arm.HUMAN.value, Arm.AGENT.value, Arm.CANARY.value
    stable, newer = split.stable, split.canary
    number = int.from_bytes
    hashed_exposure, hashed_variant = sha256(exposure), sha256(variant)  # the prefix is hashed once

    def decide(unit: str, attributes: Attributes) -> Decision:
        raw = unit.encode()
        state = hashed_exposure.copy()
        state.update(raw)
        where = number(state.digest()[:8], "big")
        eligible, detail = True, ELIGIBLE
        for key, allowed, admitted in conditions:
            value = attributes.get(key)
            if value not in allowed:
                eligible, detail = False, f"not eligible: {key} is {value or 'unknown'}{admitted}"
                break
        if shadow:
            reason, watched = ("SHADOW", stable) if eligible else ("NOT_ELIGIBLE", None)
            return Decision(human, reason, where, eligible, detail, watched)
        if where >= holdout_from:
            return Decision(human, "HOLDOUT", where, eligible, detail, None)
        if not eligible:
            return Decision(human, "NOT_ELIGIBLE", where, eligible, detail, None)
        if where >= agent_below:
            return Decision(human, "SPLIT", where, eligible, detail, None)
        if canary_below:
            state = hashed_variant.copy()
            state.update(raw)
            if number(state.digest()[:8], "big") < canary_below:
                return Decision(canary, "CANARY_SPLIT", where, eligible, detail, newer)
        return Decision(agent, "SPLIT", where, eligible, detail, stable)

    return decide
