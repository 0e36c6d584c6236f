"""Models: what turns a question and retrieved passages into a draft.

The seam for hosted models: one class here will translate a ``Question`` into a provider's request and
its answer into a ``Draft``. Only the offline model is there now.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from agents.contract import Source, Ticket, Triage, Usage


class ModelUnavailable(ValueError):
    """A model that cannot be used here. Names the model and what to do instead."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a model is told. ``instructions`` is the role's prompt; rule-based models ignore it."""

    ticket: Ticket
    triage: Triage
    passages: tuple[Source, ...]
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed reply. An empty ``text`` is an abstention, and ``reasons`` says why."""

    text: str
    confidence: float | None
    """0 to 1, uncalibrated; ``None`` where the model does not say."""
    cited: tuple[Source, ...] = ()
    reasons: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)


class Model(Protocol):
    name: str

    async def complete(self, question: Question) -> Draft: ...


EXTRACTIVE: Final = "extractive"


def create(name: str, *, idf: Callable[[str], float], min_relevance: float) -> Model:
    """The model of this name.

    Args:
        name: as in a manifest.
        idf: how much a term tells within the agent's knowledge.
        min_relevance: what a passage must reach for the model to answer from it.

    Raises:
        ModelUnavailable: any name but ``extractive``: this version calls no hosted model.

    """
    from agents.extractive import ExtractiveModel

    models: Mapping[str, Callable[[], Model]] = {
        EXTRACTIVE: lambda: ExtractiveModel(idf=idf, min_relevance=min_relevance)
    }
    if name not in models:
        raise ModelUnavailable(
            f"model {name!r}: this version of Ridealong calls no hosted models, with or without the 'llm' "
            f"extra (litellm) installed; use {EXTRACTIVE!r}, or bring the model as an agent of your own"
        )
    return models[name]()
