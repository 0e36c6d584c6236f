"""What takes the whole plan to see: parts that do not fit each other. Pure; findings, never errors."""

from collections.abc import Collection, Iterator

from policies.checks.draft import Draft
from policies.checks.eligibility import check_eligibility
from policies.checks.gates import check_gates
from policies.checks.metrics import check_metrics
from policies.checks.steps import check_steps
from policies.checks.versions import check_versions
from policies.problems import Finding

__all__ = ["Draft", "check"]


def check(draft: Draft, versions: Collection[str] | None) -> Iterator[Finding]:
    """Everything wrong between the parts of a plan.

    Args:
        draft: the plan as far as it could be read.
        versions: ``NAME@VERSION`` of every agent version there is; None leaves them unchecked.

    """
    yield from check_steps(draft)
    yield from check_eligibility(draft)
    yield from check_metrics(draft)
    yield from check_gates(draft)
    if versions is not None:
        yield from check_versions(draft, versions)
