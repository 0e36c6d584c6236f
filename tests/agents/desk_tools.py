"""Tools of a run that note what was asked of them, as a gate hands them to an agent."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.tools import Tools
from agents.tools.refusals import ARGUMENTS, NOT_GRANTED, UNKNOWN_TOOL, ToolRefused

ORDER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["order_id"],
    "properties": {"order_id": {"type": "string"}},
}
STATUS = {"order_id": "ORD-1001", "status": "in transit", "total_usd": "59.90"}


@dataclass
class Desk:
    """One read and one write; ``behave`` decides what they do."""

    behave: Callable[[str, Any], Awaitable[Any]] | None = None
    asked: list[tuple[str, Any]] = field(default_factory=list)
    refused: list[tuple[str, Any]] = field(default_factory=list)
    """What was called and is not there: what a gate puts on record."""

    def tools(self, *, writes: bool = True) -> Tools:
        """The toolset of one run."""
        names = ["get_order", *(["refund"] if writes else [])]
        return Tools([_Declared(name, self) for name in names], refusal=self._refuse)

    async def _refuse(self, name: str, arguments: Any) -> None:
        self.refused.append((name, arguments))
        raise ToolRefused(NOT_GRANTED if name == "refund" else UNKNOWN_TOOL, "not of this run")


@dataclass(frozen=True)
class _Declared:
    name: str
    desk: Desk
    description: str = "One of the desk's."

    @property
    def writes(self) -> bool:
        return self.name == "refund"

    @property
    def arguments(self) -> Mapping[str, Any]:
        return ORDER

    async def __call__(self, arguments: Any) -> Mapping[str, Any]:
        self.desk.asked.append((self.name, arguments))
        if not isinstance(arguments, Mapping):
            raise ToolRefused(ARGUMENTS, "arguments are a mapping")
        if self.desk.behave is not None:
            found: Mapping[str, Any] = await self.desk.behave(self.name, arguments)
            return found
        return STATUS
