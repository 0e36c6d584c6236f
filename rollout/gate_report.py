"""What one look at a gate found, typed; ``rollout/gate_json.py`` has its public form."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from experiments.integrity import Finding
from rollout.evidence import GateEvidence
from rollout.gate_json import gate_to_json
from rollout.ladder.categories import CategoryRow
from rollout.ladder.control import ControlChecks
from rollout.ladder.forecast import Forecast
from rollout.ladder.judge import Judgement, Row
from rollout.ladder.transition import Decision, Ruling
from rollout.measure.survival_query import Survival
from rollout.shadow_reading import ShadowReading


@dataclass(frozen=True, slots=True)
class GateReport:
    """Everything a gate says, typed; ``to_json`` is the public form."""

    workflow: str
    track: str
    step: str | None
    as_of: datetime
    judgement: Judgement
    evidence: GateEvidence
    findings: tuple[Finding, ...]
    margin_scale: float
    plan: Mapping[str, Any]
    """``source`` and ``agent``, and whether the plan knows the step."""
    categories: tuple[CategoryRow, ...] = ()
    """The arms compared inside each category; empty where the comparison is not sound."""
    survival: Mapping[str, Survival] = field(default_factory=dict)
    """Re-contact metrics by Kaplan-Meier, beside what decides."""
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    """When open metrics will be decided, where it was asked for."""
    control: ControlChecks = field(default_factory=ControlChecks)
    """What became of the human arm itself."""
    shadow: ShadowReading | None = None
    """Of a shadow step: confidence, escalation and their prices, as reviewers see them."""

    @property
    def decision(self) -> Decision:
        return self.judgement.decision

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.judgement.rows

    @property
    def ruling(self) -> Ruling:
        """What the ladder is told."""
        return self.judgement.ruling(self.to_json())

    def judged_by(self, source: str) -> Self:
        """The same report, saying where its plan was found."""
        return replace(self, plan={**self.plan, "source": source})

    def to_json(self) -> dict[str, Any]:
        return gate_to_json(self)
