"""Toolsets: what a run is handed decides what it can do. There is no flag to forget."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from agents.contract import Tool

Refusal = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Told of a call of a tool that was not given, by name and arguments, before it is refused."""


class Tools:
    """The tools of a live run, by name."""

    def __init__(self, tools: Iterable[Tool] = (), *, refusal: Refusal | None = None) -> None:
        self._tools: dict[str, Tool] = {}
        self._refusal = refusal
        for tool in tools:
            if tool.name in self._tools:
                raise ValueError(f"two tools are called {tool.name!r}; names must be unique")
            self._tools[tool.name] = tool

    def names(self) -> Sequence[str]:
        return tuple(self._tools)

    @property
    def recorded(self) -> bool:
        """Whether somebody is told of calls that are out of reach."""
        return self._refusal is not None

    def described(self) -> Sequence[Mapping[str, Any]]:
        """Each tool's ``name``, ``writes``, and where it tells them ``description`` and ``arguments``.

        ``arguments`` is the JSON Schema of what the caller chooses.
        """
        return [
            {
                "name": tool.name,
                "writes": tool.writes is not False,
                "description": getattr(tool, "description", ""),
                "arguments": getattr(tool, "arguments", {"type": "object"}),
            }
            for tool in self._tools.values()
        ]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        tool = self._tools.get(name)
        if tool is None:
            if self._refusal is not None:
                await self._refusal(name, arguments)
            raise PermissionError(f"tool {name!r} was not given to this run; it has {list(self._tools)}")
        return await tool(arguments)


class ReadOnly(Tools):
    """The tools among these that change nothing; the others are not kept and cannot be reached.

    ``refused`` lists the calls of tools that were not given, as a receipt.
    """

    def __init__(self, tools: Iterable[Tool] = (), *, refusal: Refusal | None = None) -> None:
        # A tool must say False itself: one that says nothing clear about writing is taken for a writer.
        super().__init__((tool for tool in tools if tool.writes is False), refusal=refusal)
        self.refused: list[str] = []

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if name not in self._tools:
            self.refused.append(name)
        return await super().call(name, arguments)


NO_TOOLS: Final = Tools()
"""For agents that need none. Immutable in effect: nothing can be added to it."""
