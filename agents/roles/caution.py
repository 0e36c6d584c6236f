"""A second reading of the ticket, by a model: it may add caution and nothing else.

The common triage decides who may be randomised and stays as it was. Whatever the model says, no
reading becomes milder than the rules' one: it can send a ticket to a human, never away from one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from agents.contract import Ticket, Triage
from agents.models.hosted import HostedModel
from agents.models.run import Run
from agents.roles.outputs import TriageOutput
from agents.roles.prompting import conversation, messages
from policies.vocabulary import Complexity, Sentiment, Urgency

FOUND_MORE: Final = "triage-found-more"
"""A model found the ticket critical, complex or unclear where the rules did not."""

_URGENCY: Final = (Urgency.LOW, Urgency.NORMAL, Urgency.HIGH, Urgency.CRITICAL)
_SENTIMENT: Final = (Sentiment.POSITIVE, Sentiment.NEUTRAL, Sentiment.FRUSTRATED, Sentiment.ANGRY)
_COMPLEXITY: Final = (Complexity.SIMPLE, Complexity.MODERATE, Complexity.COMPLEX, Complexity.UNKNOWN)


@dataclass(frozen=True, slots=True)
class TriageRole:
    """Asks a model to read the ticket."""

    model: HostedModel
    prompt: str
    share: float = 0.3
    """Of the time that is left."""

    async def read(self, ticket: Ticket, run: Run) -> TriageOutput:
        """The model's reading.

        Raises:
            ModelFailure: none that can be used.

        """
        material = {"conversation": conversation(ticket, run.vault)}
        told = messages(self.prompt, TriageOutput, material)
        return await self.model.ask(run, told, TriageOutput, share=self.share)


def cautious(triage: Triage, read: TriageOutput) -> Triage:
    """The graver of two readings, value by value; the category stays the rules'."""
    return replace(
        triage,
        urgency=max(triage.urgency, read.urgency, key=_URGENCY.index),
        sentiment=max(triage.sentiment, read.sentiment, key=_SENTIMENT.index),
        complexity=max(triage.complexity, read.complexity, key=_COMPLEXITY.index),
        signals=tuple(dict.fromkeys([*triage.signals, *read.signals])),
    )


def found_more(triage: Triage, read: TriageOutput) -> Sequence[str]:
    """The reason to hand off that lies in the difference itself, if there is one."""
    critical = read.urgency is Urgency.CRITICAL and triage.urgency is not Urgency.CRITICAL
    hard = (Complexity.COMPLEX, Complexity.UNKNOWN)
    harder = read.complexity in hard and triage.complexity not in hard
    return (FOUND_MORE,) if critical or harder else ()
