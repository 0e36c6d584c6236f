"""What an agent is given and what it owes. Small, so that anybody can implement it.

An agent sees a ticket, the turns so far and the tools it may use; it answers with a reply or a
hand-off. It never learns whether it runs live or in shadow: what it cannot do is a matter of the
tools it is handed, not of a flag.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

from policies.vocabulary import Complexity, Sentiment, Urgency


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, oldest first in every sequence."""

    author: Literal["customer", "agent", "human"]
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """A customer's request as it stands when somebody has to answer it. Times are aware, UTC."""

    ticket_id: str
    customer_id: str
    opened_at: datetime
    workflow: str
    subject: str = ""
    text: str = ""
    tenant: str = "default"
    category: str | None = None
    urgency: str | None = None
    complexity: str | None = None
    sentiment: str | None = None
    tier: str | None = None
    channel: str | None = None
    language: str | None = None
    region: str | None = None
    issue_key: str | None = None
    turns: Sequence[Turn] = ()


@dataclass(frozen=True, slots=True)
class Triage:
    """The frozen common triage: decided before assignment, the same for every arm."""

    category: str
    urgency: Urgency
    sentiment: Sentiment
    complexity: Complexity
    signals: tuple[str, ...] = ()
    """Names of the detectors that fired, e.g. ``legal-language``, ``multi-issue``."""
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    version: str = "rules@1"


@dataclass(frozen=True, slots=True)
class Source:
    """A retrieved passage: where from, how relevant (0 to 1), how old (days, None if unknown)."""

    source_id: str
    title: str
    passage: str
    relevance: float
    age_days: float | None = None
    stale: bool = False
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took. An unknown price is ``None``, never 0."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    seconds: float = 0.0
    model: str | None = None
    """The model that really answered, which may not be the one that was asked."""


class Action(StrEnum):
    REPLY = "reply"
    HAND_OFF = "hand_off"


@dataclass(frozen=True, slots=True)
class Packet:
    """What a human gets at hand-off: six parts, at most 200 words together."""

    customer: str
    issue: str
    tried: str
    knowledge: str
    next_step: str
    tone: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An agent's answer for one turn: text for the customer, or a typed hand-off, never both."""

    action: Action
    text: str = ""
    confidence: float | None = None
    """0 to 1, uncalibrated; ``None`` where the agent does not say."""
    sources: tuple[Source, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why it was handed off (machine codes, all that apply, most severe first)."""
    packet: Packet | None = None
    violations: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    trace: tuple[Mapping[str, Any], ...] = ()
    notices: tuple[str, ...] = ()
    """Owed to the customer where a machine sends these words as its own, e.g. that it is one. Whoever
    sends them adds what the text lacks; a person who sends a draft owes none of it."""
    meanwhile: str = ""
    """Of a hand-off: what the customer reads until a person answers, in the place of the usual words."""


class Tool(Protocol):
    """One thing an agent may do. ``writes`` says whether the world changes."""

    @property
    def name(self) -> str: ...

    @property
    def writes(self) -> bool: ...

    async def __call__(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]: ...


class Toolset(Protocol):
    """The tools of one run. A read-only toolset has no write tool in it to reach."""

    def names(self) -> Sequence[str]: ...

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a tool.

        Raises:
            PermissionError: the run was not given this tool.

        """
        ...


class Agent(Protocol):
    """Anything that answers tickets. ``version`` is ``NAME@VERSION`` of its manifest."""

    @property
    def version(self) -> str: ...

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply: ...
