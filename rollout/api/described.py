"""The description of the doors for incidents and for help desks; see ``openapi``."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Header

from rollout.api.incidents import IncidentChange, IncidentRequest
from rollout.api.problems import MEDIA_TYPE
from rollout.api.rows import Incident, Incidents, Taken

described = APIRouter()
_WORDS: Final = {
    400: "The body is not JSON",
    404: "No such incident, action or sender",
    409: "Changed by somebody else meanwhile, or already recorded with other content: try again or stop",
    413: "The body is too large",
    415: "Not sent as application/json",
    421: "A foreign host name",
    422: "A field is not as described; the answer names it",
    503: "Cannot be recorded right now; `Retry-After` says when to try again",
}
_POST: Final[dict[int | str, dict[str, Any]]] = {
    code: {
        "description": words,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for code, words in _WORDS.items()
}
_UNVERIFIED: Final[dict[int | str, dict[str, Any]]] = {
    401: {**_POST[404], "description": "The signature does not verify, or is more than five minutes old"}
}
Delivered = Annotated[dict[str, Any], Body()]


@described.get("/v1/incidents", tags=["incidents"], response_model=Incidents)
def list_incidents(workflow: str | None = None) -> None:
    """Incidents with AI agents, open ones first and the worst of them first."""


@described.post("/v1/incidents", tags=["incidents"], response_model=Incident, responses=_POST)
def open_incident(incident: IncidentRequest) -> None:
    """Open an incident.

    While one of severity 1 or 2 is open, nothing of its workflow is promoted. Needs nothing but the
    router.
    """


@described.post(
    "/v1/incidents/{incident_id}/{action}", tags=["incidents"], response_model=Incident, responses=_POST
)
def change_incident(incident_id: str, action: str, change: IncidentChange) -> None:
    """``acknowledge``, ``grade`` or ``close`` an incident; the last two with a reason."""


@described.post(
    "/webhooks/zendesk", tags=["webhooks"], response_model=Taken, responses={**_POST, **_UNVERIFIED}
)
def zendesk(
    event: Delivered,
    x_zendesk_webhook_signature: Annotated[str, Header()],
    x_zendesk_webhook_signature_timestamp: Annotated[str, Header()],
) -> None:
    """What Zendesk sends. The secret that signed it says for which tenant and workflow.

    Answered when what it carries is durable; the same event again changes nothing.
    """


@described.post(
    "/webhooks/intercom", tags=["webhooks"], response_model=Taken, responses={**_POST, **_UNVERIFIED}
)
def intercom(notification: Delivered, x_hub_signature: Annotated[str, Header()]) -> None:
    """What Intercom sends. The secret that signed it says for which tenant and workflow.

    Answered when what it carries is durable; the same notification again changes nothing.
    """


@described.post(
    "/webhooks/generic/{name}", tags=["webhooks"], response_model=Taken, responses={**_POST, **_UNVERIFIED}
)
def generic(name: str, body: Delivered, ridealong_signature: Annotated[str, Header()]) -> None:
    """What anybody else sends, read by the mapping that the webhooks file has under this name."""
