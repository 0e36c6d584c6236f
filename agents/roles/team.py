"""Who fills the roles of a version: hosted models where its manifest names them, rules elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.models.access import ModelAccess
from agents.models.draft import EXTRACTIVE
from agents.models.hosted import HostedModel
from agents.roles.answering import HostedResolution
from agents.roles.caution import TriageRole
from agents.roles.packing import HandoffRole
from agents.roles.prompting import built_in
from agents.roles.rewriting import KnowledgeRole
from policies.manifest import AgentVersion, Language, RoleModel


@dataclass(frozen=True, slots=True)
class Team:
    """The hosted models of one version, or of one language of it. ``None`` leaves a role to the rules."""

    resolution: HostedResolution | None = None
    prompt: str = ""
    """Of the resolution."""
    triage: TriageRole | None = None
    knowledge: KnowledgeRole | None = None
    handoff: HandoffRole | None = None

    def hosted(self) -> Sequence[HostedModel]:
        """The hosted models among them."""
        asking = [role for role in (self.triage, self.knowledge, self.handoff) if role is not None]
        writers = [self.resolution] if self.resolution is not None else []
        return [role.model for role in (*asking, *writers)]


class Teams:
    """Makes the teams of one manifest."""

    def __init__(self, manifest: AgentVersion, folder: Path, access: ModelAccess | None) -> None:
        """``folder`` is where the manifest stands; ``access`` is made when a role first needs it."""
        self._manifest = manifest
        self._folder = folder
        self._access = access

    def standard(self) -> Team:
        """The team of every language that has none of its own.

        Raises:
            ModelUnavailable: a model that cannot be called here.
            OSError: a prompt that cannot be read.

        """
        return self.of(Language())

    def of(self, language: Language) -> Team:
        """The team of one language: its own models and prompts, the version's where it has none."""
        triage, knowledge = self._model("triage", language), self._model("knowledge", language)
        resolution, packing = self._model("resolution", language), self._model("handoff", language)
        hosted = self._hosted
        return Team(
            HostedResolution(hosted("resolution", resolution)) if resolution else None,
            self._prompt("resolution", language),
            TriageRole(hosted("triage", triage), self._prompt("triage", language)) if triage else None,
            KnowledgeRole(hosted("knowledge", knowledge), self._prompt("knowledge", language))
            if knowledge
            else None,
            HandoffRole(hosted("handoff", packing), self._prompt("handoff", language)) if packing else None,
        )

    def _model(self, role: str, language: Language) -> RoleModel | None:
        assert self._manifest.models is not None
        found: RoleModel | None = getattr(language.models, role) or getattr(self._manifest.models, role)
        return None if found is None or found.name == EXTRACTIVE else found

    def _prompt(self, role: str, language: Language) -> str:
        path: str | None = getattr(language.prompts, role) or getattr(self._manifest.prompts, role)
        return built_in(role) if path is None else (self._folder / path).read_text(encoding="utf-8")

    def _hosted(self, role: str, model: RoleModel) -> HostedModel:
        if self._access is None:
            self._access = ModelAccess()
        return self._access.hosted(self._manifest, role, model)
