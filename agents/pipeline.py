"""The pipeline agent: hard triggers, retrieval, a draft, its checks; a hand-off whenever one objects."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Final

from agents.case import Case
from agents.checks import escalation, routing, validator
from agents.checks.conduct import Conduct
from agents.checks.escalation import EscalationRules
from agents.contract import Action, Reply, Ticket, Toolset, Triage, Usage
from agents.deadline import usable
from agents.extractive import ExtractiveModel
from agents.knowledge import KnowledgeBase
from agents.last_look import Look, look
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
from agents.tools.session import Session
from policies.regions import Policies
from policies.route_table import RouteTable

MEND: Final = "Your answer broke rules of conduct. Write it once more so that none of this is true of it:"

_UNLIMITED: Final = 3600.0


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
    policies: Policies | None = None
    """The conduct policy with its regions; without one the common checks apply."""
    routes: RouteTable | None = None
    """Which tickets stay with people beside what the rules say; without one none do."""
    timer: Callable[[], float] = monotonic

    @property
    def breaker_state(self) -> str | None:
        """The most cautious state among its providers' breakers; ``None`` where it has no hosted model."""
        teams = (self.team, *self.languages.values())
        states = {model.provider.breaker.state for team in teams for model in team.hosted()}
        return next((state for state in (State.OPEN, State.HALF_OPEN, State.CLOSED) if state in states), None)

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
        """A checked reply with its sources, or a hand-off with every reason and a packet.

        A hosted resolution may call the tools of the run; what they answer is something a reply may rest
        on, and what of it is left to a person hands the ticket over.

        No model is asked when the rules already call for a person, not even for the packet; knowledge
        is still searched then, because the packet shows it.
        """
        run = self._run(ticket)
        conduct = Conduct(self.policies.of(ticket.region)) if self.policies is not None else None
        evaluated = escalation.evaluate(ticket, triage, self.rules, self.vocabulary, conduct)
        checks = [evaluated.trace()]
        hard = evaluated.codes or self._kept_by_routes(ticket, triage, checks)
        if hard:
            findings = self._searched(ticket, run)
            case = Case(Team(), ticket, (triage,), findings, run, conduct, checks)
            return await self._handed_off(case, hard)
        team = self.languages.get(run.language, self.team)
        readings, found = await self._second_reading(team, ticket, triage, run, conduct, checks)
        findings = await self._consulted(team, ticket, readings[0], run, asking=not found)
        session = Session(tools, run.vault, ends=run.ends, timer=self.timer, log=run.steps.append)
        case = Case(team, ticket, readings, findings, run, conduct, checks, session)
        reasons = found or ((AnotherModel.code,) if run.stranger else ())
        if reasons:
            return await self._handed_off(case, reasons)
        draft, found_wrong = await self._drafted(case)
        if found_wrong.reasons:
            return await self._handed_off(case, found_wrong.reasons, draft, found_wrong.violations)
        return Reply(
            Action.REPLY,
            text=found_wrong.text,
            confidence=draft.confidence,
            sources=draft.cited,
            usage=run.usage(draft.usage),
            trace=case.trace(),
            notices=conduct.notices() if conduct and case.first_message else (),
        )

    def _kept_by_routes(
        self, ticket: Ticket, triage: Triage, checks: list[Mapping[str, Any]]
    ) -> tuple[str, ...]:
        """The reason to hand off where the route table keeps with people what no rule does."""
        if self.routes is None:
            return ()
        routed = routing.route(ticket, triage, table=self.routes)
        checks.append(routing.traced(routed))
        return (routing.KEPT_BY_ROUTES,) if routed.lane is None else ()

    def _run(self, ticket: Ticket) -> Run:
        started = self.timer()
        language = (ticket.language or "en").strip().lower().replace("_", "-").split("-")[0]
        region = (ticket.region or "").strip().upper()
        return Run(
            tenant=ticket.tenant,
            version=self.version,
            ticket_id=ticket.ticket_id,
            started=started,
            ends=started + usable(self.deadline),
            language=language,
            vault=Vault(regions=[region] if len(region) == 2 else []),
        )

    async def _second_reading(
        self,
        team: Team,
        ticket: Ticket,
        triage: Triage,
        run: Run,
        conduct: Conduct | None,
        checks: list[Mapping[str, Any]],
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
        evaluated = [
            escalation.evaluate(ticket, reading, self.rules, self.vocabulary, conduct) for reading in readings
        ]
        checks += [one.trace() for one in evaluated]
        reasons = [code for one in evaluated for code in one.codes]
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
        return self._searched(ticket, run, queries)

    def _searched(self, ticket: Ticket, run: Run, queries: Sequence[str] = ()) -> Findings:
        findings = consult(self.knowledge, ticket, limit=self.passages, queries=queries)
        run.steps.append(findings.traced())
        return findings

    async def _drafted(self, case: Case) -> tuple[Draft, Look]:
        """A draft and what speaks against it. A hosted model may write it once more, if that would do."""
        model, prompt = case.team.resolution or self.model, case.team.prompt or self.prompt
        triage, run = case.readings[0], case.run
        session = case.session
        draft = await resolve(model, case.ticket, triage, case.findings, prompt, run, session)
        case.drafted(draft)
        if not draft.text:
            return draft, Look(draft.reasons)
        found = self._look(case, draft)
        if found.to_mend and case.team.resolution is not None:
            told = "\n".join([prompt, MEND, *(f"- {wrong}" for wrong in found.to_mend)])
            if session is not None:
                session.close()
            mended = await resolve(model, case.ticket, triage, case.findings, told, run, session)
            case.drafted(mended)
            if not mended.text:
                return draft, found
            return mended, self._look(case, mended, again=True)
        return draft, found

    def _look(self, case: Case, draft: Draft, *, again: bool = False) -> Look:
        return look(case, draft, self.rules, prohibited_phrases=self.prohibited_phrases, again=again)

    async def _handed_off(
        self,
        case: Case,
        reasons: tuple[str, ...],
        draft: Draft | None = None,
        violations: tuple[str, ...] = (),
    ) -> Reply:
        triage, sources = case.readings[0], case.findings.sources
        packet = None
        if case.team.handoff is not None and not case.run.failed:
            packet = await case.team.handoff.write(case.ticket, triage, reasons, sources[:3], case.run)
        if packet is None:
            tried = case.session.told() if case.session is not None else []
            tried += ["A draft was written and withheld."] if draft and draft.text else []
            packet = handoff.packet(case.ticket, triage, reasons=reasons, sources=sources[:3], tried=tried)
        return Reply(
            Action.HAND_OFF,
            confidence=draft.confidence if draft else None,
            sources=sources,
            reasons=reasons,
            packet=packet,
            violations=violations,
            usage=case.run.usage(draft.usage if draft else Usage()),
            trace=case.trace(),
            meanwhile=case.meanwhile(),
        )


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
