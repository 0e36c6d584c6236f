"""What incidents do to gates, and which incidents a roll-back opens by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from rollout.errors import TransitionRefused
from rollout.incidents.incident import Incident, Incidents, Severity, event, opening, sentence_of
from rollout.ladder.steps import INCIDENT
from rollout.ladder.transition import CONTROLLER, Decision, Transition
from rollout.records import Event

if TYPE_CHECKING:
    from rollout.ladder.judge import Judgement  # and with it the statistics, which the router never loads

CONDUCT: Final = ("violations", "missed_escalation")
"""Metrics whose proven harm means that customers were told what they must not be told."""
_MOST_TITLE: Final = 300


class Source(Protocol):
    """Anything that answers the view's SQL."""

    def query(self, sql: str, params: Any = ()) -> list[dict[str, Any]]: ...


def incidents_as_of(source: Source, tenant: str, workflow: str, as_of: datetime) -> list[Incident]:
    """A workflow's incidents as they stood at a moment, from the view."""
    rows = source.query(
        "SELECT occurred_at, actor, payload FROM others WHERE kind = 'incident' AND tenant = $tenant"
        " AND workflow = $workflow AND occurred_at <= $as_of ORDER BY seq",
        {"tenant": tenant, "workflow": workflow, "as_of": as_of},
    )
    found = Incidents()
    for row in rows:
        found.note(tenant, workflow, row["actor"], row["occurred_at"], orjson.loads(row["payload"]))
    return found.of(tenant, workflow)


def held(judgement: "Judgement", incidents: list[Incident]) -> "Judgement":
    """The same judgement, held while a severe incident is open. A roll-back is never held."""
    blocking = [incident for incident in incidents if incident.blocks]
    if not blocking or judgement.decision is Decision.ROLL_BACK:
        return judgement
    reasons = (f"{sentence_of(blocking)}.", *judgement.reasons)
    return replace(judgement, decision=Decision.HOLD, code=INCIDENT, reasons=reasons)


def opened_by(change: Transition, after: int) -> Event | None:
    """The incident that a transition opens: the controller took a version out, or paused it, for harm.

    Its id is made from the transition it follows, as the transition's own is, so that of two
    controllers only one opens it.
    """
    if change.actor != CONTROLLER or change.action not in ("roll_back", "pause"):
        return None
    state = change.state
    track = state.track(change.track)
    noted = opening(
        f"{change.action}-{state.workflow}-{after}",
        severity_of(change.evidence),
        shorten(change.sentence, _MOST_TITLE, placeholder=" …"),
        version=None if track is None else track.version,
        origin="controller",
    )
    return event(noted, "", state.tenant, state.workflow, CONTROLLER, change.at)


def severity_of(evidence: Mapping[str, Any]) -> Severity:
    """How bad proven harm is: what was said to customers is severe, what was measured is contained.

    In shadow no customer saw it.
    """
    if evidence.get("mode") == "shadow":
        return Severity.SEV4
    rows = evidence.get("metrics", ())
    failed = {row["metric"] for row in rows if row["verdict"] == "FAIL" and row["role"] != "goal"}
    return Severity.SEV2 if failed & set(CONDUCT) else Severity.SEV3


def open_incidents(source: Source, tenant: str, workflow: str) -> list[Incident]:
    """A workflow's incidents as the record has them, whatever the clock shows now.

    What gives traffic asks here: a clock that went back must not hide an incident.
    """
    rows = source.query(
        "SELECT occurred_at, actor, payload FROM others WHERE kind = 'incident' AND tenant = ?"
        " AND workflow = ? ORDER BY seq",
        [tenant, workflow],
    )
    found = Incidents()
    for row in rows:
        found.note(tenant, workflow, row["actor"], row["occurred_at"], orjson.loads(row["payload"]))
    return [incident for incident in found.of(tenant, workflow) if incident.open]


def refuse_while_severe(action: str, incidents: Iterable[Incident]) -> None:
    """Refuse what gives an agent traffic, or lets it climb, while a severe incident is open.

    Raises:
        TransitionRefused: names the worst one and what ends it.

    """
    blocking = [incident for incident in incidents if incident.blocks]
    if blocking:
        worst = blocking[0].incident_id
        raise TransitionRefused(
            f"{action} is refused: {sentence_of(blocking)}. Close it with `ridealong incident close {worst} "
            f"--reason …` or grade it with `ridealong incident grade {worst}`; pausing, rolling back and "
            "aborting are always allowed"
        )
