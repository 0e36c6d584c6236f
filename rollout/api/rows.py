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
    checks: dict[str, str]
