"""The facts that are recorded: one envelope for all, one payload per kind.

Payload classes are plain slotted dataclasses: orjson writes them as they are, and readers get the
same names back as a mapping. Times are aware datetimes in UTC. Texts never stand in a payload:
``content`` maps a part of the ticket to its reference in the erasable content store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    TICKET = "ticket"
    TRIAGE = "triage"
    ASSIGNMENT = "assignment"
    HANDLING = "handling"
    COMPARISON = "comparison"
    ESCALATION = "escalation"
    RESOLUTION = "resolution"
    CSAT = "csat"
    HISTORY = "history"
    """One ticket of a desk's past with everything known of it: what ``import`` writes."""
    APPROVAL = "approval"
    TOOL = "tool"
    """A tool call: refused, asked for, begun, and what came of it."""
    CORRECTION = "correction"
    REVIEW = "review"
    CALIBRATION = "calibration"
    """What a judge's word was found to be worth, measured against people's."""
    TURN = "turn"
    """One message of a conversation, in its place."""
    QUEUED = "queued"
    """A ticket that no agent answers was sent to be handled, and waits at the desk."""
    CLAIM = "claim"
    """A person takes what waits at the desk, or gives it back."""
    INCIDENT = "incident"
    TRANSITION = "transition"
    CONFIG = "config"
    ACCESS = "access"
    ERASURE = "erasure"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, before it is recorded.

    ``event_id`` makes recording idempotent: the same id with the same body is absorbed, with
    another body it is refused. ``payload`` is one of the payload classes or an equal mapping.
    """

    event_id: str
    kind: Kind
    occurred_at: datetime
    payload: Any
    tenant: str = "default"
    workflow: str | None = None
    region: str | None = None
    actor: str = "system"


@dataclass(frozen=True, slots=True)
class Record:
    """An event as the journal holds it. ``seq`` counts from 1 without gaps."""

    seq: int
    event_id: str
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    tenant: str
    workflow: str | None
    region: str | None
    actor: str
    payload: Mapping[str, Any]
    digest: str
    """SHA-256 over the nonce and what its line holds, hex: what the chain protects."""
    hash: str
    """The chain: SHA-256 over the previous line's hash and this line's envelope, hex."""
    erased: bool = False


@dataclass(frozen=True, slots=True)
class TicketOpened:
    ticket_id: str
    customer_id: str
    opened_at: datetime
    tier: str | None = None
    channel: str | None = None
    language: str | None = None
    region: str | None = None
    issue_key: str | None = None
    excluded: str | None = None
    """Why the ticket counts for nothing: ``bot``, ``spam``, ``deleted_account``, ``merged``."""
    content: Mapping[str, str] = field(default_factory=dict)
    source: str = "live"
    """Where it came from: live, demo, replay or import."""


@dataclass(frozen=True, slots=True)
class Triaged:
    ticket_id: str
    category: str
    urgency: str
    sentiment: str
    complexity: str
    signals: tuple[str, ...] = ()
    version: str = "rules@1"


@dataclass(frozen=True, slots=True)
class Assigned:
    """Why a ticket went where it went; enough to recompute the decision."""

    ticket_id: str
    unit: str
    arm: str
    mode: str
    """How the agent takes part: live, assist, shadow (``human`` arm in a shadow step)."""
    version: str | None
    """The agent version of this arm; in shadow the one that is watched."""
    step: str
    bucket: int
    """Exposure hash of the unit, 0 to 2**64 - 1 (written as text in JSON)."""
    weight: float
    """Percent of eligible units that went to the agent (stable and canary together)."""
    canary_weight: float
    """Percent of the agent's units that went to the canary."""
    holdout: float
    eligible: bool
    reason: str
    """``HOLDOUT``, ``NOT_ELIGIBLE``, ``SPLIT``, ``CANARY_SPLIT``, ``SHADOW``, ``NO_SAFE_STATE``, …"""
    detail: str
    """The eligibility result or other cause, in words."""
    plan_digest: str
    position: int
    """Sequence number of the transition whose split was in force; 0 before the first."""
    assigned_at: datetime


@dataclass(frozen=True, slots=True)
class Handled:
    """One handler's work on a ticket: an agent's run, or a human's."""

    ticket_id: str
    handler: str
    """``agent`` or ``human``."""
    version: str | None = None
    outcome: str = "replied"
    """``replied``, ``handed_off``, ``failed``, ``draft_sent``, ``draft_edited``, ``draft_rejected``."""
    first_response_at: datetime | None = None
    finished_at: datetime | None = None
    turns: int = 0
    handle_seconds: float | None = None
    human_seconds: float | None = None
    latency_seconds: float | None = None
    cost_usd: float | None = None
    tokens: int = 0
    model: str | None = None
    confidence: float | None = None
    retrieval_confidence: float | None = None
    retrieval_age_days: float | None = None
    sources: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    error: str | None = None
    content: Mapping[str, str] = field(default_factory=dict)
    conduct: str | None = None
    """Digest of the conduct policy that decided; ``None`` where the version names none."""


@dataclass(frozen=True, slots=True)
class Escalated:
    ticket_id: str
    reason: str
    reasons: tuple[str, ...] = ()
    at_triage: bool = False
    queue: str | None = None
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A closed ticket. ``kind``: confirmed, assumed or abandoned."""

    ticket_id: str
    resolved_at: datetime
    kind: str
    path: str
    closed_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Rated:
    """A survey: offered when ``score`` is None, answered otherwise (1 to 5)."""

    ticket_id: str
    score: float | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Corrected:
    """What turned out later about a ticket. The newest by event time counts."""

    ticket_id: str
    what: str
    """``excluded``: why it counts for nothing, or that it counts after all. ``reopened``: a claimed
    resolution was taken back."""
    value: str | None
    """The reason of an exclusion as in ``TicketOpened.excluded``; None where it counts."""
    into: str | None = None
    """The ticket that a merged one went on as."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation after its opening, which the ticket itself is."""

    ticket_id: str
    place: int
    """From 1, without gaps; the record's id ends in it, so that whoever writes it first has it."""
    author: str
    """``customer``, ``agent`` or ``human``."""
    message: int
    """Of a customer: which of their messages it is, the opening being 1. Of anybody else: the newest one
    of theirs that it answers."""
    turn_id: str | None = None
    """Whoever reported it chose this id; None for the agent's."""
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queued:
    """A ticket that is a person's from the start, and that nobody else hands to one."""

    ticket_id: str
    reason: str = "human-arm"


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who looks after a ticket that waits at the desk: nobody, once it is given back."""

    ticket_id: str
    number: int
    """From 1, one more for every change; the record's id ends in it."""
    owner: str | None


@dataclass(frozen=True, slots=True)
class Drafted:
    """The agent's proposal for the person who answers."""

    ticket_id: str
    version: str
    message: int
    """The customer's message that it answers; 1 is the opening."""
    what: str = "draft"
    violations: tuple[str, ...] = ()
    """Rules it breaks: it may be edited, not sent as it is."""
    reasons: tuple[str, ...] = ()
    """Why it is empty, where the agent would have handed off."""
    seconds: float | None = None
    cost_usd: float | None = None
    tokens: int = 0
    model: str | None = None
    confidence: float | None = None
    sources: tuple[str, ...] = ()
    error: str | None = None
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A call that an agent wanted. What would change something is on record before it is made."""

    ticket_id: str
    customer_id: str
    number: int
    """From 1, one more for every call for the ticket; the record's id ends in it."""
    tool: str
    version: str
    what: str
    """``refused``, ``asked`` (it waits for a person), ``begun`` (a write) or ``read``."""
    step: str
    mode: str
    message: int
    """The customer's message that was being answered; 1 is the opening."""
    reason: str = ""
    """Machine code of a refusal, or why a person is asked."""
    detail: str = ""
    """The same in words; no value of the arguments."""
    amount_usd: str | None = None
    """As written, to the cent it was asked for."""
    approval_id: str | None = None
    expires_at: datetime | None = None
    approvers: int = 1
    content: Mapping[str, str] = field(default_factory=dict)
    """``arguments``: the reference proves exactly which ones, and an approval is bound to it."""


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """What came of a call."""

    ticket_id: str
    number: int
    outcome: str
    """``done``, ``failed`` (nothing has changed) or ``unknown``."""
    seconds: float | None = None
    error: str | None = None
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolDecided:
    """What a person said of a call that waited for them."""

    ticket_id: str
    number: int
    approval_id: str
    verdict: str
    """``approve`` or ``deny``."""
    digest: str
    """Reference of the arguments they saw."""
    begins: bool = False
    """Whether the call is made on it: the last of the people it takes has agreed."""
    what: str = "tool"
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assessed:
    """A person says that the machine's assessment of a ticket was wrong."""

    ticket_id: str
    value: str
    """What was wrong, of a closed vocabulary."""
    what: str = "assessment"
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a person said of two replies that they saw side by side, not knowing whose is whose."""

    ticket_id: str
    version: str
    rater: str
    preferred: str | None
    """``agent``, ``human`` or ``tie``."""
    outcome: str | None
    """What would have become of the agent's reply, of a closed vocabulary."""
    first: str
    """Whose reply stood first: ``agent`` or ``human``."""
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compared:
    """A shadow reply beside the human's. Never an outcome: the customer saw only the human's.

    The four judgements are 1, 0 or None (not judged); ``rater`` says who judged.
    """

    ticket_id: str
    version: str
    rater: str
    """``heuristic``, ``human:<name>`` or ``judge:<model>#<digest>``."""
    accuracy: float | None = None
    tone: float | None = None
    policy: float | None = None
    agent_escalated: bool | None = None
    human_escalated: bool | None = None
    agreement: float | None = None
    confidence: float | None = None
    abstained: bool = False
    violations: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    latency_seconds: float | None = None
    cost_usd: float | None = None
    dropped: str | None = None
    """Why there is nothing to compare: ``deadline``, ``budget``, ``capacity``, ``error``, ``sampled_out``."""
    sampling_probability: float = 1.0
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgeCalibrated:
    """A judge was compared with people. The newest one of a rater in a workflow holds."""

    rater: str
    """``judge:<model>#<digest>``."""
    passed: bool
    pairs: int
    """That both have judged."""
    shortfalls: tuple[str, ...]
    """Where it fell short; none where it passed."""
    found: Mapping[str, Any] = field(default_factory=dict)
    """The figures, as ``judge calibrate --json`` prints them."""


@dataclass(frozen=True, slots=True)
class IncidentNoted:
    """One change of an incident."""

    incident_id: str
    action: str
    """``open``, ``acknowledge``, ``grade`` or ``close``."""
    severity: int
    """1 to 4 after the change; 1 is worst."""
    title: str | None = None
    version: str | None = None
    """The agent version it happened to."""
    origin: str | None = None
    """``person`` or ``controller``: who noticed."""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TransitionMade:
    """A change of a workflow's position: the only thing the router obeys.

    ``track`` is ``ladder`` or ``canary``. ``state`` is the whole state after the change, so that a
    reader needs only the newest transition.
    """

    action: str
    """``start``, ``promote``, ``pause``, ``resume``, ``abort``, ``roll_back``, ``readmit``, ``adopt``,
    ``request``: somebody asked for a promotion that another has to approve, or ``count``: a pass was
    counted towards several in a row, or the count began anew."""
    track: str
    from_step: str | None
    to_step: str | None
    reason: str
    """Machine code."""
    sentence: str
    plan_digest: str
    state: Mapping[str, Any]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """The verdicts the decision rests on, as the gate printed them."""
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessNoted:
    """A use of authority, or a refusal. Never a secret."""

    action: str
    """``refused``, ``ordered``, ``key_created``, ``key_rotated`` or ``key_revoked``."""
    principal: str
    """``key:ID``, ``oidc:SUBJECT``, ``local``, ``os:USER`` or ``anonymous``."""
    method: str
    """How it was recognised: ``key``, ``oidc``, ``local``, ``os`` or ``none``."""
    roles: tuple[str, ...]
    route: str
    """``POST /v1/workflows/{workflow}/promote``, or the command line's ``ridealong promote``."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What was ordered and why, the key concerned, or the reason of the refusal."""
    count: int = 1
    """Refusals alike within the minute that this record stands for."""


@dataclass(frozen=True, slots=True)
class PlanPinned:
    """The exact plan a running rollout follows, whole, so that nothing can change under it."""

    digest: str
    plan: Mapping[str, Any]
    source: str
