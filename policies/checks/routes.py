"""What is wrong with a route table: every combination of facts is put to it, none is overlooked.

A table is small enough for that: some thousand combinations. Rows may overlap, the first one decides;
an overlap is a fault only where it takes to an agent what a row below would keep with people.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product

from policies.nearest import did_you_mean
from policies.problems import Finding
from policies.route_table import OTHER, TRIGGERS, Facts, Route, RouteTable, decide, fits
from policies.vocabulary import Category, Complexity, Urgency

_IDENTITY: frozenset[str] = frozenset({Category.BILLING, Category.ACCOUNT})
"""Categories whose answers take the customer's own data whatever the ticket says."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a table does with all there is."""

    combinations: int
    unmatched: int
    """Combinations that no row fits: they go to the queue of ``unmatched``."""
    example: str
    """One of them; empty where there is none."""
    overlaps: tuple[tuple[str, str, int], ...]
    """Rows that fit the same combinations and send them to different places: upper, lower, how many."""


def check_routes(table: RouteTable) -> Iterator[Finding]:
    """Everything wrong with a table."""
    named = list(_names(table))
    yield from named
    if named:
        return
    every = list(_every(table))
    first = Counter(decide(table, facts).row for facts in every)
    for number, route in enumerate(table.routes):
        if not first[route.name]:
            message = f"row {route.name!r} is never reached: rows above take all it asks for"
            yield Finding(("routes", number), message, "move it up, or remove it")
    yield from _masked(table, every)
    yield from _holes(table, every)


def coverage(table: RouteTable) -> Coverage:
    """What no row fits, and which rows overlap. Nothing of it is a fault by itself."""
    every = list(_every(table))
    unmatched = [facts for facts in every if decide(table, facts).row == "unmatched"]
    overlaps = []
    for upper, lower in combinations(table.routes, 2):
        shared = sum(fits(upper.when, facts) and fits(lower.when, facts) for facts in every)
        if shared and upper.to != lower.to:
            overlaps.append((upper.name, lower.name, shared))
    example = _told(unmatched[0]) if unmatched else ""
    return Coverage(len(every), len(unmatched), example, tuple(overlaps))


def _names(table: RouteTable) -> Iterator[Finding]:
    places = [*table.queues, *table.lanes]
    for number, route in enumerate(table.routes):
        if route.to not in places:
            remedy = did_you_mean(route.to, places) or f"there are {', '.join(places)}"
            yield Finding(("routes", number, "to"), f"{route.to!r} is neither a queue nor a lane", remedy)
        if route.name in [other.name for other in table.routes[:number]] or route.name == "unmatched":
            yield Finding(("routes", number, "name"), f"the name {route.name!r} is taken", "choose another")
        for tier in route.when.tier or ():
            if tier not in (*table.tiers, OTHER):
                remedy = did_you_mean(tier, table.tiers) or "add it to tiers"
                yield Finding(("routes", number, "when", "tier"), f"there is no tier {tier!r}", remedy)
    for name in set(table.queues) & set(table.lanes):
        yield Finding(("lanes", name), f"{name!r} is a queue too", "rename one", on_key=True)
    if table.unmatched not in table.queues:
        remedy = f"name a queue of people: {', '.join(table.queues)}"
        yield Finding(("unmatched",), f"{table.unmatched!r} is no queue", remedy)
    for number, kept in enumerate(table.kept_with_people):
        if kept.tier is None and kept.category is None and kept.subtype is None:
            message = "this row keeps every ticket with people"
            yield Finding(("kept_with_people", number), message, "say which tier, category or subtype")


def _masked(table: RouteTable, every: list[Facts]) -> Iterator[Finding]:
    """Rows that take to an agent what a row below would keep with people."""
    for number, upper in enumerate(table.routes):
        if upper.to not in table.lanes:
            continue
        for lower in table.routes[number + 1 :]:
            if lower.to in table.queues and _both(upper, lower, every):
                message = f"row {upper.name!r} takes to an agent what row {lower.name!r} keeps with people"
                yield Finding(("routes", number), message, f"put {lower.name!r} above it")


def _both(upper: Route, lower: Route, every: list[Facts]) -> bool:
    return any(fits(upper.when, facts) and fits(lower.when, facts) for facts in every)


def _holes(table: RouteTable, every: list[Facts]) -> Iterator[Finding]:
    """Tickets that reach an agent and must not, or one that does not know who is asking."""
    found: dict[tuple[str, str], str] = {}
    for facts in every:
        routed = decide(table, facts)
        if routed.lane is None:
            continue
        why = _needs_people(table, facts)
        if why is None and not routed.lane.authenticated:
            knows = facts.identity or facts.category in _IDENTITY
            why = "what takes the customer's identity must go to an authenticated lane" if knows else None
        if why is not None:
            found.setdefault((routed.row, why), _told(facts))
    for (row, why), example in found.items():
        number = next(at for at, route in enumerate(table.routes) if route.name == row)
        yield Finding(("routes", number), f"row {row!r} lets through {example}", why)


def _needs_people(table: RouteTable, facts: Facts) -> str | None:
    if facts.trigger != "none":
        return f"trigger {facts.trigger!r} belongs to people: put a row for it above"
    if facts.urgency == Urgency.CRITICAL or facts.complexity == Complexity.COMPLEX:
        return "critical and complex tickets belong to people: put a row for them above"
    if not table.calibrated and (facts.complexity == Complexity.UNKNOWN or facts.urgency == Urgency.HIGH):
        return "unknown complexity and high urgency stay with people until calibrated: true"
    return None


def _every(table: RouteTable) -> Iterator[Facts]:
    """All combinations of what the table can tell apart."""
    categories = dict.fromkeys([*Category, OTHER])
    for route in table.routes:
        categories.update(dict.fromkeys(route.when.category or ()))
    tiers = [*table.tiers, OTHER] if any(route.when.tier for route in table.routes) else [OTHER]
    for facts in product(TRIGGERS, Urgency, Complexity, categories, tiers, (False, True)):
        yield Facts(facts[0], facts[1], facts[2], facts[3], facts[4], facts[5])


def _told(facts: Facts) -> str:
    asks = "needing identity" if facts.identity else "needing no identity"
    return (
        f"urgency {facts.urgency!s}, complexity {facts.complexity!s}, category {facts.category!s}, "
        f"tier {facts.tier}, trigger {facts.trigger}, {asks}"
    )
