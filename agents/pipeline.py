"""The pipeline agent: hard triggers, retrieval, a draft, its checks; a hand-off whenever one objects."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Final

from agents.checks import escalation, validator
from agents.checks.escalation import EscalationRules
from agents.contract import Action, Reply, Ticket, Toolset, Triage, Usage
from agents.extractive import ExtractiveModel
from agents.knowledge import KnowledgeBase
from agents.models import Draft, Model
from agents.models.breaker import State
from agents.models.failure import AnotherModel, ModelFailure
from agents.models.run import Run
from agents.pii import Vault
from agents.roles import handoff
from agents.roles.caution import cautious, found_more
from agents.roles.knowledge import Findings, consult
from agents.roles.resolution import resolve
from agents.roles.rules import DEFAULT, TriageRules
from agents.roles.team import Team

BLOCKED: Final = "reply-broke-a-rule"

_UNLIMITED: Final = 3600.0
_RESERVE_SHARE, _LONGEST_RESERVE = 0.15, 1.0


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
    deadline: float = _UNLIMITED
    """Seconds; a part of it is kept back, so that a late model still ends in a packet and not in silence."""
    team: Team = field(default_factory=Team)
    """The roles that hosted models fill."""
    languages: Mapping[str, Team] = field(default_factory=dict)
    """Teams of single languages, by primary subtag."""
    timer: Callable[[], float] = monotonic

    @property
    def breaker_state(self) -> str | None:
        """The most cautious state among its providers' breakers; ``None`` where it has no hosted model."""
        teams = (self.team, *self.languages.values())
        states = {model.provider.breaker.state for team in teams for model in team.hosted()}
        return next((state for state in (State.OPEN, State.HALF_OPEN, State.CLOSED) if state in states), None)

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:  # noqa: ARG002 (contract)
        """A checked reply with its sources, or a hand-off with every reason and a packet.

        No model is asked when the rules already call for a person, not even for the packet; knowledge
        is still searched then, because the packet shows it.
        """
        run = self._run(ticket)
        hard = escalation.before(ticket, triage, self.rules, self.vocabulary)
        if hard:
            findings = consult(self.knowledge, ticket, limit=self.passages)
            return await self._handed_off(_Case(Team(), ticket, (triage,), findings, run), hard)
        team = self.languages.get(run.language, self.team)
        readings, found = await self._second_reading(team, ticket, triage, run)
        findings = await self._consulted(team, ticket, readings[0], run, asking=not found)
        case = _Case(team, ticket, readings, findings, run)
        reasons = found or ((AnotherModel.code,) if run.stranger else ())
        if reasons:
            return await self._handed_off(case, reasons)
        model, prompt = team.resolution or self.model, team.prompt or self.prompt
        draft = await resolve(model, ticket, readings[0], findings, prompt, run)
        if not draft.text:
            return await self._handed_off(case, draft.reasons, draft)
        reasons, violations = self._objections(case, draft)
        if reasons:
            return await self._handed_off(case, reasons, draft, violations)
        return Reply(
            Action.REPLY,
            text=draft.text,
            confidence=draft.confidence,
            sources=draft.cited,
            usage=run.usage(draft.usage),
            trace=_trace(case, draft),
        )

    def _run(self, ticket: Ticket) -> Run:
        started = self.timer()
        reserve = min(_RESERVE_SHARE * self.deadline, _LONGEST_RESERVE)
        language = (ticket.language or "en").strip().lower().replace("_", "-").split("-")[0]
        region = (ticket.region or "").strip().upper()
        return Run(
            tenant=ticket.tenant,
            version=self.version,
            ticket_id=ticket.ticket_id,
            started=started,
            ends=started + self.deadline - reserve,
            language=language,
            vault=Vault(regions=[region] if len(region) == 2 else []),
        )

    async def _second_reading(
        self, team: Team, ticket: Ticket, triage: Triage, run: Run
    ) -> tuple[tuple[Triage, ...], tuple[str, ...]]:
        """The readings to be wary of, the graver one first, and the reasons to hand off that come of them."""
        if team.triage is None:
            return (triage,), ()
        try:
            read = await team.triage.read(ticket, run)
        except ModelFailure as failure:
            return (triage,), (failure.code,)
        graver = cautious(triage, read)
        readings = (graver, replace(graver, category=read.category))
        reasons = [
            reason
            for reading in readings
            for reason in escalation.before(ticket, reading, self.rules, self.vocabulary)
        ]
        return readings, escalation.ordered([*reasons, *found_more(triage, read)])

    async def _consulted(
        self, team: Team, ticket: Ticket, triage: Triage, run: Run, *, asking: bool
    ) -> Findings:
        """What is known, searched for in other words too where a model gives some.

        Without them the customer's own words serve: a worse search is no reason to hand off by itself.
        """
        queries: tuple[str, ...] = ()
        if team.knowledge is not None and asking:
            with suppress(ModelFailure):  # entered in the run, and so in the trace
                queries = await team.knowledge.rewrite(ticket, triage, run)
        return consult(self.knowledge, ticket, limit=self.passages, queries=queries)

    def _objections(self, case: "_Case", draft: Draft) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What speaks against sending a draft: the reasons, and the violations among them."""
        ticket, findings = case.ticket, case.findings
        reasons = [
            reason
            for reading in case.readings
            for reason in escalation.after(
                reading,
                confidence=draft.confidence,
                retrieval_confidence=findings.confidence,
                rules=self.rules,
            )
        ]
        grounds = [
            ticket.subject,
            ticket.text,
            *(turn.text for turn in ticket.turns),
            *(f"{source.title}\n{source.passage}\n{source.url or ''}" for source in findings.sources),
        ]
        violations = validator.validate(draft.text, grounds, prohibited_phrases=self.prohibited_phrases)
        return escalation.ordered([*reasons, *([BLOCKED] if violations else [])]), violations

    async def _handed_off(
        self,
        case: "_Case",
        reasons: tuple[str, ...],
        draft: Draft | None = None,
        violations: tuple[str, ...] = (),
    ) -> Reply:
        triage, sources = case.readings[0], case.findings.sources
        packet = None
        if case.team.handoff is not None and not case.run.failed:
            packet = await case.team.handoff.write(case.ticket, triage, reasons, sources[:3], case.run)
        if packet is None:
            tried = ["A draft was written and withheld."] if draft and draft.text else []
            packet = handoff.packet(case.ticket, triage, reasons=reasons, sources=sources[:3], tried=tried)
        return Reply(
            Action.HAND_OFF,
            confidence=draft.confidence if draft else None,
            sources=sources,
            reasons=reasons,
            packet=packet,
            violations=violations,
            usage=case.run.usage(draft.usage if draft else Usage()),
            trace=_trace(case, draft),
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """What is known of one ticket by the time somebody has to decide."""

    team: Team
    ticket: Ticket
    readings: tuple[Triage, ...]
    """The reading that counts first; after it one more where a model saw another category."""
    findings: Findings
    run: Run


def _trace(case: _Case, draft: Draft | None) -> tuple[Mapping[str, Any], ...]:
    """How it came about, in names and figures: no text of anybody."""
    findings = case.findings
    steps: list[Mapping[str, Any]] = [*case.run.traced()]
    steps.append(
        {
            "step": "retrieval",
            "sources": [source.source_id for source in findings.sources],
            "confidence": findings.confidence,
            "min_relevance": findings.min_relevance,
            "max_age_days": findings.max_age_days,
            "stale": list(findings.stale),
        }
    )
    if draft is not None:
        model = case.run.usage(draft.usage).model
        steps.append({"step": "draft", "model": model, "confidence": draft.confidence})
    return tuple(steps)


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
