"""What an agent may do: toolsets, the arguments they take, and the permission each call needs."""

from agents.tools.toolset import NO_TOOLS, ReadOnly, Tools

__all__ = ["NO_TOOLS", "ReadOnly", "Tools"]
