"""Secrets of tools: read when they are needed, from the environment, and shown to nobody."""

from collections.abc import Mapping

from agents.tools.refusals import ToolFailed


def secret(environment: Mapping[str, str], variable: str, tool: str) -> str:
    """The secret kept in a variable.

    Raises:
        ToolFailed: there is none.

    """
    found = environment.get(variable, "")
    if not found:
        raise ToolFailed(f"{tool}: the environment variable {variable} is not set for the tools' process")
    return found
