"""The resolution role with a hosted model: passages and conversation in, a cited answer or a hand-off out."""

from dataclasses import dataclass
from typing import Final

from agents.checks.language import speaks
from agents.contract import Source
from agents.models.draft import Draft, Question
from agents.models.failure import ModelFailure
from agents.models.hosted import HostedModel
from agents.roles.outputs import ResolutionOutput
from agents.roles.prompting import conversation, messages, passages, reading
from agents.roles.resolution import UNUSABLE

HANDED_OVER: Final = "model-handed-over"
UNCITED: Final = "uncited-answer"
INVENTED: Final = "invented-source"
WRONG_LANGUAGE: Final = "wrong-language"


@dataclass(frozen=True, slots=True)
class HostedResolution:
    """A hosted model in the place of the built-in one. What it says is taken at arm's length."""

    model: HostedModel

    @property
    def name(self) -> str:
        return self.model.model.name

    async def complete(self, question: Question) -> Draft:
        """A draft that cites what was retrieved, or an abstention with its reason.

        The draft is what the customer would read: personal details are back in their places.
        """
        run = question.run
        if run is None:
            raise ValueError("a hosted model is asked within a run, which has its deadline and its budget")
        material = {
            "conversation": conversation(question.ticket, run.vault),
            "triage": reading(question.ticket, question.triage),
            "language": run.language,
            "passages": passages(question.passages),
        }
        told = messages(question.instructions, ResolutionOutput, material)
        try:
            output = await self.model.ask(run, told, ResolutionOutput)
        except ModelFailure as failure:
            return Draft("", None, reasons=(failure.code,))
        if output.action == "hand_off":
            return Draft("", output.confidence, reasons=(HANDED_OVER,))
        retrieved = {source.source_id: source for source in question.passages}
        wrong = _wrong(output, retrieved)
        if wrong is None and run.vault.unknown(output.reply):
            wrong = UNUSABLE
        if wrong is None and not speaks(output.reply, run.language):
            wrong = WRONG_LANGUAGE
        if wrong is not None:
            return Draft("", output.confidence, reasons=(wrong,))
        cited = tuple(retrieved[source_id] for source_id in dict.fromkeys(output.sources))
        return Draft(run.vault.restore(output.reply), output.confidence, cited)


def _wrong(output: ResolutionOutput, retrieved: dict[str, Source]) -> str | None:
    if not output.sources:
        return UNCITED
    return INVENTED if any(source_id not in retrieved for source_id in output.sources) else None
