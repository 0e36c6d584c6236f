"""A decision as feature flags: which flags a workflow has, and what each says of an assignment.

Pure. The words are OpenFeature's; ours stand beside them in the metadata.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from policies.vocabulary import Arm, Mode
from rollout.records import Assigned
from rollout.router import NO_SAFE_STATE

RELEASED: Final = "RELEASED"
"""Our reason where a version was withdrawn and its open conversations with it."""

_REASONS: Final[Mapping[str, str]] = {
    "SPLIT": "SPLIT",
    "CANARY_SPLIT": "SPLIT",
    "HOLDOUT": "SPLIT",
    "NOT_ELIGIBLE": "TARGETING_MATCH",
    "SHADOW": "STATIC",
    NO_SAFE_STATE: "DEFAULT",
    RELEASED: "DISABLED",
}


class Facet(StrEnum):
    """What a flag tells of its workflow; the value is what its key ends with."""

    ARM = ""
    AGENT = ".agent"
    VERSION = ".version"


class Flag(NamedTuple):
    workflow: str
    facet: Facet

    @property
    def key(self) -> str:
        return self.workflow + self.facet.value


class Evaluated(NamedTuple):
    """An assignment, fresh or as it was recorded when its ticket was routed."""

    assigned: Assigned
    recorded: bool


def find(key: str, workflows: Collection[str]) -> Flag | None:
    """The flag of this key. A workflow's own name wins over what another one's ending would make of it."""
    if key in workflows:
        return Flag(key, Facet.ARM)
    for facet in (Facet.AGENT, Facet.VERSION):
        workflow = key.removesuffix(facet.value)
        if workflow != key and workflow in workflows:
            return Flag(workflow, facet)
    return None


def flags_of(workflow: str, workflows: Collection[str]) -> Iterator[Flag]:
    """The flags of one workflow that no other workflow's name hides."""
    for facet in Facet:
        flag = Flag(workflow, facet)
        if find(flag.key, workflows) == flag:
            yield flag


def released(assigned: Assigned) -> Assigned:
    """A conversation that its agent may not even finish: a human's from now on."""
    detail = f"{assigned.version} was withdrawn with its open conversations"
    return replace(assigned, arm=Arm.HUMAN, version=None, reason=RELEASED, detail=detail)


def standard_reason(assigned: Assigned) -> str:
    """OpenFeature's word for why."""
    nothing_to_split = not assigned.weight and assigned.mode in (Mode.LIVE, Mode.ASSIST)
    if nothing_to_split and assigned.reason != RELEASED:
        return "DISABLED"
    return _REASONS.get(assigned.reason, "UNKNOWN")


def answer(flag: Flag, evaluated: Evaluated) -> dict[str, Any]:
    """A flag's evaluation as the protocol has it; always with value, variant and a standard reason."""
    value, variant = _value(flag.facet, evaluated.assigned)
    return {
        "key": flag.key,
        "value": value,
        "variant": variant,
        "reason": standard_reason(evaluated.assigned),
        "metadata": _metadata(flag.workflow, evaluated),
    }


def _value(facet: Facet, assigned: Assigned) -> tuple[str | bool, str]:
    if facet is Facet.AGENT:
        # In assist a person sends: whoever asks only this flag must not let the agent answer.
        answers = assigned.arm != Arm.HUMAN and assigned.mode == Mode.LIVE
        return answers, "on" if answers else "off"
    if facet is Facet.VERSION:
        return assigned.version or "", assigned.version or "none"
    return str(assigned.arm), str(assigned.arm)


def _metadata(workflow: str, evaluated: Evaluated) -> dict[str, str | float | bool]:
    """Named as in the answer of ``POST /v1/route``; flat, because SDKs drop everything else."""
    assigned = evaluated.assigned
    told: dict[str, str | float | bool | None] = {
        "workflow": workflow,
        "arm": str(assigned.arm),
        "mode": assigned.mode,
        "version": assigned.version,
        "step": assigned.step,
        "bucket": str(assigned.bucket),
        "weight": assigned.weight,
        "canary_weight": assigned.canary_weight,
        "holdout": assigned.holdout,
        "eligible": assigned.eligible,
        "reason": assigned.reason,
        "detail": assigned.detail,
        "plan_digest": assigned.plan_digest,
        "position": assigned.position,
        "recorded": evaluated.recorded,
    }
    return {name: value for name, value in told.items() if value not in (None, "")}
