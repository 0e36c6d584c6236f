"""The description of the doors of a conversation; see ``openapi``."""

from fastapi import APIRouter

from rollout.api.conversations import Conversation, TurnAnswer, TurnRequest
from rollout.api.described_desk import _POST

conversations = APIRouter()


@conversations.post(
    "/v1/conversations/{ticket_id}/turns", tags=["tickets"], response_model=TurnAnswer, responses=_POST
)
def say(ticket_id: str, turn: TurnRequest) -> None:
    """Report what a customer or a person of the desk said, and have it answered where the agent may.

    One answer per turn id, the same whenever it is asked again; another text under it is a 409. Messages
    are answered in their order. A person's word takes the ticket over, also while the agent thinks.
    """


@conversations.get(
    "/v1/conversations/{ticket_id}",
    tags=["tickets"],
    response_model=Conversation,
    responses={404: _POST[404], 503: _POST[503]},
)
def conversation(ticket_id: str) -> None:
    """How a conversation stands: who has it, everything said, and what the agent made of it."""
