"""Agent versions that do not exist."""

from collections.abc import Collection, Iterator

from policies.checks.draft import Draft
from policies.nearest import did_you_mean
from policies.problems import Finding, Location


def check_versions(draft: Draft, versions: Collection[str]) -> Iterator[Finding]:
    named: tuple[tuple[str | None, Location], ...] = (
        (draft.agent, ("agent",)),
        (draft.canary_agent, ("canary", "agent")),
    )
    for ref, at in named:
        if ref is not None and ref not in versions:
            yield Finding(at, f"there is no agent version {ref!r}", _remedy(ref, versions))
    if draft.canary_agent is not None and draft.canary_agent == draft.agent:
        yield Finding(
            ("canary", "agent"),
            f"the canary is {draft.canary_agent!r}, the version that is already running",
            "name the new version",
        )


def _remedy(ref: str, versions: Collection[str]) -> str:
    near = did_you_mean(ref, sorted(versions))
    if near:
        return near
    name = ref.partition("@")[0]
    same = [version for version in sorted(versions) if version.partition("@")[0] == name]
    listed = ", ".join(same or sorted(versions)) or "none at all"
    return f"there is {listed}; add {ref}.yaml to the agents folder"
