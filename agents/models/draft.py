"""The contract of a model that answers: a question with its passages in, a draft out."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from agents.contract import Source, Ticket, Triage, Usage
from agents.models.run import Run
from agents.tools.session import Session

EXTRACTIVE: Final = "extractive"


class ModelUnavailable(ValueError):
    """A model that cannot be used here. Names the model and what to do instead."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a model is told. ``instructions`` is the role's prompt; rule-based models ignore it."""

    ticket: Ticket
    triage: Triage
    passages: tuple[Source, ...]
    instructions: str = ""
    run: Run | None = None
    """The answer this is part of; hosted models need it for its deadline and its budget."""
    session: Session | None = None
    """Through which tools are called; rule-based models call none."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed reply. An empty ``text`` is an abstention, and ``reasons`` says why."""

    text: str
    confidence: float | None
    """0 to 1, uncalibrated; ``None`` where the model does not say."""
    cited: tuple[Source, ...] = ()
    reasons: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    named: tuple[str, ...] = ()
    """Ids of everything it says it rests on, tool results among them."""


class Model(Protocol):
    @property
    def name(self) -> str: ...

    async def complete(self, question: Question) -> Draft: ...
