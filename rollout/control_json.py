"""The public form of the checks of the human arm, beside the other integrity checks of a gate."""

from collections.abc import Sequence
from typing import Any

from experiments.control import ControlCheck, Standing
from rollout.ladder.control import ControlChecks, standing_of


def control_to_json(checks: ControlChecks) -> dict[str, dict[str, Any]]:
    """``control_drift`` and ``contamination``: verdict, sentence, numbers, and when they were counted."""
    drift, queue = checks.drift, checks.contamination
    as_of = checks.as_of and checks.as_of.isoformat()
    return {
        "control_drift": {
            "as_of": as_of,
            "verdict": standing_of(list(drift.values())).value,
            "sentence": _sentence("The human arm's own level", list(drift.values()), checks.drift_missing),
            "metrics": {metric: _numbers(check) for metric, check in drift.items()},
        },
        "contamination": {
            "as_of": as_of,
            "verdict": (queue.standing if queue is not None else Standing.NOT_CHECKED).value,
            "sentence": _sentence(
                "The human arm's queue", [queue] if queue is not None else [], checks.contamination_missing
            ),
            "escalations": checks.escalations,
            **(_numbers(queue) if queue is not None else {}),
        },
    }


def _sentence(what: str, checks: Sequence[ControlCheck], missing: str | None) -> str:
    """What was found, or what could not be checked, before what is in order."""
    if missing is not None:
        return f"{what}: not checked, {missing}."
    for standing in (Standing.INVALID, Standing.NOT_CHECKED):
        said = [check.sentence for check in checks if check.standing is standing]
        if said:
            return " ".join(said)
    return " ".join(check.sentence for check in checks)


def _numbers(check: ControlCheck) -> dict[str, Any]:
    return {
        "verdict": check.standing.value,
        "worsening": check.worsening,
        "worsening_lower": check.lower,
        "tolerated": check.tolerated,
        "before": check.before,
        "after": check.after,
        "n_before": check.n_before,
        "n_after": check.n_after,
    }
