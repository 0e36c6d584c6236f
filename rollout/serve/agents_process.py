"""The agents as a process: builds versions from their manifests and lets them answer."""

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread
from typing import Final

import uvicorn

from agents.contract import Agent
from agents.knowledge import KnowledgeBase, load
from agents.models import EXTRACTIVE, ModelUnavailable
from agents.models.access import ModelAccess
from agents.models.budget import Ledger
from agents.models.spend_book import SpendBook
from agents.registry import AgentUnavailable, build
from policies.catalogue import SHIPPED, agents_folder, versions_in
from policies.load import load_manifest
from policies.problems import ManifestInvalid
from rollout.api.agent_host import create_app
from rollout.background import only_when_idle
from rollout.observe import logs
from rollout.observe.agent_calls import TracedRoles
from rollout.observe.agents import Watch
from rollout.observe.arriving import Arriving
from rollout.observe.tracing import set_up
from rollout.serve.containment import ends_when_stuck, leave_out_of_memory, limit_memory
from rollout.serve.lifeline import stop_with_parent
from rollout.serve.settings import SHADOWS, RunSettings

_log = logging.getLogger(__name__)


def versions(plans: Path | None) -> Path:
    """The folder of agent versions that belongs to a run."""
    return SHIPPED if plans is None else agents_folder(plans / "any.yaml")


def maker(folder: Path, access: ModelAccess | None = None) -> Callable[[str], Agent]:
    """Makes agents from the manifests of a folder, each once; ``access`` is how their models are reached.

    A source of knowledge that a manifest names is the folder ``knowledge/NAME`` beside the agents'.
    """
    made: dict[str, Agent] = {}
    making = Lock()

    def make(ref: str) -> Agent:
        with making:
            if ref not in made:
                found = versions_in(folder).get(ref)
                if found is None:
                    raise AgentUnavailable(f"no {ref}.yaml in {folder}")
                manifest = load_manifest(found)
                made[ref] = build(manifest, found.parent, sources=_sources(folder), access=access)
            return made[ref]

    return make


def _sources(folder: Path) -> Mapping[str, KnowledgeBase]:
    shelf = folder.parent / "knowledge"
    found = sorted(path for path in shelf.iterdir() if path.is_dir()) if shelf.is_dir() else []
    return {path.name: KnowledgeBase(load(path)) for path in found}


def prepare(folder: Path, access: ModelAccess) -> Thread | None:
    """Load the model library in the background where a version of the folder calls one.

    It takes seconds, which no customer should wait. What goes wrong is said again when an agent is made.
    """

    def load_library() -> None:
        try:
            access.prepared()
        except ModelUnavailable as error:
            _log.warning("%s", error)

    if not any(is_hosted(path) for path in versions_in(folder).values()):
        return None
    loading = Thread(target=load_library, daemon=True)
    loading.start()
    return loading


def is_hosted(path: Path) -> bool:
    """Whether a manifest names a model that somebody else runs; one that is invalid names none."""
    try:
        models = load_manifest(path).models
    except ManifestInvalid:
        return False
    return models is not None and any(model and model.name != EXTRACTIVE for _, model in models)


SPENDING: Final = "spending"
"""Folder of the data folder that holds what models came to; not part of a backup: days pass."""


def main() -> int:
    shadows = sys.argv[1:] == [SHADOWS]
    if shadows:
        only_when_idle()  # who only watches gives way to who answers
    limit_memory()
    logs.set_up("agents", quiet=True)
    settings = RunSettings.from_environment()
    stop_with_parent()
    folder = versions(None if settings.plans is None else Path(settings.plans))
    access = ModelAccess(ledger=Ledger(SpendBook(settings.folder / SPENDING)))
    if not shadows:
        prepare(folder, access)  # nobody waits for a shadow
    make: Callable[[str], Agent] = maker(folder, access)
    tracing = set_up("agents")
    watch = Watch(
        make if tracing is None else TracedRoles(make, tracing),
        lambda: {name: each.breaker.state.value for name, each in dict(access.providers).items()},
    )
    app = create_app(watch, out_of_memory=leave_out_of_memory)
    app.router.lifespan_context = ends_when_stuck
    app.router.routes.append(watch.route())
    if tracing is not None:
        app.add_middleware(Arriving, tracing=tracing)
    line = settings.shadows_socket if shadows else settings.agents_socket
    uvicorn.Server(uvicorn.Config(app, uds=line, log_config=None, access_log=False)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
