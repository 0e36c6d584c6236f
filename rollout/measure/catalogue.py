"""Every metric a plan may name, with its definition. One file per family."""

from typing import Final

from rollout.measure import cost, csat, escalation, recontact, safety, shadow, times
from rollout.measure.definition import Definition

CATALOGUE: Final[dict[str, Definition]] = {
    definition.metric: definition
    for family in (csat, recontact, escalation, cost, times, safety, shadow)
    for definition in family.METRICS_HERE
}
