"""Many files at once: which is what, what is wrong with each, and what they must not share."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from policies.catalogue import agents_folder, versions_in
from policies.conduct import ConductPolicy, Overlay
from policies.detectors import Detectors
from policies.digest import manifest_digest, plan_digest
from policies.document import Document
from policies.load import (
    read_conduct,
    read_detectors,
    read_document,
    read_manifest,
    read_overlay,
    read_plan,
    read_routes,
    read_webhooks,
)
from policies.manifest import AgentVersion
from policies.nearest import nearest
from policies.plan import Plan
from policies.problems import Finding, Problem
from policies.regions import policy_of
from policies.route_table import RouteTable
from policies.tool_files import read_tools
from policies.tools import ToolCatalogue
from policies.webhooks import Webhooks

KINDS: Final[Mapping[str, type[BaseModel]]] = {
    "plan": Plan,
    "agent": AgentVersion,
    "conduct": ConductPolicy,
    "overlay": Overlay,
    "detectors": Detectors,
    "routes": RouteTable,
    "webhooks": Webhooks,
    "tools": ToolCatalogue,
}

Content = (
    Plan | AgentVersion | ConductPolicy | Overlay | Detectors | RouteTable | Webhooks | ToolCatalogue | None
)
"""What a file turned out to be; None where it is nothing that may be used."""

Further = Callable[[Plan], Iterable[Finding]]
"""A check that needs more than the files, e.g. whether a gate can be decided with the desk's volume."""

Tried = Callable[[ConductPolicy | Overlay | Detectors, Path], Iterable[Finding]]
"""Runs the inline tests of a file of rules. Examining a text is not the business of this folder."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One file: what it is, and its content or its problems."""

    file: str
    kind: str | None
    """A key of ``KINDS``; None where the file is none of them."""
    problems: tuple[Problem, ...]
    content: Content = None
    digest: str | None = None


def check_files(
    paths: Sequence[Path],
    agents: Path | None = None,
    further: Sequence[Further] = (),
    tried: Tried | None = None,
) -> list[Checked]:
    """Every file's problems, and those that only show between files.

    Args:
        paths: files; each is read once, however often it is named.
        agents: the folder of agent versions; found beside each plan where left out.
        further: asked about every plan that is sound by itself.
        tried: asked about every sound file of rules, whether its inline tests hold.

    """
    read = {path.absolute(): (path, read_document(path)) for path in paths}
    found: list[tuple[Path, Document, str | None, Content]] = []
    for path, document in read.values():
        kind = kind_of(document)
        content: Content = None
        if kind == "plan":
            folder = agents if agents is not None else agents_folder(path)
            plan = content = read_plan(document, versions_in(folder))
            for finding in (finding for check in further if plan for finding in check(plan)):
                document.report(finding)
        elif kind == "agent":
            content = read_manifest(document, path)
        else:
            content = _read(kind, document, path)
            if tried is not None and isinstance(content, ConductPolicy | Overlay | Detectors):
                for finding in tried(content, path):
                    document.report(finding)
        found.append((path, document, kind, content))
    _between([document for _, document, kind, _ in found if kind == "plan"])
    return [_checked(*each) for each in found]


def _read(kind: str | None, document: Document, path: Path) -> Content:
    if kind == "conduct":
        return read_conduct(document)
    if kind == "overlay":
        return read_overlay(document, path)
    if kind == "detectors":
        return read_detectors(document)
    if kind == "routes":
        return read_routes(document)
    if kind == "tools":
        return read_tools(document)
    return read_webhooks(document) if kind == "webhooks" else None


def kind_of(document: Document) -> str | None:
    """What a file is, by its top-level keys, misspelt ones counted at half; None reports a problem."""
    if document.root is None or document.root.entries is None:
        return None
    scores = {
        kind: sum(
            1.0 if key in model.model_fields else 0.5 if nearest(key, model.model_fields) else 0.0
            for key in document.root.entries
        )
        for kind, model in KINDS.items()
    }
    # Of kinds that know as many of the keys, the one that has fewer others is meant: an agent version has
    # tools, too, but no file of one has nothing else.
    best = max(scores, key=lambda kind: (scores[kind], -len(KINDS[kind].model_fields)))
    if scores[best]:
        return best
    document.report(
        Finding(
            (),
            "neither a plan nor an agent version nor a conduct policy nor webhooks: its keys are unknown",
            "see the files in policies/rollouts, policies/agents and policies/conduct, and docs/webhooks.md",
        )
    )
    return None


def _checked(path: Path, document: Document, kind: str | None, content: Content) -> Checked:
    if document.problems:
        problems = sorted(document.problems, key=lambda problem: (problem.line, problem.column))
        return Checked(str(path), kind, tuple(problems))
    return Checked(str(path), kind, (), content, _digest(content, path))


def _digest(content: Content, path: Path) -> str | None:
    if isinstance(content, Plan):
        return plan_digest(content)
    if isinstance(content, AgentVersion):
        return manifest_digest(content, path.parent)
    return policy_of(content, path).digest if isinstance(content, ConductPolicy | Overlay) else None


def _between(plans: Sequence[Document]) -> None:
    """Report what two plans share and must not: a salt, or the workflow itself."""
    salts: dict[object, str] = {}
    workflows: dict[object, str] = {}
    for document in plans:
        for key, at in _identity(document):
            seen = salts if at == ("salt",) else workflows
            node = document.node_at(at)
            if key in seen and node is not None:
                what, why = (
                    (f"salt {node.text!r}", "their arms would be the same people; give it its own salt")
                    if at == ("salt",)
                    else (f"workflow {node.text!r}", "one plan per workflow and tenant")
                )
                document.report(Finding(at, f"{what} is also used by {seen[key]}", why))
            seen.setdefault(key, f"{document.file}:{node.line}" if node else document.file)


def _identity(document: Document) -> Iterator[tuple[object, tuple[str, ...]]]:
    for at in (("salt",), ("workflow",)):
        node = document.node_at(at)
        if node is not None and isinstance(node.value, str):
            tenant = document.node_at(("tenant",))
            yield (node.value if at == ("salt",) else (tenant.text if tenant else "default", node.value)), at
