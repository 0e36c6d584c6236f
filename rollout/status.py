"""Where a rollout stands, as one row: ladder, position, weights, what it waits for, what happened."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from policies.plan import Step
from policies.vocabulary import Mode
from rollout.controller import Standing
from rollout.ladder.state import Track, TrackName, request_to_json, steps_of
from rollout.ladder.steps import consider
from rollout.ladder.transition import NOT_JUDGED, Outlook, Rulings

SECONDS_A_DAY: Final = 86400


def status(
    standing: Standing, rulings: Rulings, now: datetime, transitions: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The row of one workflow. Weights are percentages, times ISO 8601 in UTC."""
    plan, state = standing.plan, standing.state
    outlooks = {
        name: consider(plan, state, name, rulings.get(name, NOT_JUDGED), now)
        for name in TrackName
        if state.track(name) is not None
    }
    ladder = outlooks[TrackName.LADDER]
    return {
        "workflow": state.workflow,
        "tenant": state.tenant,
        "status": state.ladder.status.value,
        "step": state.ladder.step,
        "steps": [_step(plan.gate_of(step), step) for step in plan.steps],
        "canary_steps": [_step(plan.gate_of(step), step) for step in steps_of(plan, TrackName.CANARY)],
        "ladder": _track(state.ladder, ladder),
        "canary": None if state.canary is None else _track(state.canary, outlooks[TrackName.CANARY]),
        "split": {
            "step": state.shares.step,
            "mode": state.shares.mode.value,
            "weight": float(state.shares.weight),
            "canary_weight": float(state.shares.canary_weight),
            "holdout": float(state.shares.holdout),
            "stable": state.shares.stable,
            "canary": state.shares.canary,
        },
        "quarantined": list(state.quarantined),
        "decision": ladder.decision.value,
        "reason": ladder.reason,
        "sentence": ladder.sentence,
        "until": None if ladder.until is None else ladder.until.isoformat(),
        "next_step": _following(plan.steps, state.ladder),
        "owners": plan.owners.model_dump(),
        "plan_digest": state.plan_digest,
        "position": standing.seq,
        "transitions": [dict(transition) for transition in transitions],
    }


def history(workflow: str, tenant: str) -> dict[str, Any]:
    """The row of a workflow that has records but no rollout: an imported or replayed desk."""
    return {
        "workflow": workflow,
        "tenant": tenant,
        "status": "not_started",
        "step": None,
        "steps": [],
        "canary_steps": [],
        "ladder": None,
        "canary": None,
        "split": None,
        "quarantined": [],
        "decision": None,
        "reason": "NOT_STARTED",
        "sentence": "no rollout was started; everything here is the desk's own history",
        "until": None,
        "next_step": None,
        "owners": None,
        "plan_digest": None,
        "position": 0,
        "transitions": [],
    }


def _step(gate: Sequence[str], step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "mode": step.mode.value,
        "weight": float(step.weight),
        "gate": list(gate),
        "min_days": step.min_duration.total_seconds() / SECONDS_A_DAY,
        "approval": step.approval,
    }


def _track(track: Track, outlook: Outlook) -> dict[str, Any]:
    return {
        "step": track.step,
        "index": track.index,
        "status": track.status.value,
        "entered_at": track.entered_at.isoformat(),
        "version": track.version,
        "requested": request_to_json(track.requested),
        "decision": outlook.decision.value,
        "reason": outlook.reason,
        "sentence": outlook.sentence,
    }


def _following(steps: Sequence[Step], track: Track) -> str | None:
    """The next rung in words; None on the last one and where nothing climbs."""
    if not track.climbing or track.index + 1 >= len(steps):
        return None
    step = steps[track.index + 1]
    if step.mode is Mode.SHADOW:
        return f"{step.name}, in shadow"
    share = f"{float(step.weight):g} % of eligible customers"
    return f"{step.name}, drafts for {share}" if step.mode is Mode.ASSIST else f"{step.name}, {share}"
