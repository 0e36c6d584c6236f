"""The resolution role: a question put to a model, its draft taken at arm's length."""

from dataclasses import replace
from math import isfinite
from typing import Final

from agents.checks.escalation import LOW_CONFIDENCE
from agents.contract import Ticket, Triage
from agents.models import Draft, Model, Question
from agents.models.run import Run
from agents.roles.knowledge import Findings
from agents.tools.session import Session

UNUSABLE: Final = "unusable-model-output"


async def resolve(
    model: Model,
    ticket: Ticket,
    triage: Triage,
    findings: Findings,
    prompt: str = "",
    run: Run | None = None,
    session: Session | None = None,
) -> Draft:
    """The model's draft. A confidence that is no number from 0 to 1 voids it: what else is wrong with it?

    An abstention always carries a reason; a model that gave none was not sure.
    """
    draft = await model.complete(Question(ticket, triage, findings.sources, prompt, run, session))
    if draft.confidence is not None and not (isfinite(draft.confidence) and 0 <= draft.confidence <= 1):
        return replace(draft, text="", confidence=None, reasons=(UNUSABLE,))
    if not draft.text.strip():
        return replace(draft, text="", reasons=draft.reasons or (LOW_CONFIDENCE,))
    return draft
