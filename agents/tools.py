"""Toolsets: what a run is handed decides what it can do. There is no flag to forget."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agents.contract import Tool


class Tools:
    """The tools of a live run, by name."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise ValueError(f"two tools are called {tool.name!r}; names must be unique")
            self._tools[tool.name] = tool

    def names(self) -> Sequence[str]:
        return tuple(self._tools)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        tool = self._tools.get(name)
        if tool is None:
            raise PermissionError(f"tool {name!r} was not given to this run; it has {list(self._tools)}")
        return await tool(arguments)


class ReadOnly(Tools):
    """The tools among these that change nothing; the others are not kept and cannot be reached.

    ``refused`` lists the calls of tools that were not given, as a receipt.
    """

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        # A tool must say False itself: one that says nothing clear about writing is taken for a writer.
        super().__init__(tool for tool in tools if tool.writes is False)
        self.refused: list[str] = []

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if name not in self._tools:
            self.refused.append(name)
        return await super().call(name, arguments)


NO_TOOLS: Final = Tools()
"""For agents that need none. Immutable in effect: nothing can be added to it."""
