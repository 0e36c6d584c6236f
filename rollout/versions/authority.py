"""Tools: what an agent may do with them, and whether that became more."""

from collections.abc import Iterator
from typing import Final

from policies.manifest import AgentVersion, ToolGrant
from rollout.versions.change import Authority, Change

_APPROVAL: Final = ("always", "above_limit", "never")
"""From the strictest."""


def tools(before: AgentVersion, after: AgentVersion) -> Iterator[Change]:
    """What became of each tool, authority that was gained first."""
    old = {grant.name: grant for grant in before.tools}
    new = {grant.name: grant for grant in after.tools}
    found = [_change(f"{name} is new: {_told(new[name])}", "gained") for name in new.keys() - old.keys()]
    found += [
        _change(f"{name} is gone; it was {_told(old[name])}", "lost") for name in old.keys() - new.keys()
    ]
    for name in old.keys() & new.keys():
        found += _of_one(old[name], new[name])
    yield from sorted(found, key=lambda one: (one.authority != "gained", one.sentence))


def _of_one(old: ToolGrant, new: ToolGrant) -> Iterator[Change]:
    name = new.name
    if old.authority != new.authority:
        way: Authority = "gained" if new.authority == "write" else "lost"
        yield _change(f"{name} may now {new.authority}, before it could {old.authority}: {_told(new)}", way)
        return
    if new.authority == "write" and old.approval != new.approval:
        freer = _APPROVAL.index(new.approval) > _APPROVAL.index(old.approval)
        sentence = f"{name}: a person approves {_when(new.approval)}, before {_when(old.approval)}"
        yield _change(sentence, "gained" if freer else "lost")
    if old.limits is None or new.limits is None:
        return
    for limit in type(new.limits).model_fields:
        was, now = getattr(old.limits, limit), getattr(new.limits, limit)
        if was != now:
            more = now is None or (was is not None and now > was)
            sentence = f"{name}: {limit} is {_amount(now)}, before {_amount(was)}"
            yield _change(sentence, "gained" if more else "lost")


def _change(sentence: str, authority: Authority) -> Change:
    return Change("tools", sentence, authority=authority)


def _told(grant: ToolGrant) -> str:
    if grant.authority == "read" or grant.limits is None:
        return "reads"
    limits = grant.limits.model_dump(exclude_none=True)
    told = ", ".join(f"{name} {value:g}" for name, value in limits.items())
    return f"writes ({told}; a person approves {_when(grant.approval)})"


def _when(approval: str) -> str:
    return {"always": "every call", "above_limit": "calls above the limit", "never": "no call"}[approval]


def _amount(value: float | None) -> str:
    return "without limit" if value is None else f"{value:g}"
