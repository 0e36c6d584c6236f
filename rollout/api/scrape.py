"""``/metrics``: the door's counters, and what journal, agents and analyst say of themselves now."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from rollout.access.principal import INSTALLATION
from rollout.api.admit import Caller
from rollout.observe.exposition import CONTENT_TYPE, Family, text
from rollout.observe.process import process_families

if TYPE_CHECKING:
    from rollout.api.door import Door

Told = Mapping[str, Any]


def scope_of(request: Request, caller: Caller) -> str | None:
    """Whose numbers a request is about; everybody's, as None, where it names nobody and may see all."""
    named = request.query_params.get("tenant")
    return None if caller.known.tenant is None and named in (None, INSTALLATION) else caller.tenant


async def metrics(door: "Door", request: Request, caller: Caller) -> Response:
    """One tenant's numbers; all tenants' and the process's own for those of the whole installation."""
    tenant = scope_of(request, caller)
    told, agents, incidents = await asyncio.gather(
        door.analyst.figures(), _agents(door), asyncio.to_thread(_incidents, door, tenant)
    )
    families = [
        *door.metrics.families(tenant),
        *_record(door, told),
        *_rollouts(door, tenant),
        incidents,
        *_judged(told, tenant),
        *agents_families(agents, tenant),
        *(_machine(door) if tenant is None else ()),
    ]
    return Response(text(families), media_type=CONTENT_TYPE)


def _gauge(name: str, words: str, *samples: tuple[Mapping[str, str], float]) -> Family:
    return Family(name, "gauge", words, samples)


def _record(door: "Door", told: Told | None) -> Iterator[Family]:
    head = door.journal.head().seq
    yield _gauge("journal_seq", "Newest durable record.", ({}, head))
    yield _gauge(
        "journal_up", "Whether the journal takes events: 1 or 0.", ({}, door.journal.failure is None)
    )
    yield _gauge("analyst_up", "Whether the analyst answers: 1 or 0.", ({}, told is not None))
    if told is None:
        return
    position = int(told["position"])
    lag = max(head - position, 0)
    waiting = door.journal.pulse.waiting(position) if lag else 0.0
    yield _gauge("view_position", "Newest record that the analytical view has applied.", ({}, position))
    yield _gauge("view_lag_records", "Records that the view is behind the journal.", ({}, lag))
    yield _gauge("view_lag_seconds", "Seconds that the oldest of them has been waiting.", ({}, waiting))
    for state, words in (("refused", "are not followed"), ("waiting", "wait for a person to apply them")):
        yield _gauge(f"plans_{state}", f"Plan files that {words}.", ({}, told["plans"][state]))


def _rollouts(door: "Door", tenant: str | None) -> Iterator[Family]:
    steps, weights = [], []
    for owner, workflow in door.standings.workflows():
        if tenant not in (None, owner):
            continue
        _, state, _ = door.standings.standing(owner, workflow)
        labels, shares = {"tenant": owner, "workflow": workflow}, state.shares
        status, mode = state.ladder.status.value, shares.mode.value
        steps.append(({**labels, "step": shares.step, "mode": mode, "status": status}, state.ladder.index))
        named = {"agent": shares.weight, "canary": shares.canary_weight, "holdout": shares.holdout}
        weights += [({**labels, "share": share}, float(percent)) for share, percent in named.items()]
    yield Family(
        "rollout_step", "gauge", "The step in force, counted from 0; its labels say which, and how.", steps
    )
    yield Family(
        "rollout_weight_percent",
        "gauge",
        "Percent of eligible customers for the agent, of the agent's for the canary, of all held out.",
        weights,
    )


def _incidents(door: "Door", tenant: str | None) -> Family:
    owners = {owner for owner, _ in door.standings.workflows()} if tenant is None else {tenant}
    found = Counter(
        (owner, int(each.severity)) for owner in owners for each in door.incidents.of(owner) if each.open
    )
    return Family(
        "incidents_open",
        "gauge",
        "Open incidents by severity; while one of severity 1 or 2 is open nothing is promoted.",
        [
            ({"tenant": owner, "severity": str(severity)}, found[owner, severity])
            for owner in sorted(owners)
            for severity in (1, 2, 3, 4)
        ],
    )


def _judged(told: Told | None, tenant: str | None) -> Iterator[Family]:
    """What the gates said last; of workflows that are judged now, whatever the state of their tickets."""
    figures = told["figures"] if told is not None else {"looks": (), "shadow": ()}
    looks, shadow = (
        [row for row in figures[name] if tenant in (None, row["tenant"])] for name in ("looks", "shadow")
    )
    yield Family(
        "gate_verdict",
        "gauge",
        "1 at the state that the newest look gave each metric of a gate.",
        [
            (_named(look, "tenant", "workflow", "track") | _named(verdict, "metric", "state", "reason"), 1)
            for look in looks
            for verdict in look["verdicts"]
        ],
    )
    yield Family(
        "gate_decision",
        "gauge",
        "1 at what the gates and monitors of each track said last.",
        [(_named(look, "tenant", "workflow", "track", "decision", "reason"), 1) for look in looks],
    )
    spent = [(_named(row, "tenant", "workflow", "version"), row) for row in shadow]
    yield Family(
        "shadow_spent_usd_today",
        "gauge",
        "Dollars that shadows have spent since midnight UTC, as far as prices are known.",
        [(labels, row["usd"]) for labels, row in spent],
    )
    yield Family(
        "shadow_unpriced_today",
        "gauge",
        "Shadow replies since midnight UTC whose price nobody knows.",
        [(labels, row["unknown"]) for labels, row in spent],
    )


def _named(row: Told, *names: str) -> dict[str, str]:
    return {name: str(row[name]) for name in names}


async def _agents(door: "Door") -> Told | None:
    return None if door.agents is None else await door.agents()


def agents_families(told: Told | None, tenant: str | None) -> Iterator[Family]:
    """What the agents' process says of itself; only to those who may see the whole process."""
    if tenant is not None:
        return
    yield _gauge("agents_up", "Whether the agents' processes answer: 1 or 0.", ({}, told is not None))
    rows: Iterable[Told] = () if told is None else told["versions"]
    yield Family(
        "agent_calls_total",
        "counter",
        "Questions that reached an agents' process, by version and result.",
        [
            (_named(row, "process", "version") | {"result": result}, row[result])
            for row in rows
            for result in ("answered", "failed")
        ],
    )
    yield Family(
        "agent_calls_in_progress",
        "gauge",
        "Questions that agents are answering now.",
        [(_named(row, "process", "version"), row["running"]) for row in rows],
    )
    yield Family(
        "model_breaker_open",
        "gauge",
        "1 while a provider of models is not asked because it kept failing.",
        [
            (_named(row, "process", "provider"), row["breaker"] != "closed")
            for row in (() if told is None else told["providers"])
        ],
    )


def _machine(door: "Door") -> Iterator[Family]:
    queued, capacity = door.journal.queue
    yield _gauge("journal_queue_events", "Events that wait to be written.", ({}, queued))
    yield _gauge("journal_queue_capacity_events", "Events that may wait to be written.", ({}, capacity))
    yield Family(
        "journal_sync_duration_seconds",
        "histogram",
        "Seconds that the disk took to make one group of events durable.",
        [({}, door.journal.pulse.syncs)],
    )
    if door.tickets is not None:
        inside, most = door.tickets.room
        yield _gauge("tickets_in_progress", "Tickets that are being handled.", ({}, inside))
        yield _gauge("tickets_in_progress_capacity", "Tickets that may be handled at once.", ({}, most))
    disk = shutil.disk_usage(door.journal.folder)
    yield _gauge("disk_free_bytes", "Room left where the journal is written.", ({}, disk.free))
    yield _gauge("disk_size_bytes", "Size of that file system.", ({}, disk.total))
    yield from process_families()
