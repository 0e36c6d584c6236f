"""The description of the desk's doors; see ``openapi``."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from rollout.api.described_desk import _POST
from rollout.api.inputs import Label, Workflow
from rollout.api.queue import (
    AnswerRequest,
    ClaimRequest,
    Corrected,
    CorrectionRequest,
    DraftRequest,
    Item,
    Queue,
    ReleaseRequest,
)
from rollout.queue.register import MOST_LISTED

queue_doors = APIRouter()


@queue_doors.get(
    "/v1/queue", tags=["queue"], response_model=Queue, responses={code: _POST[code] for code in (422, 503)}
)
def list_queue(
    *,
    kind: Literal["hand_off", "draft"] | None = None,
    queue: Label | None = None,
    workflow: Workflow | None = None,
    state: Literal["open", "claimed", "done"] = "open",
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50,
    after: Annotated[str | None, Query(pattern=r"^[0-9]{1,6}:[0-9]{1,18}$")] = None,
) -> None:
    """What waits for people: the gravest first, then by tier, then as they came."""


@queue_doors.post("/v1/queue/{ticket_id}/claim", tags=["queue"], response_model=Item, responses=_POST)
def claim(ticket_id: str, claim: ClaimRequest) -> None:
    """Take a ticket. Of two who reach for it one has it; the other's 409 says who, and since when."""


@queue_doors.post("/v1/queue/{ticket_id}/release", tags=["queue"], response_model=Item, responses=_POST)
def release(ticket_id: str, release: ReleaseRequest) -> None:
    """Give a ticket back."""


@queue_doors.post("/v1/queue/{ticket_id}/answer", tags=["queue"], response_model=Item, responses=_POST)
def answer(ticket_id: str, answer: AnswerRequest) -> None:
    """Answer the customer. The words are a turn of the conversation; the ticket waits no longer."""


@queue_doors.post("/v1/queue/{ticket_id}/draft", tags=["queue"], response_model=Item, responses=_POST)
def decide(ticket_id: str, decision: DraftRequest) -> None:
    """Approve, edit or reject the agent's draft. What is decided is the evidence for `accepted_drafts`.

    A draft of which the customer has written again since cannot be decided on any more.
    """


@queue_doors.post(
    "/v1/queue/{ticket_id}/correction", tags=["queue"], response_model=Corrected, responses=_POST
)
def correct(ticket_id: str, correction: CorrectionRequest) -> None:
    """Say in what way the machine's assessment of a ticket was wrong. Any ticket, waiting or not."""
