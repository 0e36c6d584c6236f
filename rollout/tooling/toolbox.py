"""All declared tools, ready to be called by name. Who may is decided in ``rollout.approvals``."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agents.tools.refusals import ToolFailed
from policies.tools import ToolCatalogue, ToolDeclaration
from rollout.clock import Clock, SystemClock
from rollout.tooling import endpoint, function, mcp_server

Transport = Callable[[ToolDeclaration, Mapping[str, Any], str], Awaitable[Mapping[str, Any]]]
"""Makes a call with an idempotency key. Raises ``ToolFailed`` where nothing has changed; whatever else it
raises leaves that open."""


class Toolbox:
    """Calls tools of a catalogue."""

    def __init__(
        self,
        catalogue: ToolCatalogue,
        *,
        environment: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Set it up.

        Args:
            catalogue: the tools.
            environment: where their secrets are; the process's own where left out.
            clock: of signatures.

        """
        variables = os.environ if environment is None else environment
        self._catalogue = catalogue
        self._transports: Mapping[str, Transport] = {
            "http": endpoint.Endpoint(variables, clock or SystemClock()),
            "mcp": mcp_server.McpServer(variables),
            "python": function.call,
        }

    async def __call__(self, tool: str, arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """What the tool answers.

        Raises:
            ToolFailed: nothing has changed.
            Exception: any other leaves open what was done.

        """
        declared = self._catalogue.get(tool)
        if declared is None or self._catalogue.denies(tool):
            raise ToolFailed(f"there is no tool {tool!r} here")
        return await self._transports[declared.kind](declared, arguments, key)
