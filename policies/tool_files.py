"""The tool catalogues of a desk: ``tools/*.yaml`` beside its agent versions, read as one."""

from pathlib import Path

from pydantic import ValidationError

from policies.document import Document
from policies.explain import explain
from policies.keys import put_keys_right
from policies.load import read_document
from policies.problems import Finding, ManifestInvalid
from policies.tools import ToolCatalogue


def tools_folder(agents: Path) -> Path:
    """Where the tools of a folder of agent versions are declared."""
    return agents.parent / "tools"


def read_tools(document: Document) -> ToolCatalogue | None:
    """The catalogue of a document, or None after reporting every problem to it."""
    if document.root is None:
        return None
    put_keys_right(document, ToolCatalogue)
    try:
        found = ToolCatalogue.model_validate(document.root.plain())
    except ValidationError as error:
        explain(error, ToolCatalogue, document)
        return None
    return None if document.problems else found


def load_tools(folder: Path) -> ToolCatalogue | None:
    """All tools declared in a folder; None where there are none.

    Raises:
        ManifestInvalid: a file is wrong, or two files declare the same tool.

    """
    found: list[ToolCatalogue] = []
    names: dict[str, Path] = {}
    for path in sorted(folder.glob("*.yaml")):
        document = read_document(path)
        catalogue = read_tools(document)
        for index, tool in enumerate(catalogue.tools if catalogue is not None else ()):
            if tool.name in names:
                message = f"tool {tool.name!r} is declared in {names[tool.name].name} already"
                document.report(Finding(("tools", index, "name"), message))
            names.setdefault(tool.name, path)
        if catalogue is None or document.problems:
            raise ManifestInvalid(document.problems)
        found.append(catalogue)
    if not found:
        return None
    denied = [pattern for each in found for pattern in each.deny]
    return ToolCatalogue(
        tools=[tool for each in found for tool in each.tools], deny=list(dict.fromkeys(denied))
    )
