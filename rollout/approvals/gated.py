"""The tools of one run, each behind the gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents.tools import Tools
from agents.tools.toolset import Refusal
from policies.manifest import ToolGrant
from policies.tools import ToolDeclaration
from rollout.approvals.case import Case


class Gate(Protocol):
    """What a tool needs of the gate."""

    async def call(
        self, case: Case, tool: ToolDeclaration, grant: ToolGrant, arguments: object
    ) -> Mapping[str, Any]: ...


class GatedTools(Tools):
    """The tools of one run."""

    def __init__(self, case: Case, tools: Sequence["Gated"], refusal: Refusal) -> None:
        super().__init__(tools, refusal=refusal)
        self._case = case

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a person must have the ticket after what was called, whatever the agent replies."""
        return tuple(self._case.reasons)


@dataclass(frozen=True, slots=True)
class Gated:
    """One declared tool within one run."""

    declaration: ToolDeclaration
    grant: ToolGrant
    case: Case
    gate: Gate

    @property
    def name(self) -> str:
        return self.declaration.name

    @property
    def writes(self) -> bool:
        return self.declaration.writes

    @property
    def description(self) -> str:
        return self.declaration.description

    @property
    def arguments(self) -> Mapping[str, Any]:
        return self.declaration.offered()

    async def __call__(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self.gate.call(self.case, self.declaration, self.grant, arguments)
