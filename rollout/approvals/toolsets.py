"""Which toolset a run is handed, and what its calls oblige the desk to, whatever the agent replies."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from time import monotonic

from agents.contract import Action, Agent, Reply, Ticket, Toolset, Triage
from agents.deadline import usable
from agents.roles import handoff
from agents.tools import ReadOnly
from policies.manifest import ToolGrant
from policies.vocabulary import Mode
from rollout.approvals.case import Case
from rollout.approvals.gate import Gate
from rollout.approvals.gated import GatedTools
from rollout.records import Assigned

Fence = Callable[[Ticket], Awaitable[str | None]]
"""Whether an agent may still speak: None, or why not."""
_TRIED = "Tools were called; see the approvals and calls on record for this ticket."


class Toolsets:
    """Makes the toolset of each run."""

    def __init__(
        self,
        gate: Gate,
        grants_of: Callable[[str], Mapping[str, ToolGrant]],
        writes: Callable[[Ticket, Assigned], bool],
        deadline: Callable[[str], float] | None = None,
    ) -> None:
        """Set it up.

        Args:
            gate: what every call passes.
            grants_of: a version's manifest, by tool.
            writes: whether the plan lets the version write for this ticket now.
            deadline: seconds that a version has for an answer; a call that is not back by then is given
                up in time for the answer to say so. Without it calls take what their tools may take.

        """
        self.gate = gate
        self._grants_of = grants_of
        self._writes = writes
        self._deadline = deadline

    def live(
        self, ticket: Ticket, assigned: Assigned, message: int, fence: Fence | None = None
    ) -> GatedTools:
        """For an answer to the customer's ``message``.

        Before each write it is asked again whether the plan lets the version write and, with a ``fence``,
        whether the agent may still speak: nothing is changed behind the back of who has taken over.
        """

        async def standing() -> bool:
            found = None if fence is None else await fence(ticket)
            return found is None and self._writes(ticket, assigned)

        case = self._case(ticket, assigned, message, Mode.LIVE)
        case.standing = standing
        return self.gate.live(case)

    def drafting(self, ticket: Ticket, assigned: Assigned, message: int) -> ReadOnly:
        """For a draft that a person sends: it reads."""
        return self.gate.watching(self._case(ticket, assigned, message, Mode.ASSIST))

    def watching(self, ticket: Ticket, assigned: Assigned) -> ReadOnly:
        """For a shadow: it reads."""
        return self.gate.watching(self._case(ticket, assigned, 1, Mode.SHADOW))

    def heeding(self, agent: Agent) -> Agent:
        """The agent, whose words stay here where its calls leave something to a person."""
        return Heeding(agent)

    def _case(self, ticket: Ticket, assigned: Assigned, message: int, mode: Mode) -> Case:
        version = assigned.version or ""
        return Case(
            ticket=ticket,
            version=version,
            step=assigned.step,
            mode=mode,
            message=message,
            grants=self._grants_of(version),
            step_writes=mode is Mode.LIVE and self._writes(ticket, assigned),
            ends=None if self._deadline is None else monotonic() + usable(self._deadline(version)),
        )


class Heeding:
    """An agent whose words stay here where its calls leave something to a person."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    @property
    def version(self) -> str:
        return self._agent.version

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
        """The agent's reply, or a hand-off where an approval or an unknown outcome waits for somebody."""
        try:
            reply = await self._agent.answer(ticket, triage, tools)
        except Exception:
            if not _reasons(tools):
                raise
            reply = Reply(Action.HAND_OFF)
        reasons = _reasons(tools)
        if not reasons or not isinstance(reply, Reply) or _heeds(reply, reasons):
            return reply
        return replace(
            reply,
            action=Action.HAND_OFF,
            text="",
            reasons=tuple(dict.fromkeys((*reasons, *reply.reasons))),
            packet=handoff.packet(ticket, triage, reasons=reasons, tried=[_TRIED]),
        )


def _heeds(reply: Reply, reasons: tuple[str, ...]) -> bool:
    """Whether the agent hands over for these reasons by itself: its packet says more than ours would."""
    return reply.action is Action.HAND_OFF and reply.packet is not None and set(reasons) <= set(reply.reasons)


def _reasons(tools: Toolset) -> tuple[str, ...]:
    return tuple(getattr(tools, "reasons", ()))
