"""The knowledge role with a model: the customer's story put into the words an article would use."""

from dataclasses import dataclass

from agents.contract import Ticket, Triage
from agents.models.hosted import HostedModel
from agents.models.run import Run
from agents.pii.vault import PLACEHOLDER
from agents.roles.outputs import KnowledgeOutput
from agents.roles.prompting import conversation, messages, reading


@dataclass(frozen=True, slots=True)
class KnowledgeRole:
    """Asks a model for search queries."""

    model: HostedModel
    prompt: str
    share: float = 0.3
    """Of the time that is left."""

    async def rewrite(self, ticket: Ticket, triage: Triage, run: Run) -> tuple[str, ...]:
        """Queries to search with beside the customer's own words.

        Raises:
            ModelFailure: none that can be used.

        """
        material = {"conversation": conversation(ticket, run.vault), "triage": reading(ticket, triage)}
        told = messages(self.prompt, KnowledgeOutput, material)
        output = await self.model.ask(run, told, KnowledgeOutput, share=self.share)
        return tuple(PLACEHOLDER.sub(" ", query) for query in output.queries)
