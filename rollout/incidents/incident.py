"""Incidents as a fold over their records, so that the journal alone says how things stand."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

from rollout.errors import TransitionRefused, UsageError
from rollout.records import Event, IncidentNoted, Kind, Record

ID_PREFIX: Final = "incident:"


class Severity(IntEnum):
    """How bad; 1 is worst. 1 and 2 are severe: while one is open nothing is promoted."""

    SEV1 = 1
    SEV2 = 2
    SEV3 = 3
    SEV4 = 4

    @property
    def severe(self) -> bool:
        return self <= Severity.SEV2


MEANINGS: Final[dict[Severity, str]] = {
    Severity.SEV1: (
        "harm that is done or cannot be taken back: another customer's data shown, an unauthorised or wrong "
        "write action, advice that endangers somebody. Abort first, then investigate"
    ),
    Severity.SEV2: (
        "customers were told wrong or forbidden things, repeatedly or by a cause that is still there: broken "
        "policy, made-up facts, missed escalations of sensitive topics"
    ),
    Severity.SEV3: (
        "service got worse but was contained: a proven loss of quality that was rolled back, one category, "
        "slow or failing replies with humans taking over"
    ),
    Severity.SEV4: "a near miss: found in shadow, by a reviewer or by a check before a customer saw it",
}


class UnknownIncident(UsageError):
    pass


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as it stands."""

    incident_id: str
    tenant: str
    workflow: str
    version: str | None
    """The agent version it happened to; None where that is not known yet."""
    severity: Severity
    title: str
    origin: str
    """``person`` or ``controller``: who noticed."""
    opened_at: datetime
    opened_by: str
    grades: int = 0
    """How often its severity was changed."""
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    reason: str | None = None
    """Why it was closed, or graded as it is."""

    @property
    def open(self) -> bool:
        return self.closed_at is None

    @property
    def status(self) -> str:
        if not self.open:
            return "closed"
        return "acknowledged" if self.acknowledged_at is not None else "open"

    @property
    def blocks(self) -> bool:
        """Whether it keeps its workflow from being promoted."""
        return self.open and self.severity.severe

    def to_json(self) -> dict[str, Any]:
        """The public form; times in ISO 8601."""
        told = asdict(self) | {"severity": int(self.severity), "status": self.status, "blocks": self.blocks}
        del told["grades"]
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()
        }


def opening(
    incident_id: str,
    severity: Severity,
    title: str,
    *,
    version: str | None,
    origin: str,
) -> IncidentNoted:
    """The payload that opens an incident."""
    return IncidentNoted(incident_id, "open", int(severity), title=title, version=version, origin=origin)


def event(noted: IncidentNoted, name: str, tenant: str, workflow: str, actor: str, at: datetime) -> Event:
    """A change of an incident as an event; ``name`` is what tells it from the incident's others."""
    return Event(
        event_id=ID_PREFIX + noted.incident_id + name,
        kind=Kind.INCIDENT,
        occurred_at=at,
        payload=noted,
        tenant=tenant,
        workflow=workflow,
        actor=actor,
    )


def acknowledge(incident: Incident, actor: str, at: datetime) -> Event:
    """Somebody looks after it.

    Raises:
        TransitionRefused: it is closed, or somebody does already.

    """
    _refuse_closed(incident)
    if incident.acknowledged_at is not None:
        raise TransitionRefused(f"{incident.acknowledged_by} looks after {incident.incident_id} already")
    noted = IncidentNoted(incident.incident_id, "acknowledge", int(incident.severity))
    return event(noted, ":acknowledged", incident.tenant, incident.workflow, actor, at)


def grade(incident: Incident, severity: Severity, reason: str, actor: str, at: datetime) -> Event:
    """It turned out better or worse than it seemed.

    Raises:
        TransitionRefused: it is closed, or has that severity.

    """
    _refuse_closed(incident)
    if severity == incident.severity:
        raise TransitionRefused(f"{incident.incident_id} has severity {severity:d} already")
    noted = IncidentNoted(incident.incident_id, "grade", int(severity), reason=_reason(reason))
    name = f":graded:{incident.grades + 1}"
    return event(noted, name, incident.tenant, incident.workflow, actor, at)


def close(incident: Incident, reason: str, actor: str, at: datetime) -> Event:
    """It is over.

    Raises:
        TransitionRefused: it is closed already.

    """
    _refuse_closed(incident)
    noted = IncidentNoted(incident.incident_id, "close", int(incident.severity), reason=_reason(reason))
    return event(noted, ":closed", incident.tenant, incident.workflow, actor, at)


class Incidents:
    """All incidents there are, from their records in the journal's order."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._known: dict[tuple[str, str], Incident] = {}
        for record in records:
            self.learn(record)

    def learn(self, record: Record) -> None:
        """Take in one record; those of other kinds change nothing."""
        if record.kind == Kind.INCIDENT and record.workflow is not None:
            self.note(record.tenant, record.workflow, record.actor, record.occurred_at, record.payload)

    def note(self, tenant: str, workflow: str, actor: str, at: datetime, payload: Mapping[str, Any]) -> None:
        """Take in one change. What does not fit the incident's state was refused when it was asked."""
        key = tenant, str(payload["incident_id"])
        severity, action, known = Severity(payload["severity"]), payload["action"], self._known.get(key)
        if action == "open" and known is None:
            title, version = str(payload["title"]), payload.get("version")
            origin = str(payload.get("origin", "person"))
            self._known[key] = Incident(key[1], tenant, workflow, version, severity, title, origin, at, actor)
        elif known is None or not known.open:
            return
        elif action == "acknowledge":
            self._known[key] = replace(known, acknowledged_at=at, acknowledged_by=actor)
        elif action == "grade":
            grades, reason = known.grades + 1, payload.get("reason")
            self._known[key] = replace(known, severity=severity, grades=grades, reason=reason)
        elif action == "close":
            self._known[key] = replace(known, closed_at=at, closed_by=actor, reason=payload.get("reason"))

    def get(self, tenant: str, incident_id: str) -> Incident:
        """One incident.

        Raises:
            UnknownIncident: there is none of that id.

        """
        known = self._known.get((tenant, incident_id))
        if known is None:
            raise UnknownIncident(f"there is no incident {incident_id!r}; see `ridealong incident list`")
        return known

    def of(self, tenant: str, workflow: str | None = None) -> list[Incident]:
        """A tenant's incidents, of one workflow where named: open ones first, the worst of them first."""
        mine = [
            each
            for each in self._known.values()
            if each.tenant == tenant and workflow in (None, each.workflow)
        ]
        return sorted(mine, key=lambda each: (not each.open, each.severity, -each.opened_at.timestamp()))


def sentence_of(blocking: Iterable[Incident]) -> str:
    """Why nothing is promoted, without a full stop."""
    worst, *others = blocking
    about = f" ({worst.version})" if worst.version else ""
    more = f" and {len(others)} more" if others else ""
    return (
        f"incident {worst.incident_id}, severity {worst.severity:d}{about}, is {worst.status}{more}: "
        f"{worst.title.rstrip('.')}; nothing is promoted until a person closes it or finds it less severe"
    )


def _refuse_closed(incident: Incident) -> None:
    if not incident.open:
        raise TransitionRefused(
            f"{incident.incident_id} was closed by {incident.closed_by}; open another if it is back"
        )


def _reason(reason: str) -> str:
    if not reason.strip():
        raise TransitionRefused("say why; others will read it")
    return reason
