"""Categories that the plan does not know, and freeze windows that overlap."""

from collections.abc import Iterator
from itertools import pairwise

from policies.checks.draft import Draft
from policies.nearest import did_you_mean
from policies.plan import Eligibility
from policies.problems import Finding, Location


def check_eligibility(draft: Draft) -> Iterator[Finding]:
    yield from _categories(draft, draft.eligible, ("eligible",))
    for index, step in enumerate(draft.steps):
        yield from _categories(draft, step.eligible if step else None, ("steps", index, "eligible"))
    for name, rule in draft.rules.items():
        for category in rule.band or () if rule else ():
            yield from _known(draft, category, ("metrics", name, "band", category), on_key=True)
    yield from _freeze(draft)


def _categories(draft: Draft, eligible: Eligibility | None, at: Location) -> Iterator[Finding]:
    for index, category in enumerate(eligible.category or () if eligible else ()):
        yield from _known(draft, category, (*at, "category", index))


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
