"""What a version comes to, in a few lines."""

import hashlib
from collections.abc import Mapping
from typing import Any

from policies.manifest import RoleModel
from rollout.versions.resolved import Resolved


def described(version: Resolved) -> Mapping[str, Any]:
    """Words and lists of words by what they tell of; what a version does not have is left out."""
    manifest = version.manifest
    told: dict[str, Any] = {
        "version": version.ref,
        "digest": version.digest,
        "kind": manifest.kind,
        "description": manifest.description,
        "deadline": f"{manifest.deadline.total_seconds():g} s",
        "thresholds": [f"{name} {value:g}" for name, value in manifest.thresholds],
    }
    if manifest.models is not None:
        told["models"] = [f"{role}: {_model(model)}" for role, model in manifest.models if model is not None]
    told["prompts"] = [f"{role}: {_digest(text)}" for role, text in version.prompts.items()]
    told["tools"] = [f"{grant.name} ({grant.authority})" for grant in manifest.tools]
    if manifest.knowledge is not None:
        known = manifest.knowledge
        told["knowledge"] = (
            f"{len(version.articles)} articles of {known.path}"
            if known.path is not None
            else f"the source {known.source!r}, bound at start"
        )
    if version.policies is not None:
        told["policy"] = [f"{version.policies.base.name}: {version.policies.base.digest[:12]}"]
        told["policy"] += [f"{code}: {one.digest[:12]}" for code, one in version.policies.by_region.items()]
    if manifest.http is not None:
        told["http"] = manifest.http.url
    if manifest.python is not None:
        told["python"] = manifest.python.factory
    return {key: value for key, value in told.items() if value not in ("", [])}


def _model(model: RoleModel) -> str:
    pinned = " (an alias: what answers may change)" if model.alias else ""
    return f"{model.name}{pinned}, temperature {model.temperature:g}, at most {model.max_tokens} tokens"


def _digest(text: str) -> str:
    return f"{hashlib.sha256(text.encode()).hexdigest()[:12]}, {len(text.splitlines())} lines"
