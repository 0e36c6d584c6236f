"""Which agent stands behind ``NAME@VERSION``: registered by hand, or built from its manifest."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from agents.checks.escalation import EscalationRules
from agents.contract import Agent
from agents.extractive import ExtractiveModel
from agents.guarded import GuardedAgent
from agents.knowledge import KnowledgeBase, load
from agents.models.access import ModelAccess
from agents.pipeline import PipelineAgent
from agents.python_agent import FactoryUnusable, from_factory
from agents.remote.agent import RemoteAgent
from agents.remote.settings import address_of, policies_of, secret_from
from agents.remote.transport import Endpoint
from agents.roles.team import Teams
from agents.scripted import ScriptedAgent, lines
from policies.manifest import AgentVersion, HttpAgent
from policies.route_table import in_force


class AgentUnavailable(LookupError):
    """No agent of this version can be made here. Names the version and what to do."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class Registry:
    """Factories by ``NAME@VERSION``. An agent is made once, when it is first asked for."""

    def __init__(self, factories: Mapping[str, Callable[[], Agent]] | None = None) -> None:
        self._factories: dict[str, Callable[[], Agent]] = {}
        self._made: dict[str, Agent] = {}
        for ref, factory in (factories or {}).items():
            self.register(ref, factory)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._factories))

    def __contains__(self, ref: object) -> bool:
        return ref in self._factories

    def register(self, ref: str, factory: Callable[[], Agent]) -> None:
        """Offer an agent.

        Raises:
            ValueError: the name has no version, or is taken: nothing may change under a version.

        """
        if "@" not in ref.strip("@"):
            raise ValueError(f"{ref!r} is not NAME@VERSION")
        if ref in self._factories:
            raise ValueError(f"{ref} is registered already; a changed agent needs a new version")
        self._factories[ref] = factory

    def get(self, ref: str) -> Agent:
        """The agent of this version.

        Raises:
            AgentUnavailable: nobody registered it.

        """
        if ref not in self._made:
            if ref not in self._factories:
                close = get_close_matches(ref, self._factories, 1)
                hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(self) or 'none'}"
                raise AgentUnavailable(f"no agent {ref}; {hint}")
            self._made[ref] = self._factories[ref]()
        return self._made[ref]


def build(
    manifest: AgentVersion,
    folder: Path,
    *,
    sources: Mapping[str, KnowledgeBase] | None = None,
    access: ModelAccess | None = None,
) -> Agent:
    """The agent a manifest describes.

    Args:
        manifest: of any kind.
        folder: where the manifest stands; its paths are relative to it.
        sources: knowledge that the operator binds, by the name the manifest gives it.
        access: how hosted models are reached, shared by the versions of a process; one is made where
            none is given and a role needs it.

    Raises:
        AgentUnavailable: a factory that cannot be called here, a secret or policy that is not there, or a
            source nobody bound.
        ModelUnavailable: a model that cannot be called here.
        KnowledgeError: articles that cannot be read.
        OSError: a prompt that cannot be read.

    """
    if manifest.kind == "scripted" and manifest.script is not None:
        return ScriptedAgent(manifest.ref, lines(manifest.script))
    if manifest.kind == "python" and manifest.python is not None:
        return _guarded(manifest, folder, _from_factory(manifest.ref, manifest.python.factory))
    if manifest.kind == "pipeline" and manifest.models is not None:
        return _pipeline(manifest, folder, sources or {}, access)
    assert manifest.http is not None
    return _remote(manifest, folder, manifest.http)


def _pipeline(
    manifest: AgentVersion, folder: Path, sources: Mapping[str, KnowledgeBase], access: ModelAccess | None
) -> PipelineAgent:
    assert manifest.models is not None
    known = manifest.knowledge
    if known is None:
        raise AgentUnavailable(f"{manifest.ref}: a pipeline answers from knowledge; add a 'knowledge' block")
    if known.path is not None:
        base = KnowledgeBase(load(folder / known.path), stale_after_days=known.max_age_days)
    elif known.source is not None and known.source in sources:
        base = sources[known.source]
    else:
        raise AgentUnavailable(
            f"{manifest.ref}: knowledge source {known.source!r} is not bound; name its files"
        )
    limits = manifest.thresholds
    teams = Teams(manifest, folder, access)
    try:
        policies = policies_of(manifest, folder)
    except LookupError as error:
        raise AgentUnavailable(f"{manifest.ref}: {error}") from None
    return PipelineAgent(
        version=manifest.ref,
        knowledge=base,
        model=ExtractiveModel(idf=base.idf, min_relevance=limits.abstain),
        rules=EscalationRules(
            min_confidence=limits.confidence,
            max_turns=limits.max_turns,
            min_retrieval_sensitive=limits.retrieval,
        ),
        passages=known.passages,
        deadline=manifest.deadline.total_seconds(),
        policies=policies,
        routes=in_force(),
        team=teams.standard(),
        languages={code: teams.of(language) for code, language in manifest.languages.items()},
    )


def _remote(manifest: AgentVersion, folder: Path, http: HttpAgent) -> RemoteAgent:
    limits = manifest.thresholds
    try:
        endpoint = Endpoint(address_of(http.url), secret_from(http.secret_env))
        policies = policies_of(manifest, folder)
    except LookupError as error:
        raise AgentUnavailable(f"{manifest.ref}: {error}") from None
    return RemoteAgent(
        version=manifest.ref,
        endpoint=endpoint,
        rules=EscalationRules(
            min_confidence=limits.confidence,
            max_turns=limits.max_turns,
            min_retrieval_sensitive=limits.retrieval,
        ),
        deadline=manifest.deadline.total_seconds(),
        policies=policies,
    )


def _guarded(manifest: AgentVersion, folder: Path, agent: Agent) -> Agent:
    """The agent held to the policy its manifest names; as it is where it names none."""
    limits = manifest.thresholds
    try:
        policies = policies_of(manifest, folder)
    except LookupError as error:
        raise AgentUnavailable(f"{manifest.ref}: {error}") from None
    if policies is None:
        return agent
    rules = EscalationRules(
        min_confidence=limits.confidence,
        max_turns=limits.max_turns,
        min_retrieval_sensitive=limits.retrieval,
    )
    return GuardedAgent(agent, policies, rules)


def _from_factory(ref: str, path: str) -> Agent:
    try:
        return from_factory(ref, path)
    except FactoryUnusable as error:
        raise AgentUnavailable(str(error)) from error
