"""A toolset that notes what its tools answer, for an agent that calls them by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents.contract import Toolset
from agents.tools.shown import offered


class Noting:
    """The tools of a run; ``results`` are what a reply of it may rest on."""

    def __init__(self, tools: Toolset) -> None:
        self._tools = tools
        self.results: list[Mapping[str, Any]] = []

    def names(self) -> Sequence[str]:
        return self._tools.names()

    def described(self) -> Sequence[Mapping[str, Any]]:
        """As the toolset describes them; nothing where it does not."""
        return offered(self._tools)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a tool of the toolset, which raises what it raises."""
        answer = await self._tools.call(name, arguments)
        if isinstance(answer, Mapping):
            self.results.append(answer)
        return answer
