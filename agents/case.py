"""One ticket as far as it is known by the time somebody has to decide, and how that came about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.checks.conduct import Conduct
from agents.contract import Ticket, Triage
from agents.models import Draft
from agents.models.run import Run
from agents.roles.knowledge import Findings
from agents.roles.team import Team
from agents.tools.session import Session


@dataclass(frozen=True, slots=True)
class Case:
    """Of one ``answer`` only."""

    team: Team
    ticket: Ticket
    readings: tuple[Triage, ...]
    """The reading that counts first; after it one more where a model saw another category."""
    findings: Findings
    run: Run
    conduct: Conduct | None = None
    """The policy in force where the customer is; ``None`` where the version names none."""
    checks: list[Mapping[str, Any]] = field(default_factory=list)
    """What was examined on the way, for the trace."""
    session: Session | None = None
    """The tool calls of the answer, where they are made here."""
    looked_up: Sequence[Mapping[str, Any]] = ()
    """What tools answered to an agent that calls them by itself."""

    @property
    def first_message(self) -> bool:
        """Whether no machine has spoken in this conversation yet."""
        return not any(turn.author == "agent" for turn in self.ticket.turns)

    @property
    def results(self) -> Sequence[Mapping[str, Any]]:
        """What tools answered for it."""
        return self.looked_up if self.session is None else self.session.results

    def meanwhile(self) -> str:
        """What the policy has the customer read when one of its sensitive topics came up."""
        return meanwhile(self.conduct, self.ticket, self.readings[0])

    def drafted(self, draft: Draft) -> None:
        """Enter a draft, whatever becomes of it: how sure it was, what it cites, why there is none."""
        self.run.steps.append(
            {
                "step": "draft",
                "model": self.run.usage(draft.usage).model,
                "confidence": draft.confidence,
                "sources": list(draft.named or (one.source_id for one in draft.cited)),
                "reasons": list(draft.reasons),
            }
        )

    def trace(self) -> tuple[Mapping[str, Any], ...]:
        """How it came about, in names and figures: what was done in its order, then what was weighed."""
        replaced = self.run.vault.counts()
        redaction = [{"step": "redaction", "replaced": replaced}] if replaced else []
        return (*self.run.steps, *redaction, *self.checks)


def meanwhile(conduct: Conduct | None, ticket: Ticket, triage: Triage) -> str:
    """What a policy has a customer read when one of its sensitive topics came up; empty without one."""
    if conduct is None:
        return ""
    said = [ticket.subject, ticket.text]
    said += [turn.text for turn in ticket.turns if turn.author == "customer"]
    topics = conduct.sensitive(said, triage.signals)
    return next((topic.rule.text for topic in topics if topic.rule.text), "")
