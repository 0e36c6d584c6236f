"""What the doors answer, as models: they write the OpenAPI description and nothing else."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel


class Decision(BaseModel):
    """Where a ticket goes. Recorded durably before it was sent."""

    ticket_id: str
    workflow: str
    arm: str
    mode: str
    version: str | None
    step: str
    bucket: str
    """Exposure hash of the customer, 0 to 2**64 - 1, as text: JSON readers round large numbers."""
    weight: float
    canary_weight: float
    holdout: float
    eligible: bool
    reason: str
    detail: str
    plan_digest: str
    position: int
    assigned_at: datetime


class Receipt(BaseModel):
    event_id: str
    seq: int
    duplicate: bool


class Receipts(BaseModel):
    """One receipt per outcome, in the order they were sent."""

    receipts: list[Receipt]


class Weights(BaseModel):
    mode: str
    weight: float
    canary_weight: float
    holdout: float


class Moved(BaseModel):
    """A transition that was recorded and is in force for new tickets."""

    workflow: str
    action: str
    track: str
    from_step: str | None
    to_step: str | None
    reason: str
    sentence: str
    actor: str
    at: datetime
    weights: Weights


class Exported(BaseModel):
    seq: int
    event_id: str
    type: str
    occurred_at: datetime
    recorded_at: datetime
    tenant: str
    workflow: str | None
    actor: str
    erased: bool
    payload: dict[str, Any]


class Page(BaseModel):
    """A page of the journal; ``next_after`` is the ``after`` of the next one."""

    events: list[Exported]
    next_after: int
    head: int


class Me(BaseModel):
    """Who somebody is to this server."""

    id: str
    name: str | None
    actor: str
    """How the record names it."""
    method: str
    """``key``, ``oidc``, or ``local`` on a server without keys."""
    tenant: str | None
    """None: of the whole installation, which names a tenant with each request."""
    roles: list[str]
    permissions: list[str]
    one_person: bool


class Key(BaseModel):
    """An access key without its secret."""

    id: str
    role: str
    tenant: str | None
    name: str | None
    status: str
    """``active``, ``expired`` or ``revoked``."""
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    rate: float | None
    secrets: int
    """How many of its secrets open: 2 while one is being changed."""


class NewKey(Key):
    key: str
    """The key itself, shown this once."""


class Keys(BaseModel):
    keys: list[Key]


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class Ready(BaseModel):
    status: str
    """``ready``, ``degraded`` (decides, but reads and the controller are away) or ``failed``."""
    checks: dict[str, str] = {}
    """Only for those who may read rollouts."""


class Incident(BaseModel):
    """One incident as it stands."""

    incident_id: str
    tenant: str
    workflow: str
    version: str | None
    severity: int
    """1 (worst) to 4."""
    title: str
    origin: str
    """``person`` or ``controller``: who noticed."""
    status: str
    """``open``, ``acknowledged`` or ``closed``."""
    blocks: bool
    """Whether it keeps its workflow from being promoted."""
    opened_at: datetime
    opened_by: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None


class Incidents(BaseModel):
    incidents: list[Incident]


class Placed(BaseModel):
    ticket_id: str
    arm: str
    mode: str


class Taken(BaseModel):
    """What became of a delivery."""

    topic: str
    result: str
    """``recorded``, ``duplicate`` or ``ignored``."""
    receipts: list[Receipt]
    decisions: list[Placed]
