"""What a plan or an agent version *is*, as one short text: equal content, equal digest.

SHA-256 over canonical JSON (sorted keys, no spaces, UTF-8) of the parsed content, so that the
order of keys, comments and equivalent spellings (``5``, ``5%``) do not count. An agent version's
digest also covers the bytes of every file it refers to.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from policies.canonical import canonical
from policies.detectors import SHIPPED as DETECTORS
from policies.manifest import EXTRACTIVE, AgentVersion
from policies.plan import Plan, plan_to_json

PROMPTS: Final = Path(__file__).parent / "prompts"
"""The built-in prompts: one text per role, and what all hosted models are told."""

_ABSENT_WHEN_EMPTY: Final = ("budget", "languages")


def plan_digest(plan: Plan) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(canonical(plan_to_json(plan))).hexdigest()


def manifest_digest(manifest: AgentVersion, folder: Path) -> str:
    """64 hexadecimal digits; ``folder`` is where the manifest stands.

    Raises:
        OSError: a file it refers to cannot be read.

    """
    content = {
        "manifest": _described(manifest),
        "files": {path: content_digest(folder / path) for path in references(manifest).values()},
    }
    built_in = prompts_used(manifest)
    if built_in:
        content["built_in"] = {name: content_digest(PROMPTS / name) for name in built_in}
    if manifest.policy is not None:
        content["conduct"] = _beside_the_policy(folder / manifest.policy)
    return hashlib.sha256(canonical(content)).hexdigest()


def _beside_the_policy(policy: Path) -> Mapping[str, str]:
    """Digests of what decides on conduct too: the detectors, and what regions add."""
    regions = sorted((policy.parent / "regions").glob("*.y*ml"))
    overlays = {f"regions/{file.name}": content_digest(file) for file in regions}
    return {"detectors": content_digest(DETECTORS), **overlays}


def _described(manifest: AgentVersion) -> Mapping[str, Any]:
    """The manifest without what it leaves to newer keys' defaults, so that a new key changes no digest."""
    content = manifest.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in content.items() if key not in _ABSENT_WHEN_EMPTY or value}


def prompts_used(manifest: AgentVersion) -> Sequence[str]:
    """The built-in prompt files that a version's hosted models are told, by name, in order."""
    if manifest.models is None:
        return ()
    hosted = {role for role, model in manifest.models if model is not None and model.name != EXTRACTIVE}
    for language in manifest.languages.values():
        hosted |= {role for role, model in language.models if model is not None and model.name != EXTRACTIVE}
    own = {role for role, path in manifest.prompts if path is not None}
    shared = {"common.md"} if hosted else set()
    if manifest.tools and "resolution" in hosted:
        shared.add("tools.md")
    return sorted({f"{role}.md" for role in hosted - own} | shared)


def references(manifest: AgentVersion) -> Mapping[str, str]:
    """The files and folders a manifest refers to, by the key that names them."""
    found = {f"prompts.{role}": path for role, path in manifest.prompts if path is not None}
    for code, language in manifest.languages.items():
        own = {role: path for role, path in language.prompts if path is not None}
        found.update({f"languages.{code}.prompts.{role}": path for role, path in own.items()})
    if manifest.knowledge is not None and manifest.knowledge.path is not None:
        found["knowledge.path"] = manifest.knowledge.path
    if manifest.policy is not None:
        found["policy"] = manifest.policy
    return found


def content_digest(path: Path) -> str:
    """Of a file its bytes; of a folder every file below it, by relative name, hidden ones left out."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = {file.relative_to(path).as_posix(): content_digest(file) for file in _files(path)}
    if not files:
        raise FileNotFoundError(f"{path}: no such file, and no folder with files in it")
    return hashlib.sha256(canonical(files)).hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
