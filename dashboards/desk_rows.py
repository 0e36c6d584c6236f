"""The rows of the desk's doors, as the dashboard reads them; see ``rows`` for their units."""

from typing import Any, Literal, NotRequired, TypedDict


class ItemRow(TypedDict):
    """A ticket that waits for a person. ``severity`` 0 is the gravest."""

    ticket_id: str
    workflow: str | None
    kind: Literal["hand_off", "draft"]
    queue: str
    state: Literal["open", "claimed", "done"]
    severity: int
    urgency: str | None
    tier: str | None
    category: str | None
    version: str | None
    message: int
    reasons: list[str]
    violations: list[str]
    since: str
    claimed_by: str | None
    claimed_at: str | None
    done_at: str | None
    packet: str | None
    draft: str | None


class TurnRow(TypedDict):
    """One message; ``text`` is None where it was erased, and ``text_state`` says why."""

    place: int
    author: str
    at: str
    text: str | None
    text_state: str


class AgentWorkRow(TypedDict):
    """What the agent made of one of the customer's messages."""

    message: int
    at: str
    version: str | None
    outcome: str
    confidence: float | None
    retrieval_confidence: float | None
    retrieval_age_days: float | None
    sources: list[str]
    violations: list[str]
    error: str | None
    withheld: str | None


class ConversationRow(TypedDict):
    ticket_id: str
    workflow: str | None
    owner: str
    claimed_by: str | None
    state: str
    turns: list[TurnRow]
    decisions: list[AgentWorkRow]


class DecidedRow(TypedDict):
    actor: str
    verdict: str
    at: str


class ApprovalRow(TypedDict):
    """A tool call that waits for a person."""

    approval_id: str
    state: str
    ticket_id: str
    customer_id: str
    tool: str
    version: str
    reason: str
    detail: str
    amount_usd: str | None
    arguments: dict[str, Any] | None
    arguments_digest: str | None
    requested_at: str
    expires_at: str | None
    approvers: int
    decisions: list[DecidedRow]
    result: dict[str, Any] | None
    error: str | None


class PairRow(TypedDict):
    """What a customer wrote and two replies, not saying whose is whose."""

    ticket_id: str
    workflow: str | None
    version: str
    subject: str | None
    text: str
    a: str
    b: str


class NextPairRow(TypedDict):
    pair: PairRow | None
    left: int


class RevealedRow(TypedDict):
    ticket_id: str
    version: str
    a: str
    b: str
    preference: NotRequired[str]
