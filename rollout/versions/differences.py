"""What differs between two versions. Pure: the same two always give the same changes, in the same order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import unified_diff
from typing import Any, Final

from pydantic import BaseModel

from policies.conduct import ON_FAIL, SEVERITIES
from policies.effective import EffectivePolicy, Rule
from policies.manifest import AgentVersion
from rollout.versions.authority import tools
from rollout.versions.change import Authority, Change
from rollout.versions.resolved import Resolved

_APART: Final = frozenset({"name", "version", "description", "prompts", "tools", "knowledge", "policy"})
"""Keys of a manifest that say nothing of how it answers, or that are compared by what they refer to."""
_LOWER_IS_BOLDER: Final = frozenset({"confidence", "abstain", "retrieval"})
_MOST_LISTED: Final = 20
_MODES: Final = ("observe", "enforce")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions and what differs."""

    before: Resolved
    after: Resolved
    changes: tuple[Change, ...]

    @property
    def gained(self) -> tuple[Change, ...]:
        """Changes by which the agent may do more or is held to less."""
        return tuple(change for change in self.changes if change.authority == "gained")

    @property
    def needs_canary(self) -> bool:
        """Whether anything differs that decides how it answers."""
        return bool(self.changes)

    @property
    def canary(self) -> str:
        """The answer to "does it need a canary?", in words."""
        if not self.changes:
            return "no: nothing that decides how it answers differs, only its name, version or description"
        areas = list(dict.fromkeys(change.area for change in self.changes))
        more = f", and it gains authority ({len(self.gained)})" if self.gained else ""
        return f"yes, because of changed {_and(areas)}{more}"

    def to_json(self) -> Mapping[str, Any]:
        return {
            "before": {"version": self.before.ref, "digest": self.before.digest},
            "after": {"version": self.after.ref, "digest": self.after.digest},
            "changes": [change.to_json() for change in self.changes],
            "authority_gained": [change.sentence for change in self.gained],
            "needs_canary": self.needs_canary,
            "canary": self.canary,
        }


def compare(before: Resolved, after: Resolved) -> Comparison:
    """Everything that differs, tools first."""
    found = [
        *tools(before.manifest, after.manifest),
        *_policies(before, after),
        *_models(before.manifest, after.manifest),
        *_settings(before, after),
        *_prompts(before.prompts, after.prompts),
        *_knowledge(before, after),
    ]
    return Comparison(before, after, tuple(found))


def _models(before: AgentVersion, after: AgentVersion) -> Iterator[Change]:
    """Roles that got or lost their model; what changed of one that stays is a setting like any other."""
    old, new = _roles(before), _roles(after)
    for role in sorted(new.keys() - old.keys()):
        yield Change("models", f"{role} is now done by {new[role]}, before by rules or not at all")
    for role in sorted(old.keys() - new.keys()):
        yield Change("models", f"{role} has no model any more, before {old[role]}")


def _roles(manifest: AgentVersion) -> dict[str, str]:
    if manifest.models is None:
        return {}
    return {role: model.name for role, model in manifest.models if model is not None}


def _settings(before: Resolved, after: Resolved) -> Iterator[Change]:
    """Keys of the manifest that hold values: models, thresholds, deadline, budget and so on."""
    old, new = _flat(before.manifest), _flat(after.manifest)
    one_sided = {f"models.{role}." for role in _roles(before.manifest).keys() ^ _roles(after.manifest).keys()}
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        if was != now and not key.startswith(tuple(one_sided)):
            area, _, rest = key.partition(".")
            sentence = f"{key} is {_value(now)}, before {_value(was)}"
            yield Change(area, sentence, authority=_bolder(area, rest, was, now))


def _bolder(area: str, key: str, was: Any, now: Any) -> Authority | None:
    """Whether a threshold now hands fewer tickets to people."""
    if area != "thresholds" or was is None or now is None:
        return None
    return "gained" if (now < was) == (key in _LOWER_IS_BOLDER) else "lost"


def _flat(content: BaseModel) -> dict[str, Any]:
    """Values by dotted key, as the manifest would have them; what is left out is left out."""
    found: dict[str, Any] = {}

    def enter(value: Any, key: str) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                enter(inner, f"{key}.{name}" if key else name)
        elif value is not None and value != []:
            found[key] = value

    told = content.model_dump(mode="json", exclude_none=True)
    enter({key: value for key, value in told.items() if key not in _APART}, "")
    return {key: value for key, value in found.items() if ".prompts." not in key}


def _prompts(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for role in sorted({*old, *new}):
        was, now = old.get(role, ""), new.get(role, "")
        if was == now:
            continue
        lines = _lines(was, now, f"{role} before", f"{role} after")
        more = sum(line.startswith("+") for line in lines[2:])
        less = sum(line.startswith("-") for line in lines[2:])
        state = "is new" if role not in old else "is gone" if role not in new else "differs"
        yield Change("prompts", f"the prompt of {role} {state}: {more} lines more, {less} lines less", lines)


def _knowledge(before: Resolved, after: Resolved) -> Iterator[Change]:
    old, new = before.manifest.knowledge, after.manifest.knowledge
    was = {} if old is None else old.model_dump(exclude_none=True)
    now = {} if new is None else new.model_dump(exclude_none=True)
    for key in sorted({*was, *now} - {"path"}):
        if was.get(key) != now.get(key):
            sentence = f"knowledge.{key} is {_value(now.get(key))}, before {_value(was.get(key))}"
            yield Change("knowledge", sentence)
    told = {
        "added": [id_ for id_ in after.articles if id_ not in before.articles],
        "removed": [id_ for id_ in before.articles if id_ not in after.articles],
        "changed": [id_ for id_, one in after.articles.items() if before.articles.get(id_, one) != one],
    }
    for what, ids in told.items():
        if ids:
            titles = {**before.articles, **after.articles}
            named = [f"{id_}: {titles[id_].title}" for id_ in ids[:_MOST_LISTED]]
            rest = [f"… and {len(ids) - _MOST_LISTED} more"] if len(ids) > _MOST_LISTED else []
            noun = "article" if len(ids) == 1 else "articles"
            yield Change("knowledge", f"{len(ids)} {noun} {what}", (*named, *rest))


def _policies(before: Resolved, after: Resolved) -> Iterator[Change]:
    old, new = before.policies, after.policies
    if old is None or new is None:
        if old is not None:
            yield Change("policy", f"the conduct policy {old.base.name} is gone", authority="gained")
        if new is not None:
            yield Change(
                "policy", f"it keeps the conduct policy {new.base.name}, before none", authority="lost"
            )
        return
    yield from _rules(old.base, new.base, "")
    for region in sorted({*old.by_region, *new.by_region}):
        if old.of(region).digest != new.of(region).digest:
            own = list(_rules(old.of(region), new.of(region), f" ({region})"))
            base = {change.sentence for change in _rules(old.base, new.base, f" ({region})")}
            yield from (change for change in own if change.sentence not in base)


def _rules(old: EffectivePolicy, new: EffectivePolicy, where: str) -> Iterator[Change]:
    was = {rule.name: rule for rule in old.rules}
    now = {rule.name: rule for rule in new.rules}
    for name in sorted(was.keys() - now.keys()):
        yield Change("policy", f"the rule {name}{where} is gone", authority="gained")
    for name in sorted(now.keys() - was.keys()):
        yield Change("policy", f"the rule {name}{where} is new: {_rule(now[name])}", authority="lost")
    for name in sorted(was.keys() & now.keys()):
        differing = [
            field.name
            for field in fields(Rule)
            if field.name not in {"message", "owner", "origin"}
            and getattr(was[name], field.name) != getattr(now[name], field.name)
        ]
        if differing:
            lines = [
                f"{key}: {_value(getattr(now[name], key))}, before {_value(getattr(was[name], key))}"
                for key in differing
            ]
            sentence = f"the rule {name}{where} differs in {_and(differing)}"
            yield Change("policy", sentence, tuple(lines), _milder(was[name], now[name]))
    if old.voice != new.voice:
        yield Change("policy", f"the voice{where} differs", _lines(old.voice, new.voice, "before", "after"))


def _milder(was: Rule, now: Rule) -> Authority | None:
    def grades(rule: Rule) -> tuple[int, int, int]:
        return _MODES.index(rule.mode), ON_FAIL.index(rule.on_fail), SEVERITIES.index(rule.severity)

    less = any(new < old for old, new in zip(grades(was), grades(now), strict=True))
    more = any(new > old for old, new in zip(grades(was), grades(now), strict=True))
    if less == more:
        return None
    return "gained" if less else "lost"


def _rule(rule: Rule) -> str:
    return f"{rule.severity}, {rule.on_fail}, {rule.mode}"


def _lines(was: str, now: str, one: str, other: str) -> tuple[str, ...]:
    return tuple(unified_diff(was.splitlines(), now.splitlines(), one, other, lineterm="", n=2))


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
