"""The resolution role with a hosted model: passages and conversation in, a cited answer or a hand-off out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agents.checks.language import speaks
from agents.models.draft import Draft, Question
from agents.models.exchange import Message
from agents.models.failure import ModelFailure
from agents.models.hosted import HostedModel
from agents.models.run import Run
from agents.roles.calling import answered
from agents.roles.outputs import ResolutionOutput
from agents.roles.prompting import built_in, conversation, messages, passages, reading
from agents.roles.resolution import UNUSABLE
from agents.tools import NO_TOOLS
from agents.tools.session import Session

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
        """A draft that cites what was retrieved or looked up, or an abstention with its reason.

        The draft is what the customer would read: personal details are back in their places.
        """
        run = question.run
        if run is None:
            raise ValueError("a hosted model is asked within a run, which has its deadline and its budget")
        session = question.session or Session(NO_TOOLS, run.vault, ends=run.ends)
        told = _told(question, run, session)
        try:
            output = await answered(self.model, run, session, told, ResolutionOutput)
        except ModelFailure as failure:
            return Draft("", None, reasons=(failure.code,))
        if output is None:
            return Draft("", None, reasons=session.reasons)
        if output.action == "hand_off":
            return Draft("", output.confidence, reasons=(HANDED_OVER,))
        retrieved = {source.source_id: source for source in question.passages}
        wrong = _wrong(output, retrieved.keys() | session.citable)
        if wrong is None and run.vault.unknown(output.reply):
            wrong = UNUSABLE
        if wrong is None and not speaks(output.reply, run.language):
            wrong = WRONG_LANGUAGE
        if wrong is not None:
            return Draft("", output.confidence, reasons=(wrong,))
        named = tuple(dict.fromkeys(output.sources))
        cited = tuple(retrieved[source_id] for source_id in named if source_id in retrieved)
        return Draft(run.vault.restore(output.reply), output.confidence, cited, named=named)


def _told(question: Question, run: Run, session: Session) -> Sequence[Message]:
    """The messages that a conversation begins with. Earlier results are material like everything else."""
    material: dict[str, Any] = {
        "conversation": conversation(question.ticket, run.vault),
        "triage": reading(question.ticket, question.triage),
        "language": run.language,
        "passages": passages(question.passages),
    }
    if session.made:
        material["results"] = [session.shown(one) for one in session.made]
    acting = built_in("tools") if session.named else ""
    return messages(question.instructions, ResolutionOutput, material, acting)


def _wrong(output: ResolutionOutput, known: Collection[str]) -> str | None:
    if not output.sources:
        return UNCITED
    return INVENTED if any(source_id not in known for source_id in output.sources) else None
