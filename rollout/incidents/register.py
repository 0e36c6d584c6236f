"""The incidents of a journal that is being written, for whoever owns it."""

import secrets
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Final

from rollout.incidents.incident import Incident, Incidents, Severity, event, opening
from rollout.record.journal import Journal
from rollout.record.segments import decoded, lines
from rollout.records import Event, Kind

_MARK: Final = f'"{Kind.INCIDENT.value}"'.encode()


class Register:
    """Reads what was noted and notes what is new. Thread-safe; needs nothing but the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._incidents = Incidents()
        self._position = 0
        self._lock = Lock()

    def of(self, tenant: str, workflow: str | None = None) -> list[Incident]:
        """See ``Incidents.of``."""
        with self._lock:
            return self._now().of(tenant, workflow)

    def open(
        self,
        tenant: str,
        workflow: str,
        severity: Severity,
        title: str,
        *,
        version: str | None,
        actor: str,
        at: datetime,
    ) -> Incident:
        """Note a new incident; durable on return."""
        incident_id = f"inc-{at:%Y%m%d}-{secrets.token_hex(4)}"
        noted = opening(incident_id, severity, title, version=version, origin="person")
        return self._recorded(event(noted, "", tenant, workflow, actor, at), incident_id)

    def change(self, tenant: str, incident_id: str, make: Callable[[Incident], Event]) -> Incident:
        """Note what ``make`` derives from the incident; durable on return.

        Raises:
            UnknownIncident: there is none of that id.
            TransitionRefused: ``make`` refuses.
            ConflictingEvent: somebody else changed it in the same way meanwhile.

        """
        with self._lock:
            known = self._now().get(tenant, incident_id)
        return self._recorded(make(known), incident_id)

    def _recorded(self, noted: Event, incident_id: str) -> Incident:
        self._journal.append([noted])
        with self._lock:
            return self._now().get(noted.tenant, incident_id)

    def _now(self) -> Incidents:
        """Everything that is durable, read from where it was read to."""
        head = self._journal.head().seq
        for line in lines(self._journal.folder, self._position, head):
            if _MARK in line.raw:
                for record in decoded(line):
                    self._incidents.learn(record)
        self._position = head
        return self._incidents
