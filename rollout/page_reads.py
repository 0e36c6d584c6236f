"""The reads behind the pages on knowledge, quality and the audit trail."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from policies.plan import Plan
from rollout.measure.drift import drift
from rollout.measure.headlines.slice import Slice
from rollout.measure.knowledge import knowledge
from rollout.measure.quality import quality
from rollout.measure.query import Source
from rollout.record.folder import DataFolder
from rollout.report import period_of
from rollout.upkeep.trail import trail, verified

_REFUSALS: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class About:
    """One workflow's tickets over one period."""

    source: Source
    tenant: str
    workflow: str
    period: str
    """``7d``, ``28d``, ``90d`` or ``all``."""
    as_of: datetime
    plan: Plan | None = None
    """Says what an hour of a person costs."""

    @property
    def slice(self) -> Slice:
        length = period_of(self.period)
        since = None if length is None else self.as_of - length
        return Slice(self.workflow, self.as_of, since, self.tenant)

    @property
    def head(self) -> dict[str, Any]:
        since = self.slice.since
        told = None if since is None else since.isoformat()
        return {"workflow": self.workflow, "as_of": self.as_of.isoformat(), "since": told}


def knowledge_of(about: About) -> dict[str, Any]:
    """See ``measure.knowledge``."""
    cost = None if about.plan is None else about.plan.cost
    wage = None if cost is None else cost.human_usd_per_hour
    return about.head | knowledge(about.source, about.slice, wage)


def quality_of(about: About) -> dict[str, Any]:
    """See ``measure.quality`` and ``measure.drift``."""
    return about.head | quality(about.source, about.slice) | {"drift": drift(about.source, about.slice)}


def trail_of(folder: DataFolder, tenant: str, what: str, now: datetime) -> dict[str, Any]:
    """See ``upkeep.trail``."""
    told = trail(folder.view, tenant, what, since=now - _REFUSALS)
    return told | {"verified": verified(folder.path, now)}
