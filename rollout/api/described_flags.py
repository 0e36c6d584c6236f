"""The description of the doors for OpenFeature's SDKs; see ``openapi``."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from rollout.api.problems import MEDIA_TYPE

Reason = Literal["SPLIT", "TARGETING_MATCH", "STATIC", "DISABLED", "DEFAULT", "UNKNOWN"]


class Context(BaseModel):
    """Of whom and what. Keys besides these may be sent and are not read."""

    model_config = ConfigDict(extra="allow")

    targetingKey: Annotated[str, Field(min_length=1, max_length=200)]  # noqa: N815
    """The customer's id, as in `POST /v1/route`."""
    ticket_id: str | None = None
    """A ticket that was routed before keeps its assignment."""
    category: str | None = None
    urgency: Literal["critical", "high", "normal", "low"] | None = None
    complexity: Literal["simple", "moderate", "complex", "unknown"] | None = None
    tier: str | None = None
    channel: str | None = None
    language: str | None = None
    region: str | None = None


class EvaluationRequest(BaseModel):
    context: Context


class Evaluation(BaseModel):
    """What a flag says of a customer now. Nothing is recorded of it."""

    key: str
    value: str | bool
    variant: str
    reason: Reason
    metadata: dict[str, str | float | bool]
    """The decision, named as in the answer of `POST /v1/route`; `recorded` where it is a routed ticket's."""


class Evaluations(BaseModel):
    flags: list[Evaluation]


class EvaluationError(BaseModel):
    errorCode: Literal["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "FLAG_NOT_FOUND"]  # noqa: N815
    errorDetails: str  # noqa: N815
    key: str | None = None


flags = APIRouter()
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "No JSON, or a context that cannot be evaluated", "model": EvaluationError},
    **{
        code: {"description": words, "content": _PROBLEM}
        for code, words in (
            (409, "The idempotency key belongs to another request, or to one that is being answered"),
            (413, "The body is too large"),
            (415, "Not sent as application/json"),
            (421, "A foreign host name"),
            (422, "A key of the whole installation that names no tenant"),
            (503, "The record cannot be read right now; `Retry-After` says when to try again"),
        )
    },
}
_NO_FLAG: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "No such flag", "model": EvaluationError}
}
_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "The asker has this answer"}}


@flags.post(
    "/ofrep/v1/evaluate/flags/{key}",
    tags=["flags"],
    response_model=Evaluation,
    responses={**_REFUSED, **_NO_FLAG},
)
def evaluate(key: str, asked: EvaluationRequest) -> None:
    """Evaluate one flag.

    `WORKFLOW` is the arm (`human`, `agent` or `canary`), `WORKFLOW.agent` whether an agent answers the
    customer by itself, `WORKFLOW.version` the version that would. No exposure is recorded.
    """


@flags.post(
    "/ofrep/v1/evaluate/flags",
    tags=["flags"],
    response_model=Evaluations,
    responses={**_REFUSED, **_UNCHANGED},
)
def evaluate_all(asked: EvaluationRequest, if_none_match: Annotated[str | None, Header()] = None) -> None:
    """Evaluate every flag of the tenant.

    The `ETag` stands for the answer, the whole context, the tenant and the roles of whoever asks.
    """
