"""The pipeline agent: hard triggers, retrieval, a draft, its checks; a hand-off whenever one objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.checks import escalation, validator
from agents.checks.escalation import EscalationRules
from agents.contract import Action, Reply, Ticket, Toolset, Triage, Usage
from agents.extractive import ExtractiveModel
from agents.knowledge import KnowledgeBase
from agents.models import Draft, Model
from agents.roles import handoff
from agents.roles.knowledge import Findings, consult
from agents.roles.resolution import resolve
from agents.roles.rules import DEFAULT, TriageRules

BLOCKED: Final = "reply-broke-a-rule"


@dataclass(frozen=True, slots=True)
class PipelineAgent:
    """Answers from its knowledge base; ``version`` covers everything held here."""

    version: str
    knowledge: KnowledgeBase
    model: Model
    rules: EscalationRules
    vocabulary: TriageRules = DEFAULT
    prompt: str = ""
    prohibited_phrases: tuple[str, ...] = validator.PROHIBITED_PHRASES
    passages: int = 5
    """Retrieved per question."""

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:  # noqa: ARG002 (contract)
        """A checked reply with its sources, or a hand-off with every reason and a packet.

        No model is asked when a person has to take over anyway; knowledge is still searched then,
        because the packet shows it.
        """
        findings = consult(self.knowledge, ticket, limit=self.passages)
        reasons = escalation.before(ticket, triage, self.rules, self.vocabulary)
        if reasons:
            return self._hand_off(ticket, triage, findings, reasons)

        draft = await resolve(self.model, ticket, triage, findings, self.prompt)
        if not draft.text:
            return self._hand_off(ticket, triage, findings, draft.reasons, draft)
        reasons = escalation.after(
            triage,
            confidence=draft.confidence,
            retrieval_confidence=findings.confidence,
            rules=self.rules,
        )
        grounds = [
            ticket.subject,
            ticket.text,
            *(turn.text for turn in ticket.turns),
            *(f"{source.title}\n{source.passage}\n{source.url or ''}" for source in findings.sources),
        ]
        violations = validator.validate(draft.text, grounds, prohibited_phrases=self.prohibited_phrases)
        if violations:
            reasons = escalation.ordered([*reasons, BLOCKED])
        if reasons:
            return self._hand_off(ticket, triage, findings, reasons, draft, violations)
        return Reply(
            Action.REPLY,
            text=draft.text,
            confidence=draft.confidence,
            sources=draft.cited,
            usage=draft.usage,
            trace=_trace(findings, draft),
        )

    def _hand_off(
        self,
        ticket: Ticket,
        triage: Triage,
        findings: Findings,
        reasons: tuple[str, ...],
        draft: Draft | None = None,
        violations: tuple[str, ...] = (),
    ) -> Reply:
        tried = ["A draft was written and withheld."] if draft and draft.text else []
        return Reply(
            Action.HAND_OFF,
            confidence=draft.confidence if draft else None,
            sources=findings.sources,
            reasons=reasons,
            packet=handoff.packet(ticket, triage, reasons=reasons, sources=findings.sources[:3], tried=tried),
            violations=violations,
            usage=draft.usage if draft else Usage(),
            trace=_trace(findings, draft),
        )


def _trace(findings: Findings, draft: Draft | None) -> tuple[Mapping[str, Any], ...]:
    retrieval = {
        "step": "retrieval",
        "sources": [source.source_id for source in findings.sources],
        "confidence": findings.confidence,
        "min_relevance": findings.min_relevance,
        "max_age_days": findings.max_age_days,
        "stale": list(findings.stale),
    }
    if draft is None:
        return (retrieval,)
    return (retrieval, {"step": "draft", "model": draft.usage.model, "confidence": draft.confidence})


def extractive_agent(
    knowledge: KnowledgeBase,
    *,
    name: str = "extractive",
    min_relevance: float = 0.5,
    min_confidence: float = 0.6,
) -> PipelineAgent:
    """The offline agent over a knowledge base. Its version names the knowledge it was built on.

    Two agents with the same articles and thresholds have the same version, any other pair differs.
    """
    settings = f"r{min_relevance:g}.c{min_confidence:g}"
    return PipelineAgent(
        version=f"{name}@1.0.0+{settings}.k{knowledge.digest[:10]}",
        knowledge=knowledge,
        model=ExtractiveModel(idf=knowledge.idf, min_relevance=min_relevance),
        rules=EscalationRules(min_confidence=min_confidence),
    )
