"""Categories that the plan does not know, and freeze windows that overlap."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, TypeVar

from policies.checks.draft import Draft
from policies.nearest import did_you_mean
from policies.problems import Finding, Location

Kind = TypeVar("Kind")


def check_eligibility(draft: Draft) -> Iterator[Finding]:
    yield from _categories(draft, draft.raw, ())
    steps = draft.raw.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        yield from _categories(draft, step, ("steps", index))
    metrics = draft.raw.get("metrics")
    for name, rule in metrics.items() if isinstance(metrics, dict) else ():
        for category in _inside(rule, "band", dict) or ():
            yield from _known(draft, category, ("metrics", name, "band", category), on_key=True)
    yield from _freeze(draft)


def _categories(draft: Draft, part: Any, at: Location) -> Iterator[Finding]:
    for index, category in enumerate(_inside(_inside(part, "eligible", dict), "category", list) or ()):
        if isinstance(category, str):
            yield from _known(draft, category, (*at, "eligible", "category", index))


def _inside(part: Any, key: str, kind: type[Kind]) -> Kind | None:
    """A value of the document where it is what it should be: its siblings may be broken."""
    value = part.get(key) if isinstance(part, dict) else None
    return value if isinstance(value, kind) else None


def _known(draft: Draft, category: str, at: Location, *, on_key: bool = False) -> Iterator[Finding]:
    if draft.categories is not None and category not in draft.categories:
        near = did_you_mean(category, draft.categories)
        yield Finding(
            at,
            f"category {category!r} is not one of the plan's categories",
            near or f"known are {', '.join(draft.categories)}; further ones go under 'categories'",
            on_key=on_key,
        )


def _freeze(draft: Draft) -> Iterator[Finding]:
    windows = sorted(
        ((window, index) for index, window in enumerate(draft.freeze) if window is not None),
        key=lambda pair: (pair[0].first, pair[1]),
    )
    for (before, _), (window, index) in pairwise(windows):
        if window.first <= before.last:
            yield Finding(
                ("freeze", index),
                f"the window overlaps the one of {before.first} to {before.last}",
                "join them into one window",
            )
