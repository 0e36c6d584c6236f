"""What is sent to another's agent and what has to come back: ``ridealong-agent/1``.

The two sides read differently, on purpose. An agent **ignores** fields of a request that it does not
know: there will be more. We **refuse** fields of an answer that we do not know: a misspelt
``confidense`` must not pass for an agent that has none.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from agents.contract import Source, Ticket, Toolset, Triage
from agents.remote.failure import EndpointUnusable
from agents.tools.session import MOST_CALLS

CONTRACT: Final = "ridealong-agent/1"
MOST_BYTES: Final = 256 * 1024
"""Of one answer, as it comes over the wire."""
MOST_TEXT: Final = 20_000
"""Characters of a reply."""
_MOST_TURNS: Final = 50
_LONGEST_TURN: Final = 20_000
_LONGEST_ID: Final = 200

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,63}$")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class CitedSource(_Part):
    """A passage the reply rests on. Specifics of the reply are looked for in these texts."""

    id: Short
    """The agent's own name for it."""
    title: Short
    """For people."""
    text: Annotated[str, Field(max_length=MOST_TEXT)]
    """The passage itself."""
    url: Annotated[str, Field(max_length=2000)] | None = None
    """Where people find it."""
    relevance: Annotated[float, Field(ge=0, le=1)] = 0.0
    """0 to 1. Sensitive topics need 0.5, so leaving it out hands those to people."""
    age_days: Annotated[float, Field(ge=0)] | None = None
    """Since it was last brought up to date; left out where nobody knows."""


class Spent(_Part):
    """What the answer took, where the agent says."""

    model: Short | None = None
    """The model that answered."""
    input_tokens: Annotated[int, Field(ge=0)] = 0
    """Tokens in."""
    output_tokens: Annotated[int, Field(ge=0)] = 0
    """Tokens out."""
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    """US dollars; left out where unknown, which is not the same as 0."""


class WantedCall(_Part):
    """A call of a tool that has to be made before there is an answer."""

    name: Short
    """One of the request's ``tools``."""
    arguments: dict[str, Any]
    """By the tool's schema. Whose ticket it is stands in no argument: that is settled here."""


class AgentAnswer(_Part):
    """One answer: a reply with its text, a hand-off with its reasons, or calls of tools, never two."""

    contract: Literal["ridealong-agent/1"]
    """The version of the contract it keeps."""
    turn_id: Short
    """That of the request, so that answers cannot be mixed up."""
    action: Literal["reply", "hand_off", "call_tools"]
    """``reply``, ``hand_off``, or ``call_tools``: you are asked again, with what came of them."""
    text: Annotated[str, Field(max_length=MOST_TEXT)] = ""
    """For the customer, in their language; empty at a hand-off."""
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """0 to 1. A reply without one goes to a person."""
    sources: Annotated[list[CitedSource], Field(max_length=20)] = Field(default=[])
    """What the reply rests on."""
    reasons: Annotated[list[Code], Field(max_length=10)] = Field(default=[])
    """Of a hand-off: why, as codes like ``low-confidence``, the gravest first."""
    tried: Annotated[str, Field(max_length=500)] = ""
    """Of a hand-off: what was done so far, for whoever takes over."""
    tool_calls: Annotated[list[WantedCall], Field(max_length=MOST_CALLS)] = Field(default=[])
    """Of ``call_tools``: which, in their order."""
    usage: Spent = Field(default=Spent())
    """What it took, of this request only."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.action == "reply" and not self.text.strip():
            raise ValueError("text: a reply needs its text")
        if self.action == "hand_off" and self.text.strip():
            raise ValueError("text: a hand-off has no text for the customer; we tell them that a person will")
        if self.action == "hand_off" and not self.reasons:
            raise ValueError("reasons: a hand-off says why, e.g. ['low-confidence']")
        if self.action == "call_tools" and self.text.strip():
            raise ValueError("text: there is none while tools are called; answer when they have answered")
        if (self.action == "call_tools") != bool(self.tool_calls):
            raise ValueError("tool_calls: 'call_tools' names some, and no other action does")
        return self

    def cited(self) -> tuple[Source, ...]:
        """The sources as they are recorded."""
        return tuple(
            Source(one.id, one.title, one.text, one.relevance, one.age_days, url=one.url)
            for one in self.sources
        )


def turn_id(ticket: Ticket, rounds: int = 0) -> str:
    """One per customer turn and round of tool calls: asked the same again, an agent may answer from memory.

    Its digest where it would not fit into a header.
    """
    name = f"{ticket.tenant}:{ticket.workflow}:{ticket.ticket_id}:{len(ticket.turns)}"
    name += f":tools-{rounds}" if rounds else ""
    plain = name.isascii() and name.isprintable() and len(name) <= _LONGEST_ID
    return name if plain else hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


class Called(NamedTuple):
    """How far an answer's tool calls have come."""

    rounds: int = 0
    left: int = 0
    """Calls that may still be made."""
    results: Sequence[Mapping[str, Any]] = ()
    """What came of those that were, in their order."""


NOT_CALLED: Final = Called()


def request(
    version: str,
    ticket: Ticket,
    triage: Triage,
    tools: Toolset,
    *,
    deadline_ms: int,
    called: Called = NOT_CALLED,
) -> Mapping[str, Any]:
    """What is sent, as JSON values. Texts stand in it as they are given here: redact before."""
    return {
        "contract": CONTRACT,
        "turn_id": turn_id(ticket, called.rounds),
        "version": version,
        "deadline_ms": deadline_ms,
        "ticket": {
            "ticket_id": ticket.ticket_id,
            "customer_id": ticket.customer_id,
            "tenant": ticket.tenant,
            "workflow": ticket.workflow,
            "opened_at": _moment(ticket.opened_at),
            "subject": _ends(ticket.subject),
            "text": _ends(ticket.text),
            "tier": ticket.tier,
            "channel": ticket.channel,
            "language": ticket.language,
            "region": ticket.region,
        },
        "triage": {
            "category": triage.category,
            "urgency": triage.urgency.value,
            "sentiment": triage.sentiment.value,
            "complexity": triage.complexity.value,
            "signals": list(triage.signals),
        },
        "turns": [
            {"author": turn.author, "text": _ends(turn.text), "at": _moment(turn.at)}
            for turn in ticket.turns[-_MOST_TURNS:]
        ],
        "tools": _described(tools),
        "tool_calls_left": called.left,
        "tool_results": list(called.results),
    }


def encoded(content: Mapping[str, Any]) -> bytes:
    """The bytes that are signed and sent."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")  # half a character is written as JSON escapes it


def read_answer(body: bytes, expected_turn: str) -> AgentAnswer:
    """The answer in a body.

    Raises:
        EndpointUnusable: no JSON, another form, a number that is none, or an answer to another turn. The
            message names places and rules, never values.

    """
    try:
        answer = AgentAnswer.model_validate_json(body)
    except ValidationError as error:
        raise EndpointUnusable(_told(error), broken=_is_no_json(error)) from None
    if answer.turn_id != expected_turn:
        raise EndpointUnusable("turn_id: the answer is to another turn; repeat the request's turn_id")
    return answer


def _told(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, one['loc'])) or 'answer'}: {_rule(one)}" for one in found[:3]]
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(told) + more


def _rule(one: Mapping[str, Any]) -> str:
    if one["type"] == "extra_forbidden":
        known = ", ".join(AgentAnswer.model_fields)
        return f"no field of {CONTRACT}" + (f"; it has {known}" if len(one["loc"]) == 1 else "")
    if one["type"] == "json_invalid":
        return "not JSON"
    return str(one["msg"]).removeprefix("Value error, ")


def _is_no_json(error: ValidationError) -> bool:
    return error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid"


def _described(tools: Toolset) -> Sequence[Mapping[str, Any]]:
    """The tools of the run; a toolset that describes nothing tells their names."""
    describe = getattr(tools, "described", None)
    if describe is None:
        return [{"name": name} for name in tools.names()]
    return [dict(one) for one in describe()]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _ends(text: str) -> str:
    """Of an endless text both ends: people write before and after the log they paste."""
    half = _LONGEST_TURN // 2
    return text if len(text) <= _LONGEST_TURN else f"{text[:half]}\n[…]\n{text[-half:]}"
