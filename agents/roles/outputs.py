"""What each role's model has to answer with. Anything else is no answer: keys, kinds and ranges are fixed."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from policies.vocabulary import Complexity, Sentiment, Urgency

Signal = Literal[
    "safety",
    "security",
    "legal-language",
    "regulatory",
    "asks-for-human",
    "multi-issue",
    "previous-unresolved",
    "emotional-intensity",
]
Part = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class _Output(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class TriageOutput(_Output):
    """A reading of the ticket. There is no key in which it could answer it."""

    category: str = Field(min_length=1, max_length=40)
    urgency: Urgency
    sentiment: Sentiment
    complexity: Complexity
    signals: list[Signal] = Field(default=[], max_length=8)


class KnowledgeOutput(_Output):
    """The question in an article's words."""

    queries: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(min_length=1, max_length=3)


class ResolutionOutput(_Output):
    """A reply with its sources, or a hand-off; never both."""

    action: Literal["reply", "hand_off"]
    reply: str = Field(max_length=20_000)
    sources: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(max_length=20)
    confidence: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.action == "reply") != bool(self.reply.strip()):
            raise ValueError("a reply needs its text, a hand-off has none")
        return self


class HandoffOutput(_Output):
    """The six parts of a packet, as long as they may be before they are cut."""

    next_step: Part
    tone: Part
    customer: Part
    issue: Part
    tried: Part
    knowledge: Part
