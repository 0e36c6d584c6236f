"""Which plan a workflow is judged by, and where it was found."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from policies.load import load_plan, plan_from_json
from policies.plan import Plan
from rollout.ladder.state import LadderState
from rollout.measure.query import Query, Source

SHIPPED: Final = Path(__file__).resolve().parent.parent / "policies" / "rollouts"
DEFAULT: Final = SHIPPED / "playbook-ladder.yaml"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A plan and its origin."""

    plan: Plan
    source: str
    """For people: a file, ``pinned …`` or ``shipped default …``."""
    warning: str | None = None
    """Set where nobody chose this plan for this workflow."""


def find_plan(
    source: Source,
    workflow: str,
    *,
    tenant: str = "default",
    data: Path | None = None,
    file: Path | None = None,
) -> Yardstick:
    """The plan named, else pinned, else beside the data, else shipped, else the playbook's.

    Raises:
        PlanInvalid: the file has problems.
        FileNotFoundError: there is no such file.

    """
    if file is not None:
        return Yardstick(load_plan(file), str(file))
    pinned = source.query(
        "SELECT digest, plan FROM plans WHERE tenant = $tenant AND workflow = $workflow"
        " ORDER BY seq DESC LIMIT 1",
        {"tenant": tenant, "workflow": workflow},
    )
    if pinned:
        return Yardstick(plan_from_json(_json(pinned[0]["plan"])), f"pinned {pinned[0]['digest'][:12]}")
    beside = sorted((data / "plans").glob("*.y*ml")) if data is not None else []
    for path in [*beside, *sorted(SHIPPED.glob("*.yaml"))]:
        plan = load_plan(path)
        if plan.workflow == workflow and (path.parent == SHIPPED or plan.tenant == tenant):
            return Yardstick(plan, str(path) if path in beside else f"shipped {path.name}")
    return Yardstick(
        load_plan(DEFAULT),
        f"shipped default {DEFAULT.name}",
        f"no plan for workflow {workflow!r} was given, pinned or found; judged by the shipped "
        f"{DEFAULT.name}. Its margins are not yours: name a plan with --plan FILE",
    )


def state_as_of(
    source: Source, workflow: str, as_of: datetime, *, tenant: str = "default"
) -> LadderState | None:
    """Where the rollout stood then; None where it had not begun."""
    rows = Query(
        "SELECT state FROM transitions WHERE tenant = $tenant AND workflow = $workflow"
        " AND occurred_at <= $as_of ORDER BY seq DESC LIMIT 1",
        {"tenant": tenant, "workflow": workflow, "as_of": as_of},
    ).rows(source)
    return LadderState.from_json(_json(rows[0]["state"])) if rows else None


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value
