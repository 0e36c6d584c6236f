"""The description of the doors of approvals; see ``openapi``."""

from typing import Literal

from fastapi import APIRouter

from rollout.api.approvals import Approval, ApprovalList, ApprovalRequest, State
from rollout.api.described_desk import _POST
from rollout.api.inputs import Workflow

approval_doors = APIRouter()


@approval_doors.get(
    "/v1/approvals",
    tags=["approvals"],
    response_model=ApprovalList,
    responses={code: _POST[code] for code in (422, 503)},
)
def list_approvals(state: State | Literal["any"] = "pending", workflow: Workflow | None = None) -> None:
    """Tool calls that wait for people, oldest first; other states go back 30 days."""


@approval_doors.post(
    "/v1/approvals/{approval_id}/approve", tags=["approvals"], response_model=Approval, responses=_POST
)
def approve(approval_id: str, word: ApprovalRequest) -> None:
    """Agree to a tool call, to the arguments you saw and no others.

    With the last agreement it takes, the call is made, once, before this is answered; `state` says what
    became of it. `unknown` is never tried again: the ticket waits for a person to look.
    """


@approval_doors.post(
    "/v1/approvals/{approval_id}/deny", tags=["approvals"], response_model=Approval, responses=_POST
)
def deny(approval_id: str, word: ApprovalRequest) -> None:
    """Refuse a tool call. One person is enough."""
