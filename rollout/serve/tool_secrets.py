"""The tools that belong to a run, and their secrets, which one process has and no other."""

from collections.abc import Mapping
from pathlib import Path

from policies.catalogue import SHIPPED, agents_folder
from policies.problems import ManifestInvalid
from policies.tool_files import load_tools, tools_folder
from policies.tools import ToolCatalogue
from rollout.errors import UsageError


def catalogue_of(plans: Path | None) -> ToolCatalogue | None:
    """The tools that belong to a run; None where none are declared.

    Raises:
        UsageError: a file is wrong.

    """
    agents = SHIPPED if plans is None else agents_folder(plans / "any.yaml")
    try:
        return load_tools(tools_folder(agents))
    except ManifestInvalid as error:
        raise UsageError(f"tools: {error}") from error


def secrets_of(catalogue: ToolCatalogue) -> set[str]:
    """The environment variables that hold the tools' secrets."""
    blocks = [block for tool in catalogue.tools for block in (tool.http, tool.mcp) if block is not None]
    return {block.secret_env for block in blocks if block.secret_env is not None}


def without(environment: Mapping[str, str], catalogue: ToolCatalogue) -> dict[str, str]:
    """An environment that the tools' secrets are not in."""
    kept = secrets_of(catalogue)
    return {name: value for name, value in environment.items() if name not in kept}


def of_tools(
    environment: Mapping[str, str], everything: Mapping[str, str], catalogue: ToolCatalogue
) -> dict[str, str]:
    """The environment of the tools' process: one without anybody's key, and the tools' own secrets."""
    return {**environment, **{name: everything[name] for name in secrets_of(catalogue) if name in everything}}
