"""The slow loop: read where a workflow stands, judge, step, record. Deciding lives in ``ladder``.

A transition's event id names the transition it follows, so of two who decide on the same state only
one is recorded; the other finds that out and looks again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson

from policies.digest import plan_digest
from policies.plan import Plan, plan_from_json, plan_to_json
from rollout.clock import Clock, ClockWatch, SystemClock
from rollout.errors import ConflictingEvent, TransitionRefused, UnknownWorkflow
from rollout.holding import Holds
from rollout.incidents.blocking import opened_by
from rollout.ladder import actions
from rollout.ladder.revision import adopt, changes
from rollout.ladder.state import LadderState, TrackName
from rollout.ladder.steps import advance
from rollout.ladder.transition import Decision, Order, Ruling, Rulings, Transition
from rollout.records import Event, Kind, PlanPinned

Judge = Callable[[Plan, LadderState, TrackName, datetime], Ruling]
"""What the gates say of one track as of a moment."""

_log = logging.getLogger(__name__)


class Answers(Protocol):
    """What the controller needs of the view."""

    def query(self, sql: str, params: Any = ()) -> list[dict[str, Any]]: ...


Recorder = Callable[[Sequence[Event]], Sequence[Any]]
"""Makes events durable; receipts with ``seq``. Raises ConflictingEvent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a workflow stands under its pinned plan."""

    plan: Plan
    state: LadderState
    seq: int
    """Of the transition that made it so."""


class Controller:
    """Moves workflows.

    ``told`` hears of every transition recorded here, with its number. With a ``watch`` nothing climbs
    while the clock is off what has passed.
    """

    def __init__(
        self,
        view: Answers,
        record: Recorder,
        judge: Judge,
        *,
        clock: Clock | None = None,
        told: Callable[[Transition, int], None] | None = None,
        watch: ClockWatch | None = None,
    ) -> None:
        self._view = view
        self._record = record
        self._judge = judge
        self._clock = clock or SystemClock()
        self._told = told
        self._holds = Holds(view, watch)

    def workflows(self) -> list[tuple[str, str]]:
        """Tenant and name of every workflow that was ever started."""
        rows = self._view.query("SELECT DISTINCT tenant, workflow FROM transitions ORDER BY ALL")
        return [(row["tenant"], row["workflow"]) for row in rows]

    def standing(self, workflow: str, tenant: str = "default") -> Standing:
        """Where the workflow stands now.

        Raises:
            UnknownWorkflow: it was never started.

        """
        rows = self._view.query(
            "SELECT t.seq, t.state, p.plan FROM transitions t JOIN plans p"
            " ON p.tenant = t.tenant AND p.workflow = t.workflow AND p.digest = t.plan_digest"
            " WHERE t.tenant = ? AND t.workflow = ? ORDER BY t.seq DESC LIMIT 1",
            [tenant, workflow],
        )
        if not rows:
            started = ", ".join(name for owner, name in self.workflows() if owner == tenant) or "none"
            raise UnknownWorkflow(
                f"no rollout of {workflow!r} was started; started: {started}. "
                "Begin one with `ridealong start PLAN_FILE`"
            )
        state = LadderState.from_json(orjson.loads(rows[0]["state"]))
        return Standing(plan_from_json(orjson.loads(rows[0]["plan"])), state, rows[0]["seq"])

    def tick(self) -> list[Transition]:
        """Judge every workflow once and take the steps that are due, at most one each."""
        taken = []
        for tenant, workflow in self.workflows():
            standing = self.standing(workflow, tenant)
            now = self._clock.now()
            change = advance(standing.plan, standing.state, self.rulings(standing, now), now)
            if change is None:
                continue
            try:
                self._make(change, after=standing.seq)
            except ConflictingEvent:
                _log.info("%s/%s was moved meanwhile; it is judged again at the next tick", tenant, workflow)
            else:
                taken.append(change)
        return taken

    def rulings(self, standing: Standing, now: datetime) -> Rulings:
        """What the gates say of each track that has traffic, paused and completed ones included."""
        tracks = [name for name in TrackName if (track := standing.state.track(name)) and track.open]
        return {name: self._ruling(standing, name, now) for name in tracks}

    def start(self, plan: Plan, source: str, order: Order) -> Transition:
        """Begin the plan's rollout at its first step.

        Raises:
            TransitionRefused: see ``ladder.actions.start``; or a severe incident is open.

        """
        try:
            before: Standing | None = self.standing(plan.workflow, plan.tenant)
        except UnknownWorkflow:
            before = None
        self._holds.refuse_while_severe("start", plan.tenant, plan.workflow)
        digest = plan_digest(plan)
        change = actions.start(plan, digest, before.state if before else None, order)
        return self._ordered(change, before.seq if before else 0, (plan, source))

    def adopt(self, plan: Plan, source: str, order: Order) -> Transition:
        """Put a revised plan under the running rollout.

        Raises:
            UnknownWorkflow: there is none.
            TransitionRefused: see ``ladder.revision.adopt``; or it widens while a severe incident is open.

        """
        standing = self.standing(plan.workflow, plan.tenant)
        if not all(change.restricts for change in changes(standing.plan, plan, standing.state)):
            self._holds.refuse_while_severe("a plan that does more than restrict", plan.tenant, plan.workflow)
        change = adopt(plan, plan_digest(plan), standing.plan, standing.state, order)
        return self._ordered(change, standing.seq, (plan, source))

    def promote(self, workflow: str, name: TrackName, order: Order, tenant: str = "default") -> Transition:
        """Leave a step on a person's word, judged at this moment.

        Raises:
            UnknownWorkflow: it was never started.
            TransitionRefused: see ``ladder.actions.promote``.

        """

        def promoted(plan: Plan, state: LadderState) -> Transition:
            standing = Standing(plan, state, 0)
            ruling = self._ruling(standing, name, order.at)
            other = TrackName.CANARY if name is TrackName.LADDER else TrackName.LADDER
            if (track := state.track(other)) and track.open:
                harm = self._ruling(standing, other, order.at)
                if harm.decision is Decision.ROLL_BACK:
                    raise TransitionRefused(f"the {other} is about to be rolled back: {harm.sentence}")
            return actions.promote(plan, state, name, ruling, order)

        return self.order(workflow, promoted, tenant)

    def start_canary(self, workflow: str, order: Order, tenant: str = "default") -> Transition:
        """Begin the canary of the pinned plan.

        Raises:
            UnknownWorkflow: the workflow was never started.
            TransitionRefused: see ``ladder.actions.start_canary``; or a severe incident is open.

        """
        self._holds.refuse_while_severe("start --canary", tenant, workflow)
        return self.order(workflow, lambda plan, state: actions.start_canary(plan, state, order), tenant)

    def resume(self, workflow: str, name: TrackName, order: Order, tenant: str = "default") -> Transition:
        """Let a paused track climb again.

        Raises:
            UnknownWorkflow: it was never started.
            TransitionRefused: see ``ladder.actions.resume``; or a severe incident is open.

        """
        self._holds.refuse_while_severe("resume", tenant, workflow)
        return self.order(workflow, lambda plan, state: actions.resume(plan, state, name, order), tenant)

    def order(
        self, workflow: str, make: Callable[[Plan, LadderState], Transition], tenant: str = "default"
    ) -> Transition:
        """Record what ``make`` (an action of ``ladder.actions``) derives from the current state.

        Raises:
            UnknownWorkflow: it was never started.
            TransitionRefused: the action refuses, or the workflow was moved meanwhile.

        """
        standing = self.standing(workflow, tenant)
        return self._ordered(make(standing.plan, standing.state), standing.seq)

    def _ruling(self, standing: Standing, name: TrackName, now: datetime) -> Ruling:
        try:
            return self._holds.held(standing.state, self._judge(standing.plan, standing.state, name, now))
        except Exception as error:  # noqa: BLE001 - whatever breaks in judging, the rollout holds
            _log.exception("judging %s/%s failed; it is held", standing.state.workflow, name)
            told = f"the gate could not be judged ({type(error).__name__}); see the log"
            return Ruling(Decision.HOLD, "NOT_JUDGED", told)

    def _ordered(self, change: Transition, after: int, pin: tuple[Plan, str] | None = None) -> Transition:
        try:
            return self._make(change, after=after, pin=pin)
        except ConflictingEvent:
            raise TransitionRefused(
                f"{change.state.workflow} was moved by somebody else meanwhile; look at its status again"
            ) from None

    def _make(self, change: Transition, *, after: int, pin: tuple[Plan, str] | None = None) -> Transition:
        state = change.state
        events = [] if pin is None else self._pinned(change, *pin)
        events.append(
            Event(
                event_id=f"transition:{state.workflow}:{after}",
                kind=Kind.TRANSITION,
                occurred_at=change.at,
                payload=change.record(),
                tenant=state.tenant,
                workflow=state.workflow,
                actor=change.actor,
            )
        )
        incident = opened_by(change, after)
        receipts = self._record(events if incident is None else [*events, incident])
        if self._told is not None:
            self._told(change, receipts[len(events) - 1].seq)
        return change

    def _pinned(self, change: Transition, plan: Plan, source: str) -> list[Event]:
        digest = change.state.plan_digest
        known = self._view.query(
            "SELECT 1 FROM plans WHERE tenant = ? AND workflow = ? AND digest = ?",
            [plan.tenant, plan.workflow, digest],
        )
        if known:
            return []
        return [
            Event(
                event_id=f"plan:{plan.workflow}:{digest}",
                kind=Kind.CONFIG,
                occurred_at=change.at,
                payload=PlanPinned(digest, plan_to_json(plan), source),
                tenant=plan.tenant,
                workflow=plan.workflow,
                actor=change.actor,
            )
        ]
