"""The agents as a process: builds versions from their manifests and lets them answer."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

import uvicorn

from agents.contract import Agent
from agents.knowledge import KnowledgeBase, load
from agents.registry import AgentUnavailable, build
from policies.catalogue import SHIPPED, agents_folder, versions_in
from policies.load import load_manifest
from rollout.api.agent_host import create_app
from rollout.observe import logs
from rollout.observe.agents import Watch
from rollout.serve.lifeline import stop_with_parent
from rollout.serve.settings import RunSettings


def versions(plans: Path | None) -> Path:
    """The folder of agent versions that belongs to a run."""
    return SHIPPED if plans is None else agents_folder(plans / "any.yaml")


def maker(folder: Path) -> Callable[[str], Agent]:
    """Makes agents from the manifests of a folder, each once.

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
                made[ref] = build(load_manifest(found), found.parent, sources=_sources(folder))
            return made[ref]

    return make


def _sources(folder: Path) -> Mapping[str, KnowledgeBase]:
    shelf = folder.parent / "knowledge"
    found = sorted(path for path in shelf.iterdir() if path.is_dir()) if shelf.is_dir() else []
    return {path.name: KnowledgeBase(load(path)) for path in found}


def main() -> int:
    logs.set_up("agents", quiet=True)
    settings = RunSettings.from_environment()
    stop_with_parent()
    watch = Watch(maker(versions(None if settings.plans is None else Path(settings.plans))))
    app = create_app(watch)
    app.router.routes.append(watch.route())
    uvicorn.Server(
        uvicorn.Config(app, uds=settings.agents_socket, log_config=None, access_log=False)
    ).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
