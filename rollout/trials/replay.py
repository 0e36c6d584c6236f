"""A desk's past through the hot loop: routed, answered by its people, then watched in shadow.

The very router, shadow handler and record of a live desk run here, on the export's own clock. Two
runs over the same export write the same events, so a repeated or interrupted replay doubles nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from agents.contract import Reply, Source, Ticket, Triage
from agents.pipeline import PipelineAgent
from agents.roles.knowledge import consult
from policies.digest import plan_digest
from policies.plan import Plan, plan_to_json
from rollout.clock import SimulatedClock
from rollout.errors import ConflictingEvent, UsageError
from rollout.handle.compare import judge
from rollout.handle.shadow import Shadow, ShadowLimits, Watched
from rollout.ladder.actions import start
from rollout.ladder.transition import Order
from rollout.record.content import Text
from rollout.record.folder import DataFolder
from rollout.records import Assigned, Compared, Event, Kind, PlanPinned
from rollout.router import Arrival, Router, events_of
from rollout.trials.desk_export import DeskExport, Thread, first_answer
from rollout.trials.human_path import human_answer, human_events

ACTOR: Final = "replay"
SOURCE: Final = "replay"
_BATCH: Final = 500
_DEADLINE: Final = 20.0
_BUDGET: Final = 40.0
_SECONDS: Final = f"{_DEADLINE:g}s"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one thread, for the report; what counts is in the record."""

    thread: Thread
    triage: Triage
    assigned: Assigned
    compared: Compared | None
    """``None`` where the ticket was excluded or nobody was to watch it."""
    reply: Reply | None
    retrieved: tuple[Source, ...]
    """The five best passages for the question, whatever the agent made of them."""


def shadow_plan(workflow: str, version: str) -> Plan:
    """A plan of one shadow step that admits every ticket: nobody is exposed, so nobody is left out."""
    return Plan.model_validate(
        {
            "workflow": workflow,
            "owners": {"workflow": ACTOR, "technical": ACTOR, "escalation": ACTOR},
            "unit": "customer",
            "salt": workflow,
            "agent": version,
            "steps": [
                {
                    "name": "shadow",
                    "mode": "shadow",
                    "min_duration": "14d",
                    "gate": ["agreement", "shadow_violations", "missed_escalation"],
                    "shadow": {
                        "budget_usd_per_day": _BUDGET,
                        "concurrency": 1,
                        "deadline": _SECONDS,
                    },
                    "approval": True,
                }
            ],
            "metrics": {
                "agreement": {"floor": "80%"},
                "shadow_violations": {"ceiling": "1%"},
                "missed_escalation": {"ceiling": "2%"},
            },
            "inference": {"alpha": 0.05, "power": 0.8},
        }
    )


class _Buffer:
    """Events and texts on their way to the folder, so that a batch of tickets costs two writes."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._references: dict[tuple[str, str], str] = {}
        self._events: list[Event] = []

    def add(self, events: Iterable[Event]) -> None:
        self._events.extend(events)

    def store(self, texts: Iterable[Text]) -> None:
        """Keep texts, durably: events may refer to them from now on."""
        batch = list(texts)
        for text, reference in zip(batch, self._folder.content.put(batch), strict=True):
            self._references[text.ticket_id, text.part] = reference

    def references(self, ticket: Ticket, parts: Mapping[str, str]) -> Mapping[str, str]:
        """The references of these parts of a ticket, stored before."""
        found = {part: self._references.get((ticket.ticket_id, part)) for part in parts}
        return {part: reference for part, reference in found.items() if reference is not None}

    def flush(self) -> None:
        """Record everything held.

        Raises:
            UsageError: the folder holds the same tickets with other content.

        """
        try:
            self._folder.record(self._events)
        except ConflictingEvent as error:
            raise UsageError(
                f"{self._folder.path} holds another replay of these tickets ({error}); "
                "give an empty folder with --data"
            ) from error
        self._events.clear()
        self._references.clear()


class Replay:
    """One export, one folder, one agent; ``run`` sends the export through."""

    def __init__(self, export: DeskExport, folder: DataFolder, agent: PipelineAgent) -> None:
        self._export = export
        self._folder = folder
        self._agent = agent
        self._clock = SimulatedClock(export.threads[0].ticket.opened_at)
        self._buffer = _Buffer(folder)
        self._router = Router(folder.journal, clock=self._clock)
        known = frozenset(article.id for article in agent.knowledge.articles)
        self.shadow = Shadow(
            agent,
            ShadowLimits(deadline=_DEADLINE, budget_usd_per_day=_BUDGET, concurrency=1),
            judged=partial(judge, known=known, weight=agent.knowledge.idf),
            timer=None,  # a latency measured over the past says nothing about the live one
        )
        """Its ``dropped`` and ``tools.refused`` belong into a report."""

    def run(
        self, *, limit: int | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> list[Replayed]:
        """Replay the first ``limit`` threads by time of opening, record them, bring the view up to date.

        ``progress`` is told the number of threads done.

        Raises:
            UsageError: the folder holds a replay with another agent or other data.

        """
        threads = self._export.threads[:limit]
        self._begin()
        done: list[Replayed] = []
        for at in range(0, len(threads), _BATCH):
            done.extend(asyncio.run(self._batch(threads[at : at + _BATCH])))
            progress(len(done))
        self._folder.catch_up()
        return done

    def _begin(self) -> None:
        """Pin the plan and start its ladder, as a person would before the first ticket."""
        plan = shadow_plan(self._export.name, self._agent.version)
        digest, at = plan_digest(plan), self._clock.now()
        change = start(plan, digest, None, Order(ACTOR, "a replay of the past", at))
        pinned = PlanPinned(digest, plan_to_json(plan), f"replay of {self._export.name}")
        event = partial(Event, occurred_at=at, tenant=plan.tenant, workflow=plan.workflow, actor=ACTOR)
        self._buffer.add(
            [
                event(f"config:{plan.workflow}:{digest}", Kind.CONFIG, payload=pinned),
                event(f"transition:{plan.workflow}:1", Kind.TRANSITION, payload=change.record()),
            ]
        )
        self._buffer.flush()
        self._router.follow(record for record in self._folder.read() if record.workflow == plan.workflow)

    async def _batch(self, threads: Sequence[Thread]) -> list[Replayed]:
        self._buffer.store(text for thread in threads for text in _texts_of_thread(thread))
        done, watched = [], list[Watched]()
        for thread in threads:
            self._clock.advance_to(thread.ticket.opened_at)
            done.append(await self._one(thread, watched))
        self._buffer.store(text for one in watched for text in _as_texts(one.ticket, one.texts()))
        self._buffer.add(one.event(self._buffer.references(one.ticket, one.texts())) for one in watched)
        self._buffer.flush()
        return done

    async def _one(self, thread: Thread, watched: list[Watched]) -> Replayed:
        """Route a ticket, then its human path, and only then the shadow."""
        ticket, refer = thread.ticket, self._buffer.references
        routed = self._router.decide(Arrival(ticket, thread.excluded, SOURCE))
        self._buffer.add(events_of(routed, refer(ticket, _asked(thread))))
        self._buffer.add(human_events(thread, self._export.until, refer(ticket, _answered(thread))))
        retrieved = consult(self._agent.knowledge, ticket).sources
        if thread.excluded is not None or routed.assigned.version is None:
            return Replayed(thread, routed.triage, routed.assigned, None, None, retrieved)
        answer = first_answer(thread)
        at = answer[-1].at if answer else ticket.opened_at
        seen = await self.shadow.watch(ticket, routed.triage, human_answer(thread), at)
        watched.append(seen)
        return Replayed(thread, routed.triage, routed.assigned, seen.compared, seen.reply, retrieved)


def _asked(thread: Thread) -> Mapping[str, str]:
    return {"subject": thread.ticket.subject, "text": thread.ticket.text}


def _answered(thread: Thread) -> Mapping[str, str]:
    answer = human_answer(thread)
    return {} if answer is None else {"human-reply": answer.text}


def _texts_of_thread(thread: Thread) -> Iterator[Text]:
    return _as_texts(thread.ticket, {**_asked(thread), **_answered(thread)})


def _as_texts(ticket: Ticket, parts: Mapping[str, str]) -> Iterator[Text]:
    for part, body in parts.items():
        if body:
            yield Text(ticket.tenant, ticket.customer_id, ticket.ticket_id, part, body)
