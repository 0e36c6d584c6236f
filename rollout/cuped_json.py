"""What a covariate from before the rollout did for a comparison, for ``--json`` and the API."""

from dataclasses import replace
from typing import Any

from experiments.estimate import estimate_difference
from rollout.evidence import MetricEvidence


def cuped_to_json(found: MetricEvidence) -> dict[str, Any]:
    """Whether earlier means made the estimate sharper, by what share of its variance, and of how many."""
    sums = found.difference
    if sums is None or sums.covariate is None:
        return {"used": False, "variance_saved": None, "customers": found.remembered}
    plain = estimate_difference(replace(sums, covariate=None))
    sharper = estimate_difference(sums)
    saved = 1 - sharper.variance / plain.variance if sharper.adjusted else None
    return {"used": sharper.adjusted, "variance_saved": saved, "customers": found.remembered}
