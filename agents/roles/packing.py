"""The hand-off role with a model: better words for the packet, within the limits that code keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.contract import Packet, Source, Ticket, Triage
from agents.models.failure import ModelFailure
from agents.models.hosted import HostedModel
from agents.models.run import Run
from agents.roles import handoff
from agents.roles.outputs import HandoffOutput
from agents.roles.prompting import conversation, messages, passages, reading


@dataclass(frozen=True, slots=True)
class HandoffRole:
    """Asks a model for the packet. Without an answer the rules' packet serves."""

    model: HostedModel
    prompt: str
    share: float = 0.8
    """Of the time that is left: nothing comes after it."""

    async def write(
        self, ticket: Ticket, triage: Triage, reasons: Sequence[str], sources: Sequence[Source], run: Run
    ) -> Packet | None:
        """The packet in the model's words, cut to size; ``None`` where it has none that can be used.

        Personal details stay out of it: the transcript beside it has them.
        """
        material = {
            "conversation": conversation(ticket, run.vault),
            "triage": reading(ticket, triage),
            "reasons": list(reasons),
            "passages": passages(sources),
        }
        told = messages(self.prompt, HandoffOutput, material)
        try:
            output = await self.model.ask(run, told, HandoffOutput, share=self.share)
        except ModelFailure:
            return None
        return handoff.clipped(Packet(**output.model_dump()))
