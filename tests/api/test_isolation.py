"""What a tenant reads is the same whether or not another one lives in the same folder.

The oracle is a folder in which the tenant is alone. The two share every name there is: workflow,
tickets, customers, issues, event ids; only what happened differs.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from policies.digest import plan_digest
from policies.load import plan_to_json
from policies.plan import Plan
from rollout.analyst import Analyst
from rollout.clock import SimulatedClock
from rollout.ladder import actions
from rollout.ladder.transition import Order
from rollout.record.folder import DataFolder
from rollout.records import (
    Assigned,
    Compared,
    Escalated,
    Event,
    Handled,
    Kind,
    PlanPinned,
    Rated,
    Resolved,
    TicketOpened,
    Triaged,
)

DAYS = 20
TICKETS = 120


def life(plan: Plan, tenant: str, seed: int, begin: datetime) -> list[list[Event]]:
    """One tenant's weeks, ticket by ticket: the same names for everybody, other fates."""
    mine = plan.model_copy(update={"tenant": tenant})
    draw = random.Random(seed)
    digest = plan_digest(mine)
    change = actions.start(mine, digest, None, Order("ada", "begin", begin))
    step = change.to_step
    common = {"tenant": tenant, "workflow": plan.workflow}
    batches = [
        [
            Event(
                f"plan:{plan.workflow}:{digest}",
                Kind.CONFIG,
                begin,
                PlanPinned(digest, plan_to_json(mine), "test"),
                **common,
            ),
            Event(f"transition:{plan.workflow}:0", Kind.TRANSITION, begin, change.record(), **common),
        ]
    ]
    for number in range(TICKETS):
        ticket, customer = f"{plan.workflow}-{number}", f"c-{number % 60}"
        opened = begin + timedelta(days=DAYS * number / TICKETS, minutes=draw.randrange(600))
        closed = opened + timedelta(hours=draw.randrange(1, 30))
        assigned = Assigned(
            *(ticket, customer, "human", "shadow", plan.agent, step, 1 << 60, 0.0, 0.0, 5.0, True),
            *("SHADOW", "", digest, 1, opened),
        )
        facts: list[tuple[str, Kind, datetime, Any]] = [
            (
                "ticket",
                Kind.TICKET,
                opened,
                TicketOpened(ticket, customer, opened, issue_key=f"i-{number % 7}"),
            ),
            ("triage", Kind.TRIAGE, opened, Triaged(ticket, "billing", "normal", "neutral", "simple")),
            ("assignment", Kind.ASSIGNMENT, opened, assigned),
            (
                "handling",
                Kind.HANDLING,
                closed,
                Handled(ticket, "human", finished_at=closed, turns=3, human_seconds=draw.uniform(60, 900)),
            ),
            ("resolution", Kind.RESOLUTION, closed, Resolved(ticket, closed, "assumed", "human")),
            ("csat", Kind.CSAT, closed, Rated(ticket, float(draw.randrange(1, 6)), closed)),
            (
                "comparison",
                Kind.COMPARISON,
                closed,
                Compared(
                    ticket,
                    plan.agent,
                    "heuristic",
                    agreement=float(draw.random() < 0.8),
                    agent_escalated=draw.random() < 0.2,
                    human_escalated=draw.random() < 0.2,
                ),
            ),
        ]
        if draw.random() < 0.3:
            facts.append(("escalation", Kind.ESCALATION, closed, Escalated(ticket, "asked")))
        batches.append(
            [Event(f"{name}:{ticket}", kind, at, what, **common) for name, kind, at, what in facts]
        )
    return batches


def past(plan: Plan, tenant: str, seed: int, begin: datetime) -> list[list[Event]]:
    """A desk of the same name in both that has a history and no rollout, so no plan of its own."""
    named = plan.model_copy(update={"workflow": "past"})
    return [[], *life(named, tenant, seed, begin)[1:]]


def interleaved(*lives: Sequence[list[Event]]) -> list[Event]:
    return [event for batches in zip(*lives, strict=True) for batch in batches for event in batch]


def answers(path: Path, events: list[Event], name: str, at: datetime, stack: ExitStack) -> Analyst:
    folder = stack.enter_context(DataFolder.open(path, clock=SimulatedClock(at)))
    folder.record(events)
    return Analyst(folder, folder.record, clock=SimulatedClock(at))


@pytest.fixture(scope="module")
def readers(tmp_path_factory: Any, plan: Plan) -> Iterator[tuple[Analyst, Analyst, Analyst]]:
    """Acme alone, globex alone, and both in one folder."""
    begin = datetime.fromisoformat("2026-08-01T00:00:00+00:00")
    now = begin + timedelta(days=DAYS + 10)
    acme, globex = (
        [
            one + other
            for one, other in zip(
                life(plan, tenant, seed, begin), past(plan, tenant, seed + 10, begin), strict=True
            )
        ]
        for tenant, seed in (("acme", 1), ("globex", 2))
    )
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("isolation")
        found = (
            answers(folder / "acme", interleaved(acme), "acme", now, stack),
            answers(folder / "globex", interleaved(globex), "globex", now, stack),
            answers(folder / "both", interleaved(acme, globex), "both", now, stack),
        )
        for reader in found:
            reader.catch_up()  # whichever test comes first
        yield found


def stripped(value: Any) -> Any:
    """An answer without the numbers of records: the journal counts for everybody together.

    Figures to ten digits: sums are taken in whatever order the engine finds the rows.
    """
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {key: stripped(each) for key, each in value.items() if key not in ("seq", "position")}
    return [stripped(each) for each in value] if isinstance(value, list | tuple) else value


def reads(reader: Analyst, tenant: str, workflow: str) -> dict[str, Any]:
    early = datetime.fromisoformat("2026-08-12T00:00:00+00:00")
    return {
        "workflows": stripped(reader.workflows(tenant)),
        "workflow": stripped(reader.workflow(tenant, workflow)),
        "gate": stripped(reader.gate(tenant, workflow)),
        "gate then": stripped(reader.gate(tenant, workflow, "ladder", early)),
        "overview": stripped(reader.overview(tenant, workflow, "all")),
        "knowledge": stripped(reader.knowledge(tenant, workflow, "all")),
        "quality": stripped(reader.quality(tenant, workflow, "28d")),
        "overview 28d": stripped(reader.overview(tenant, workflow, "28d")),
    }


@pytest.mark.slow
def test_every_read_of_a_tenant_is_as_if_it_were_alone(readers: Any, plan: Plan) -> None:
    acme, globex, both = readers
    # In turns, so that an answer kept for one would be given to the other.
    for _ in range(2):
        told = {tenant: reads(both, tenant, plan.workflow) for tenant in ("acme", "globex")}
    assert told["acme"] == reads(acme, "acme", plan.workflow)
    assert told["globex"] == reads(globex, "globex", plan.workflow)
    for tenant, alone in (("acme", acme), ("globex", globex)):
        there = reads(both, tenant, "past")
        assert there == reads(alone, tenant, "past")
        assert there["gate"]["tickets"] > 0, "its own, although the plan it is judged by is nobody's"
    assert told["acme"]["overview"] != told["globex"]["overview"], "they differ, or nothing was tested"
    assert told["acme"]["gate"] != told["globex"]["gate"]


def test_the_controller_judges_each_by_its_own_tickets(readers: Any, plan: Plan) -> None:
    acme, _, both = readers
    alone, here = (reader._controller.standing(plan.workflow, "acme") for reader in (acme, both))
    now = acme._clock.now()
    told = [reader._controller.rulings(standing, now) for reader, standing in ((acme, alone), (both, here))]
    assert stripped(_plain(told[0])) == stripped(_plain(told[1]))


def _plain(rulings: Any) -> Any:
    return {
        name: (each.decision, each.reason, each.sentence, each.evidence) for name, each in rulings.items()
    }
