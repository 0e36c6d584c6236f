"""The description of the doors for tickets, turns and reviews; see ``openapi``."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body

from rollout.api.inputs import Identifier, RouteRequest, Workflow
from rollout.api.pairs import NextPair
from rollout.api.problems import MEDIA_TYPE
from rollout.api.reviews import Recorded, ReviewRequest, Reviews
from rollout.api.tickets import Handled

desk_doors = APIRouter()
_WORDS: Final = {
    400: "The body is not JSON",
    404: "Not there, or another tenant's",
    409: "Already recorded with other content, or the same key is being answered right now",
    413: "The body is too large",
    415: "Not sent as application/json",
    421: "A foreign host name",
    422: "A field is not as described; the answer names it",
    503: "Cannot be done right now; `Retry-After` says when to try again",
}
_POST: Final[dict[int | str, dict[str, Any]]] = {
    code: {
        "description": words,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for code, words in _WORDS.items()
}


@desk_doors.get(
    "/v1/reviews/next",
    tags=["reviews"],
    response_model=NextPair,
    responses={code: _POST[code] for code in (422, 503)},
)
def next_pair(workflow: Workflow | None = None, actor: Identifier | None = None) -> None:
    """An agent's reply and a person's to the same customer, as A and B, not saying whose is whose.

    The sides are drawn per pair and rater. `POST /v1/reviews` with a `preference` tells, once it is on
    record. `actor` is who you are, on a server without access keys.
    """


@desk_doors.post("/v1/reviews", tags=["reviews"], response_model=Recorded, responses=_POST)
def review(review: Annotated[ReviewRequest | Reviews, Body()]) -> None:
    """Judge shadow replies: one review or a list of up to 200, all or none.

    Whoever asks is the rater: one review per person and reply. The same again changes nothing; another
    opinion under the same name is refused.
    """


@desk_doors.post("/v1/tickets", tags=["tickets"], response_model=Handled, responses=_POST)
def handle(ticket: RouteRequest) -> None:
    """Decide who serves a ticket, have it answered where that is an agent, and record both.

    Live, the agent's reply is in the answer; when it is late, fails, breaks a rule or hands off, a human
    has the ticket and the packet is in the answer. In an assist step the draft is. In a shadow step the
    agent answers beside the human, and nothing of it is in the answer. The same ticket again gets the
    same answer.
    """
