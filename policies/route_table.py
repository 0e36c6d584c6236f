"""Who answers a ticket, as rows that are read from the top: the first that fits decides.

``policies/routing/*.yaml``. Sensitive topics and hard triggers are facts that rows can ask for, so that
they are settled before any lane of an agent is reached. Every queue is kept apart by tier: what waits
for one tier never stands behind another's. A ticket that no row fits goes to people.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from policies.catalogue import unreadable
from policies.conduct import Sentence
from policies.problems import PolicyInvalid, Problem
from policies.reader import parse
from policies.values import Slug, Strict, Unique
from policies.vocabulary import Category, Complexity, Urgency

SHIPPED: Final = Path(__file__).parent / "routing" / "support-routes.yaml"
ROUTES: Final = "RIDEALONG_ROUTES"
"""Environment variable: the file of an installation's own table."""
OTHER: Final = "other"
"""Stands for every category and tier that a table does not name."""

Trigger = Literal["hard", "sensitive", "billing_specialist", "kept", "doubt", "none"]
TRIGGERS: Final[tuple[Trigger, ...]] = ("hard", "sensitive", "billing_specialist", "kept", "doubt", "none")
UrgencyName = Literal["critical", "high", "normal", "low"]
ComplexityName = Literal["simple", "moderate", "complex", "unknown"]


class When(Strict):
    """What a row asks for; what it leaves out may be anything."""

    trigger: Annotated[list[Trigger], Unique] | None = None
    """``hard`` trigger, ``sensitive`` topic, a payment dispute for the ``billing_specialist``, ``kept``
    with people by the table, a ``doubt`` about a draft, or ``none`` of them."""
    urgency: Annotated[list[UrgencyName], Unique] | None = None
    """Of the triage."""
    complexity: Annotated[list[ComplexityName], Unique] | None = None
    """Of the triage."""
    category: Annotated[list[Slug], Unique] | None = None
    """Of the triage; ``other`` is every one that no row names and the vocabulary does not know."""
    tier: Annotated[list[Slug], Unique] | None = None
    """Of the customer; ``other`` is every one that is not under ``tiers``."""
    identity: bool | None = None
    """Whether an answer takes data of the customer's account or orders."""


class Route(Strict):
    """One row."""

    name: Slug
    """For traces and reports."""
    when: When = When()
    """What has to be so; nothing is: always."""
    to: Slug
    """A queue or a lane."""


class Lane(Strict):
    """Agents that answer."""

    authenticated: bool
    """Whether they answer only with tools bound to the customer who asks."""


class Kept(Strict):
    """Tickets that stay with people: a tier, a category, a subtype."""

    tier: Slug | None = None
    """Any tier where left out."""
    category: Slug | None = None
    """Any category where left out."""
    subtype: Slug | None = None
    """A signal of the common triage, e.g. ``billing-dispute``; any where left out."""
    because: Sentence
    """For those who review the table."""


class RouteTable(Strict):
    """The table."""

    tiers: Annotated[list[Slug], Unique] = Field(default=[])
    """Tiers that rows may ask for. Queues are apart by tier whether it is named here or not."""
    queues: Annotated[list[Slug], Unique, Field(min_length=1)]
    """Of people; each is one queue per tier, ``NAME-TIER``."""
    lanes: dict[Slug, Lane] = Field(default={})
    """Of agents."""
    calibrated: bool = False
    """Whether triage has been measured well enough to let agents have unknown complexity and high urgency."""
    routes: Annotated[list[Route], Field(min_length=1)]
    """From the top; the first that fits decides."""
    unmatched: Slug
    """The queue of tickets that no row fits."""
    kept_with_people: list[Kept] = Field(default=[])
    """Tier, category and subtype that agents never answer."""

    def names(self, category: str) -> bool:
        """Whether a category is one the table can tell from others."""
        asked = (route.when.category or () for route in self.routes)
        return category in set(Category) or any(category in one for one in asked)


@dataclass(frozen=True, slots=True)
class Facts:
    """What rows may ask about a ticket."""

    trigger: Trigger
    urgency: str
    complexity: str
    category: str
    tier: str
    identity: bool


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a ticket goes and by which row (``unmatched`` where none fits)."""

    row: str
    to: str
    lane: Lane | None = None
    """``None`` of a queue."""


def decide(table: RouteTable, facts: Facts) -> Routed:
    """The first row that fits. Total: there is an answer for all facts."""
    for route in table.routes:
        if fits(route.when, facts):
            return Routed(route.name, route.to, table.lanes.get(route.to))
    return Routed("unmatched", table.unmatched)


def fits(when: When, facts: Facts) -> bool:
    """Whether everything a row asks for is so."""
    asked = (
        (when.trigger, facts.trigger),
        (when.urgency, facts.urgency),
        (when.complexity, facts.complexity),
        (when.category, facts.category),
        (when.tier, facts.tier),
    )
    if any(values is not None and value not in values for values, value in asked):
        return False
    return when.identity is None or when.identity == facts.identity


def facts_of(
    table: RouteTable,
    *,
    trigger: Trigger,
    urgency: Urgency | None,
    complexity: Complexity | None,
    category: str | None,
    tier: str | None,
    identity: bool,
) -> Facts:
    """Facts in the table's own words. What is not known counts as the graver: complexity ``unknown``."""
    tier, category = (tier or "").strip().lower(), (category or "").strip()
    return Facts(
        trigger=trigger,
        urgency=(urgency or Urgency.NORMAL).value,
        complexity=(complexity or Complexity.UNKNOWN).value,
        category=category if table.names(category) else OTHER,
        tier=tier if tier in table.tiers else OTHER,
        identity=identity,
    )


def queue_for(queue: str, tier: str | None) -> str:
    """A queue's name for a tier; without one, the queue of those who have none."""
    name = (tier or "").strip().lower()
    return f"{queue}-{name}" if name else queue


@cache
def shipped() -> RouteTable:
    """The table that comes with Ridealong.

    Raises:
        PolicyInvalid: the file was changed and cannot be used; ``ridealong check`` says why.

    """
    return load_routes(SHIPPED)


@cache
def in_force() -> RouteTable:
    """The table of the file that ``RIDEALONG_ROUTES`` names, or the shipped one. Read once per process.

    Raises:
        PolicyInvalid: it cannot be used.

    """
    own = os.environ.get(ROUTES)
    return load_routes(Path(own)) if own else shipped()


def load_routes(path: Path) -> RouteTable:
    """The table of a file.

    Raises:
        PolicyInvalid: it cannot be used.

    """
    from policies.checks.routes import check_routes

    try:
        document = parse(path.read_bytes(), str(path))
    except OSError as error:
        raise PolicyInvalid([unreadable(path, error)]) from error
    try:
        if document.root is None:
            raise PolicyInvalid(document.problems)
        table = RouteTable.model_validate(document.root.plain())
    except ValidationError as error:
        message = "this route table cannot be used; `ridealong check` it"
        raise PolicyInvalid([Problem(str(path), 1, 1, "", message)]) from error
    for finding in check_routes(table):
        document.report(finding)
    if document.problems:
        raise PolicyInvalid(document.problems)
    return table
