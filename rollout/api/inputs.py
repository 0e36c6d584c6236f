"""What the doors accept. Strict: no NaN, no coerced types, no unknown field."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from agents.contract import Ticket
from rollout.access.roles import Role

MOST_OUTCOMES: Final = 1000

_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=_PRINTABLE)]
Label = Annotated[str, Field(min_length=1, max_length=100, pattern=_PRINTABLE)]
Workflow = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Beyond these a time is a mistake; some cannot even be told in UTC."""


def _in_utc(value: datetime) -> datetime:
    if not EARLIEST.year < value.year < LATEST.year:
        raise ValueError(f"a time lies between the years {EARLIEST.year} and {LATEST.year}")
    return value.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Seconds = Annotated[float, Field(ge=0, le=366 * 86400)]
Share = Annotated[float, Field(ge=0, le=1)]


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class RouteRequest(Input):
    """A ticket that somebody has to answer. Times carry an offset."""

    ticket_id: Identifier
    customer_id: Identifier
    opened_at: Moment
    workflow: Workflow
    category: Label | None = None
    urgency: Literal["critical", "high", "normal", "low"] | None = None
    complexity: Literal["simple", "moderate", "complex", "unknown"] | None = None
    sentiment: Literal["angry", "frustrated", "neutral", "positive"] | None = None
    tier: Label | None = None
    channel: Label | None = None
    language: Label | None = None
    region: Label | None = None
    issue_key: Identifier | None = None
    subject: str = Field(default="", max_length=1000)
    text: str = Field(default="", max_length=100_000)

    def ticket(self, tenant: str) -> Ticket:
        return Ticket(**self.__dict__, tenant=tenant)  # dict(self) asks the model for each field


class _Outcome(Input):
    event_id: Identifier
    """Yours, unique per event: sending it again changes nothing."""
    ticket_id: Identifier
    occurred_at: Moment
    workflow: Workflow | None = None


class Resolution(_Outcome):
    """The ticket is closed. ``confirmed`` means that the customer said so."""

    type: Literal["resolution"]
    kind: Literal["confirmed", "assumed", "abandoned"] = "assumed"
    path: Literal["agent", "human", "agent_then_human", "abandoned"]
    closed_reason: Label | None = None


class Csat(_Outcome):
    """A survey: offered while ``score`` is null, answered otherwise."""

    type: Literal["csat"]
    score: Annotated[float, Field(ge=1, le=5)] | None


class Escalation(_Outcome):
    """The ticket went to a human."""

    type: Literal["escalation"]
    reason: Label
    reasons: tuple[Label, ...] = Field(default=(), max_length=20)
    at_triage: bool = False
    queue: Label | None = None


class Handling(_Outcome):
    """One handler's work on the ticket; ``occurred_at`` is when it was finished."""

    type: Literal["handling"]
    handler: Literal["agent", "human"]
    outcome: Literal["replied", "handed_off", "failed", "draft_sent", "draft_edited", "draft_rejected"] = (
        "replied"
    )
    version: Label | None = None
    first_response_at: Moment | None = None
    turns: Annotated[int, Field(ge=0, le=10_000)] = 0
    handle_seconds: Seconds | None = None
    human_seconds: Seconds | None = None
    latency_seconds: Seconds | None = None
    cost_usd: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    """Model cost; leave it out when unknown, it is never taken for 0."""
    tokens: Annotated[int, Field(ge=0, le=10**9)] = 0
    model: Label | None = None
    confidence: Share | None = None
    retrieval_confidence: Share | None = None
    retrieval_age_days: Annotated[float, Field(ge=0, le=36_500)] | None = None
    sources: tuple[Identifier, ...] = Field(default=(), max_length=100)
    violations: tuple[Label, ...] = Field(default=(), max_length=100)
    error: Label | None = None


Outcome = Annotated[Resolution | Csat | Escalation | Handling, Field(discriminator="type")]
Outcomes = Annotated[list[Outcome], Field(min_length=1, max_length=MOST_OUTCOMES)]


class ActionRequest(Input):
    """Why a person moves a rollout, and who."""

    track: Literal["ladder", "canary"] = "ladder"
    override: bool = False
    """Promote although the gate has not passed; never possible where harm is shown."""
    reason: str = Field(min_length=3, max_length=1000)
    actor: Identifier | None = None
    """Who you are, on a server without access keys. With them the key says it and this is not looked at."""


class Promotion(Input):
    """A promotion on its way to the analyst: what was asked, and what the door knows of who asked."""

    tenant: str
    actor: str
    two_person: bool
    track: Literal["ladder", "canary"]
    override: bool
    reason: str


class KeyRequest(Input):
    """An access key to be made. Its tenant is the request's."""

    role: Role
    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f()]{1,100}$")] | None = None
    """Whose it is; two keys of one name are one person where two are asked for."""
    all_tenants: bool = False
    """Of the whole installation: it names a tenant with each request."""
    expires_at: Moment | None = None
    rate: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Tokens per second; the server's own limit where left out."""
    actor: Identifier | None = None
    """As in an order: who you are, on a server without access keys."""


class KeyChange(Input):
    """A key to be rotated or revoked."""

    overlap_seconds: Annotated[float, Field(ge=0, le=90 * 86400)] = 86400.0
    """How long the old secret goes on opening after a rotation."""
    actor: Identifier | None = None


ACTION: Final[TypeAdapter[ActionRequest]] = TypeAdapter(ActionRequest)
KEY: Final[TypeAdapter[KeyRequest]] = TypeAdapter(KeyRequest)
KEY_CHANGE: Final[TypeAdapter[KeyChange]] = TypeAdapter(KeyChange)
PROMOTION: Final[TypeAdapter[Promotion]] = TypeAdapter(Promotion)
ROUTE: Final[TypeAdapter[RouteRequest]] = TypeAdapter(RouteRequest)
_ONE: Final[TypeAdapter[Outcome]] = TypeAdapter(Outcome)
_MANY: Final[TypeAdapter[list[Outcome]]] = TypeAdapter(Outcomes)


def parse_outcomes(body: bytes) -> list[Resolution | Csat | Escalation | Handling]:
    """One outcome or a list of them.

    Raises:
        pydantic.ValidationError: the body does not hold to the contract.

    """
    if body.lstrip()[:1] == b"[":
        return _MANY.validate_json(body)
    return [_ONE.validate_json(body)]


def outcome_schema(ref_template: str) -> Mapping[str, Any]:
    """JSON Schema of a body of ``POST /v1/outcomes``."""
    return TypeAdapter(Outcome | Outcomes).json_schema(ref_template=ref_template)
