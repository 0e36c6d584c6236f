"""A version with everything it refers to, read: prompts as texts, articles, rules, digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from agents.knowledge import KnowledgeError, load
from policies.catalogue import versions_in
from policies.digest import PROMPTS, manifest_digest, prompts_used
from policies.load import load_manifest
from policies.manifest import AgentVersion, Prompts
from policies.problems import PolicyInvalid
from policies.regions import Policies, load_policies
from rollout.errors import UsageError


@dataclass(frozen=True, slots=True)
class Article:
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """One version. Everything here decides how it answers; the digest covers all of it."""

    manifest: AgentVersion
    digest: str
    """64 hexadecimal digits."""
    prompts: Mapping[str, str]
    """Texts by role, ``de/role`` for those of a language; built-in ones where a hosted model is told them."""
    articles: Mapping[str, Article]
    """By id; empty where the knowledge is bound at start."""
    policies: Policies | None
    """The conduct policy with its regions."""

    @property
    def ref(self) -> str:
        return self.manifest.ref


def find(named: str, folder: Path) -> Path:
    """The manifest that ``NAME@VERSION`` or a path names.

    Raises:
        UsageError: there is none; names the nearest.

    """
    path = Path(named)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise UsageError(f"{named}: no such file; give NAME@VERSION or the path of a manifest")
        return path
    there = versions_in(folder)
    if named not in there:
        close = get_close_matches(named, there, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(there) or 'none'}"
        raise UsageError(f"{named}: no such version in {folder}; {hint}")
    return there[named]


def resolve(path: Path) -> Resolved:
    """Read a manifest and all it refers to.

    Raises:
        PolicyInvalid: the manifest or its policy has problems.
        UsageError: a prompt or the knowledge cannot be read.

    """
    manifest = load_manifest(path)
    folder = path.parent
    try:
        return Resolved(
            manifest,
            manifest_digest(manifest, folder),
            _prompts(manifest, folder),
            _articles(manifest, folder),
            load_policies(folder / manifest.policy) if manifest.policy is not None else None,
        )
    except (OSError, KnowledgeError) as error:
        raise UsageError(f"{path}: {error}; a version is compared with all it refers to") from error


def sound(path: Path) -> Resolved | str:
    """As ``resolve``, with the first problem in words in the place of an exception."""
    try:
        return resolve(path)
    except (PolicyInvalid, UsageError) as error:
        return str(error).splitlines()[0]


def _prompts(manifest: AgentVersion, folder: Path) -> Mapping[str, str]:
    found = {name.removesuffix(".md"): _text(PROMPTS / name) for name in prompts_used(manifest)}
    found |= _own(manifest.prompts, folder)
    for code, language in manifest.languages.items():
        found |= {f"{code}/{role}": text for role, text in _own(language.prompts, folder).items()}
    return found


def _own(prompts: Prompts, folder: Path) -> dict[str, str]:
    return {role: _text(folder / path) for role, path in prompts if path is not None}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _articles(manifest: AgentVersion, folder: Path) -> Mapping[str, Article]:
    if manifest.knowledge is None or manifest.knowledge.path is None:
        return {}
    return {one.id: Article(one.title, one.body) for one in load(folder / manifest.knowledge.path)}
