"""From a file to a plan or an agent version, or to everything that is wrong with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from policies import checks
from policies.catalogue import agents_folder, unreadable, versions_in
from policies.checks.conduct import gaps, milder
from policies.checks.routes import check_routes
from policies.conduct import ConductPolicy, Overlay
from policies.detectors import Detectors, shipped
from policies.digest import references
from policies.document import Document
from policies.effective import effective
from policies.explain import explain
from policies.keys import put_keys_right
from policies.manifest import AgentVersion
from policies.plan import Plan, plan_from_json, plan_to_json
from policies.problems import Finding, ManifestInvalid, PlanInvalid, PolicyInvalid, Problem
from policies.reader import MOST_BYTES, parse
from policies.route_table import RouteTable
from policies.webhooks import Webhooks

__all__ = [
    "ManifestInvalid",
    "PlanInvalid",
    "PolicyInvalid",
    "Problem",
    "load_manifest",
    "load_plan",
    "plan_from_json",
    "plan_to_json",
    "read_conduct",
    "read_detectors",
    "read_document",
    "read_manifest",
    "read_overlay",
    "read_plan",
    "read_routes",
    "read_webhooks",
]

Model = TypeVar("Model", bound=BaseModel)


def load_plan(path: Path | str, agents: Path | str | None = None) -> Plan:
    """The plan of a YAML file.

    Args:
        path: the file.
        agents: the folder of agent versions; found beside the plan where left out.

    Raises:
        PlanInvalid: with every problem of the file.

    """
    path = Path(path)
    document = read_document(path)
    folder = Path(agents) if agents is not None else agents_folder(path)
    plan = read_plan(document, versions_in(folder))
    if plan is None:
        raise PlanInvalid(document.problems)
    return plan


def load_manifest(path: Path | str) -> AgentVersion:
    """The agent version of a YAML file.

    Raises:
        ManifestInvalid: with every problem of the file.

    """
    document = read_document(Path(path))
    manifest = read_manifest(document, Path(path))
    if manifest is None:
        raise ManifestInvalid(document.problems)
    return manifest


def read_document(path: Path) -> Document:
    """The file as a tree; what cannot be read is a problem of it, never an exception."""
    try:
        with path.open("rb") as file:
            return parse(file.read(MOST_BYTES + 1), str(path))
    except OSError as error:
        return Document(str(path), problems=[unreadable(path, error)])


def read_plan(document: Document, versions: Mapping[str, Path] | None) -> Plan | None:
    """The plan of a document, or None after reporting every problem to it.

    ``versions`` are the manifests there are, by ``NAME@VERSION``; None leaves versions unchecked.
    """
    plan = _validated(document, Plan)
    if document.root is not None:
        draft = checks.Draft.of(document.root.plain())
        for finding in checks.check(draft, versions):
            document.report(finding)
        _report_broken(document, draft, versions or {})
    return None if document.problems else plan


def _report_broken(document: Document, draft: checks.Draft, versions: Mapping[str, Path]) -> None:
    """A plan is no better than the versions it names."""
    for ref, at in ((draft.agent, ("agent",)), (draft.canary_agent, ("canary", "agent"))):
        if ref is not None and ref in versions:
            try:
                load_manifest(versions[ref])
            except ManifestInvalid as error:
                message = f"agent version {ref!r} has {len(error.problems)} problems of its own"
                document.report(Finding(at, message, f"the first is {error.problems[0]}"))


def read_conduct(document: Document) -> ConductPolicy | None:
    """The conduct policy of a document, or None after reporting every problem to it."""
    policy = _validated(document, ConductPolicy)
    if policy is not None:
        for finding in gaps(policy, shipped()):
            document.report(finding)
    return None if document.problems else policy


def read_overlay(document: Document, path: Path) -> Overlay | None:
    """What a region adds to the policy it names, or None after reporting every problem to it."""
    overlay = _validated(document, Overlay)
    if overlay is None:
        return None
    beside = path.parent / overlay.extends
    base = read_conduct(read_document(beside))
    if base is None:
        remedy = "paths start at this file; `ridealong check` the base first"
        document.report(Finding(("extends",), f"the base {overlay.extends!r} cannot be used", remedy))
        return None
    held = effective(beside.stem, base, shipped())
    for finding in (*gaps(overlay, shipped(), held), *milder(held, overlay)):
        document.report(finding)
    return None if document.problems else overlay


def read_detectors(document: Document) -> Detectors | None:
    """The detectors of a document, or None after reporting every problem to it."""
    detectors = _validated(document, Detectors)
    return None if document.problems else detectors


def read_routes(document: Document) -> RouteTable | None:
    """The route table of a document, or None after reporting every problem to it."""
    table = _validated(document, RouteTable)
    if table is not None:
        for finding in check_routes(table):
            document.report(finding)
    return None if document.problems else table


def read_webhooks(document: Document) -> Webhooks | None:
    """The webhooks of a document, or None after reporting every problem to it."""
    webhooks = _validated(document, Webhooks)
    return None if document.problems else webhooks


def read_manifest(document: Document, path: Path) -> AgentVersion | None:
    """The agent version of a document, or None after reporting every problem to it."""
    manifest = _validated(document, AgentVersion)
    if manifest is not None:
        if path.stem != manifest.ref:
            document.report(
                Finding(
                    ("version",),
                    f"the file is called {path.name!r}, its content is {manifest.ref}",
                    f"rename it to {manifest.ref}.yaml: plans find versions by file name",
                )
            )
        for key, reference in references(manifest).items():
            if not (path.parent / reference).exists():
                place = tuple(key.split("."))
                document.report(Finding(place, f"{reference!r} is not there", "paths start at the manifest"))
    return None if document.problems else manifest


def _validated(document: Document, model: type[Model]) -> Model | None:
    if document.root is None:
        return None
    put_keys_right(document, model)
    try:
        return model.model_validate(document.root.plain())
    except ValidationError as error:
        explain(error, model, document)
        return None
