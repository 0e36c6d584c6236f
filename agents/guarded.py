"""An agent of somebody else's making in this process, held to the conduct policy of its manifest.

What every agent is held to: hard triggers and sensitive topics before it is asked, thresholds and the policy
after it has answered. What its reply may rest on are the conversation, the passages it names and what the
tools of this very run answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.case import Case
from agents.checks import escalation
from agents.checks.conduct import Conduct
from agents.checks.escalation import EscalationRules
from agents.contract import Action, Agent, Reply, Ticket, Toolset, Triage
from agents.last_look import look
from agents.models import Draft
from agents.models.run import Run
from agents.roles import handoff
from agents.roles.knowledge import Findings
from agents.roles.team import Team
from agents.tools.noting import Noting
from policies.regions import Policies


@dataclass(frozen=True, slots=True)
class GuardedAgent:
    """Asks ``agent`` where no rule keeps the ticket from it."""

    agent: Agent
    policies: Policies
    rules: EscalationRules

    @property
    def version(self) -> str:
        return self.agent.version

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
        """A checked reply, or a hand-off with every reason and a packet.

        Raises:
            TypeError: the agent answered with something else; what it raises itself is raised too.

        """
        conduct = Conduct(self.policies.of(ticket.region))
        evaluated = escalation.evaluate(ticket, triage, self.rules, conduct=conduct)
        checks: list[Mapping[str, Any]] = [evaluated.trace()]
        if evaluated.escalates:
            case = _case(ticket, triage, self.version, conduct, checks)
            return _handed_off(case, evaluated.codes, Reply(Action.HAND_OFF))
        noting = Noting(tools)
        reply: object = await self.agent.answer(ticket, triage, noting)
        if not isinstance(reply, Reply):
            raise TypeError(f"{self.version} answered with {type(reply).__name__}, not with a Reply")
        if reply.action is Action.HAND_OFF:
            return replace(reply, trace=(*checks, *reply.trace))
        case = _case(ticket, triage, self.version, conduct, checks, reply.sources)
        case = replace(case, looked_up=tuple(noting.results))
        draft = Draft(reply.text, reply.confidence, reply.sources, usage=reply.usage)
        found = look(case, draft, self.rules, again=True)  # nobody writes it once more for us
        if found.reasons:
            violations = tuple(dict.fromkeys([*reply.violations, *found.violations]))
            return _handed_off(case, found.reasons, replace(reply, violations=violations))
        notices = conduct.notices() if case.first_message else ()
        return replace(reply, text=found.text, notices=notices, trace=(*reply.trace, *case.checks))


def _case(
    ticket: Ticket,
    triage: Triage,
    version: str,
    conduct: Conduct,
    checks: list[Mapping[str, Any]],
    sources: Sequence[Any] = (),
) -> Case:
    language = (ticket.language or "en").strip().lower().replace("_", "-").split("-")[0]
    run = Run(ticket.tenant, version, ticket.ticket_id, started=0.0, ends=0.0, language=language)
    return Case(Team(), ticket, (triage,), Findings(tuple(sources)), run, conduct, checks)


def _handed_off(case: Case, reasons: tuple[str, ...], reply: Reply) -> Reply:
    tried = ["A draft was written and withheld."] if reply.text else []
    packet = handoff.packet(
        case.ticket, case.readings[0], reasons=reasons, sources=reply.sources[:3], tried=tried
    )
    return replace(
        reply,
        action=Action.HAND_OFF,
        text="",
        reasons=reasons,
        packet=packet,
        meanwhile=case.meanwhile(),
        trace=(*reply.trace, *case.checks),
    )
