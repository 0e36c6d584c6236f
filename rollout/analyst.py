"""The analytical half of the server: follows the journal, answers reads, ticks the controller.

What it has answered is kept for a while: see ``reading``.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from policies.digest import plan_digest
from policies.plan import Plan
from rollout import page_reads
from rollout.api.inputs import Promotion
from rollout.api.orders import moved
from rollout.api.report_read import ReportAsked
from rollout.backtests import Backtests
from rollout.clock import Clock, ClockWatch, SystemClock
from rollout.controller import Controller, Recorder, Standing
from rollout.errors import BeingCounted, TransitionRefused
from rollout.following import following
from rollout.gate_path import Path as GatePath
from rollout.gate_path import Points, gate_path, recorded_path
from rollout.gating import gate as judge_gate
from rollout.gating import known_workflows, require_workflow
from rollout.ladder.state import LadderState, TrackName
from rollout.ladder.transition import BEING_JUDGED, Order, Ruling
from rollout.measure.kept_days import LEAST
from rollout.measure.usage import By, shadow_spending
from rollout.observe.figures import Figures
from rollout.observe.usage import account, period_of
from rollout.plan_keeper import PlanKeeper, told
from rollout.possible_orders import possible_orders
from rollout.prepared import MOVING_SECONDS
from rollout.reading import Reading
from rollout.record.folder import DataFolder
from rollout.report import choices, overview, require_values
from rollout.report import period_of as length_of
from rollout.status import history, status
from rollout.story import story_of
from rollout.trials.backtest import backtest, moments_between
from rollout.weekly import report_of
from rollout.what_if import Changes, changed, what_if
from rollout.yardstick import find_plan

FIRST_PERIOD: Final = "28d"
"""What the dashboard opens with."""
RULING_PATIENCE: Final = 2.0
"""Seconds for which a rollout's row waits for its first ruling; what stands in it is known without."""

_log = logging.getLogger(__name__)


class Analyst:
    """Reads and ticks over one data folder whose journal somebody else owns. Thread-safe."""

    def __init__(
        self, folder: DataFolder, record: Recorder, *, clock: Clock | None = None, large: int = LEAST
    ) -> None:
        """``large``: tickets from which on answers are prepared instead of counted while somebody waits."""
        self._folder = folder
        self._reading = Reading(folder, large)
        self._backtests = Backtests()
        self._clock = clock or SystemClock()
        self._figures = Figures()
        self._controller = Controller(
            folder.view,
            record,
            self._judge,
            clock=self._clock,
            watch=None if clock else ClockWatch(self._clock),
        )
        self._record = record
        self._keeper: PlanKeeper | None = None
        self._judged: dict[Any, Points] = {}
        """Looks of the past that paths are made of; few per step, and a step lasts for days."""

    @property
    def position(self) -> int:
        return self._reading.position

    def workflows(self, tenant: str) -> list[dict[str, Any]]:
        """Every workflow of a tenant's records: rollouts first, then desks that have only a history."""
        reading = self._reading
        if reading.is_large():
            key = ("names", tenant, reading.newest_transition())
            names: list[str] = reading.prepared.get(key, partial(self._names, tenant), longest=MOVING_SECONDS)
            return [self.workflow(tenant, name) for name in names]
        with reading.alone:
            self.catch_up()
            return [self.workflow(tenant, name) for name in self._names(tenant)]

    def _names(self, tenant: str) -> list[str]:
        started = [name for owner, name in self._controller.workflows() if owner == tenant]
        others = [name for name in known_workflows(self._folder.view, tenant) if name not in started]
        return [*started, *others]

    def workflow(self, tenant: str, name: str) -> dict[str, Any]:
        """Where one rollout stands.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.

        """
        reading = self._reading
        key: tuple[Any, ...] = ("status", tenant, name)
        if not reading.is_large():
            return reading.cached(key, partial(self._status, tenant, name))
        key = (*key, reading.newest_transition(), reading.newest_incident())
        row: dict[str, Any]
        try:
            row = reading.prepared.get(
                key,
                partial(self._status, tenant, name),
                patience=RULING_PATIENCE,
                longest=MOVING_SECONDS,
            )
        except BeingCounted:
            row = reading.prepared.get(
                ("unjudged", *key), partial(self._status, tenant, name, judged=False), longest=MOVING_SECONDS
            )
        return row

    def gate(
        self, tenant: str, name: str, track: str = "ladder", as_of: datetime | None = None
    ) -> dict[str, Any]:
        """What the gate of the step in force says.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.
            TransitionRefused: it runs no such track.

        """
        key = ("gate", tenant, name, track, as_of)
        return self._reading.counted(key, partial(self._gate, tenant, name, track, as_of), moving=True)

    def overview(
        self, tenant: str, name: str, period: str, filters: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The headlines of one workflow, of the tickets that the filters admit.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.
            UsageError: a filter names what no ticket has.

        """
        chosen = dict(filters or {})
        key = ("overview", tenant, name, period, tuple(sorted(chosen.items())))
        return self._reading.counted(key, partial(self._overview, tenant, name, period, chosen))

    def report(self, tenant: str, asked: ReportAsked) -> dict[str, Any]:
        """What `ridealong report` tells of a workflow.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.
            UsageError: the period or a filter makes no sense.

        """
        key = ("report", tenant, asked)
        return self._reading.counted(key, partial(self._report, tenant, asked), moving=True)

    def knowledge(self, tenant: str, name: str, period: str) -> dict[str, Any]:
        """What agents could not answer, and the articles they use.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.

        """
        key = ("knowledge", tenant, name, period)
        return self._reading.counted(key, lambda: page_reads.knowledge_of(self._about(tenant, name, period)))

    def quality(self, tenant: str, name: str, period: str) -> dict[str, Any]:
        """Violations, latency, cost and drift.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.

        """
        key = ("quality", tenant, name, period)
        return self._reading.counted(key, lambda: page_reads.quality_of(self._about(tenant, name, period)))

    def trail(self, tenant: str, what: str = "") -> dict[str, Any]:
        """Who did what, newest first, and whether the newest records are what was written."""
        return self._reading.counted(
            ("trail", tenant, what),
            lambda: page_reads.trail_of(self._folder, tenant, what, self._clock.now()),
            moving=True,
        )

    def story(self, tenant: str, ticket_id: str) -> dict[str, Any]:
        """Who decided what of one ticket; see ``story``.

        Raises:
            UnknownTicket: nothing is on record of it.

        """
        self.catch_up()
        return story_of(self._folder.view, self._folder.path, tenant, ticket_id)

    def backtest(self, tenant: str, name: str, changes: Changes, every: str) -> dict[str, Any]:
        """How the backtest of a plan with changes stands; begun by the first to ask.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.
            UsageError: the change breaks a rule of plans, or there is nothing to look at.

        """
        self.catch_up()
        plan = changed(self._plan(tenant, name), changes)
        view, distance = self._folder.view, length_of(every)
        assert distance is not None
        looks = moments_between(view, plan, workflow=name, every=distance)

        def run(progress: Callable[[int], None]) -> dict[str, Any]:
            return backtest(view, plan, workflow=name, every=distance, progress=progress).to_json()

        told = self._backtests.ask((tenant, name, repr(changes), every, plan_digest(plan)), looks, run)
        return told | {"workflow": name, "every": every}

    def _about(self, tenant: str, name: str, period: str) -> page_reads.About:
        standing = self._standing(tenant, name)
        plan = None if standing is None else standing.plan
        return page_reads.About(self._folder.view, tenant, name, period, self._clock.now(), plan)

    def path(self, tenant: str, name: str, track: str = "ladder") -> dict[str, Any]:
        """How each comparison of the gate in force came to stand where it stands.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.
            TransitionRefused: it runs no such track.

        """
        if self._reading.is_large():  # recorded looks, and a gate that is kept: nothing to wait for
            return self._path_of(tenant, name, TrackName(track))
        with self._reading.alone:
            self.catch_up()
            return self._path_of(tenant, name, TrackName(track))

    def _path_of(self, tenant: str, name: str, track: TrackName) -> dict[str, Any]:
        standing = self._standing(tenant, name)
        if standing is None or standing.state.track(track) is None:
            raise TransitionRefused(f"{name} runs no {track}, so no gate has a path yet")
        return self._path(standing, track).to_json() | {"workflow": name}

    def what_if(self, tenant: str, name: str, changes: Changes) -> dict[str, Any]:
        """How long the steps of a plan would take with other weights, margins or volume.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.
            UsageError: the change breaks a rule of plans, or nobody knows the volume.

        """
        key = ("what_if", tenant, name, repr(changes))
        return self._reading.counted(key, partial(self._what_if, tenant, name, changes), moving=True)

    def promote(self, name: str, asked: Promotion) -> dict[str, Any]:
        """Leave a step on a person's word, on the evidence of this moment.

        Raises:
            UnknownWorkflow, TransitionRefused: see ``Controller.promote``.

        """
        with self._reading.alone:
            self.catch_up()
            now = self._clock.now()
            given = Order(asked.actor, asked.reason, now, asked.override, asked.two_person)
            change = self._controller.promote(name, TrackName(asked.track), given, asked.tenant)
            self.catch_up()
            return moved(change)

    def usage(
        self, tenant: str | None, since: datetime | None, until: datetime | None, by: By
    ) -> dict[str, Any]:
        """What was used in a period, by a tenant or by everybody.

        Raises:
            UsageError: see ``observe.usage``.

        """
        begin, end = period_of(since, until, self._clock.now())
        with self._reading.alone:
            self.catch_up()
            return account(self._folder.view, begin, end, by, tenant)

    def catch_up(self) -> int:
        """Apply what was recorded since; how many events."""
        return self._reading.catch_up()

    def tick(self) -> None:
        """Let the controller look once."""
        self.catch_up()
        # Without the lock: on a large desk a look takes seconds, and of two who move a rollout at once
        # the record takes only one.
        for change in self._controller.tick():
            _log.warning("%s: %s", change.state.workflow, change.sentence)
        self._figures.shadow = shadow_spending(self._folder.view, self._clock.now().date())
        self._prepare()

    def _prepare(self) -> None:
        """Have the first page of every rollout counted before anybody opens it."""
        if self._reading.is_large():
            for tenant, name in self._controller.workflows():
                make = partial(self._overview, tenant, name, FIRST_PERIOD, {})
                self._reading.prepared.begin(("overview", tenant, name, FIRST_PERIOD, ()), make)

    def figures(self) -> dict[str, Any]:
        """Position, plan files and what the last tick saw, of all tenants; waits for nothing."""
        files = told(self._keeper.files if self._keeper is not None else {}, "")
        counts = {state: files[state] for state in ("refused", "waiting")}
        return {"position": self.position, "plans": counts, "figures": self._figures.to_json()}

    def keep_plans(self, folder: Path) -> None:
        """Have the rollouts follow the plans of a folder from now on."""
        self._keeper = PlanKeeper(folder, self._controller, self._record, self._clock)

    def keep_up(self) -> None:
        """Take in what was recorded, and what changed in the folder of plans."""
        with self._reading.alone:
            self.catch_up()
            if self._keeper is not None and self._keeper.look():
                self.catch_up()

    def plans(self, tenant: str) -> dict[str, Any]:
        """How the files of the folder of plans stand; those of one tenant by name."""
        keeper = self._keeper
        return {
            **told(keeper.files if keeper is not None else {}, tenant),
            "looked": keeper is None or keeper.looked,
        }

    @contextmanager
    def following(self, plans: Path | None, *, poll: float, tick: float) -> Iterator[None]:
        """Follow the journal in a thread of its own for as long as the block runs."""
        if plans is not None:
            self.keep_plans(plans)
        try:
            with following(self, poll=poll, tick=tick):
                yield
        finally:
            self._backtests.close()
            self._reading.prepared.close()

    def _judge(self, plan: Plan, state: LadderState, track: TrackName, now: datetime) -> Ruling:
        report = judge_gate(
            self._folder.view,
            plan,
            state.workflow,
            now,
            state=state,
            track=track.value,
            tenant=state.tenant,
        )
        ruling = report.judgement.ruling(report.to_json())
        self._figures.looked(state.tenant, state.workflow, track.value, ruling)
        return ruling

    def _status(self, tenant: str, name: str, *, judged: bool = True) -> dict[str, Any]:
        """A rollout's row; without its gates where nobody waits for a look at them."""
        standing, now = self._standing(tenant, name), self._clock.now()
        if standing is None:
            return history(name, tenant)
        unknown = dict.fromkeys(TrackName, BEING_JUDGED)
        rulings = self._controller.rulings(standing, now) if judged else unknown
        row = status(standing, rulings, now, self._transitions(tenant, name))
        return row | {"orders": possible_orders(self._folder.view, standing, rulings, now)}

    def _standing(self, tenant: str, name: str) -> Standing | None:
        """Where it stands; None where it has records but no rollout.

        Raises:
            UnknownWorkflow: nothing was ever recorded about it.

        """
        require_workflow(self._folder.view, name, tenant)
        if (tenant, name) in self._controller.workflows():
            return self._controller.standing(name, tenant)
        return None

    def _transitions(self, tenant: str, name: str) -> list[dict[str, Any]]:
        wanted = ("seq", "at", "action", "track", "from_step", "to_step", "reason", "sentence", "actor")
        return [
            {key: row[key] for key in wanted} | {"at": _iso(row["at"])}
            for row in self._folder.view.transitions(tenant, name)
        ]

    def _gate(self, tenant: str, name: str, track: str, as_of: datetime | None) -> dict[str, Any]:
        standing, view = self._standing(tenant, name), self._folder.view
        state = None if standing is None else standing.state
        if track == TrackName.CANARY and (state is None or state.canary is None):
            raise TransitionRefused(f"{name} runs no canary, so there is no gate to look at")
        plan = find_plan(view, name, tenant=tenant).plan if standing is None else standing.plan
        moment = as_of or self._clock.now()
        return judge_gate(
            view, plan, name, moment, state=state, track=track, tenant=tenant, forecast=True
        ).to_json()

    def _overview(self, tenant: str, name: str, period: str, filters: dict[str, str]) -> dict[str, Any]:
        standing, now, view = self._standing(tenant, name), self._clock.now(), self._folder.view
        plan = None if standing is None else standing.plan
        require_values(view, name, filters, tenant)
        found = overview(view, name, now, period=period, tenant=tenant, plan=plan, filters=filters)
        return found.to_json() | {"choices": choices(view, name, tenant)}

    def _report(self, tenant: str, asked: ReportAsked) -> dict[str, Any]:
        view, name = self._folder.view, asked.workflow
        require_workflow(view, name, tenant)
        found, moment = find_plan(view, name, tenant=tenant), asked.as_of or self._clock.now()
        told = report_of(
            view,
            name,
            found,
            moment,
            period=asked.period,
            filters=dict(asked.filters),
            tenant=tenant,
            week=asked.week,
        )
        return told.to_json()

    def _path(self, standing: Standing, track: TrackName) -> GatePath:
        view, state, now = self._folder.view, standing.state, self._clock.now()
        if not self._reading.is_large():
            return gate_path(view, standing.plan, state, now, track=track, known=self._judged)
        reports = [
            row["evidence"]
            for row in view.transitions(state.tenant, state.workflow)
            if row["track"] == track.value and row["evidence"]
        ]
        newest = self.gate(state.tenant, state.workflow, track.value)
        return recorded_path(state, track, [each for each in reports if "metrics" in each] + [newest])

    def _what_if(self, tenant: str, name: str, changes: Changes) -> dict[str, Any]:
        return what_if(self._folder.view, self._plan(tenant, name), name, changes, self._clock.now())

    def _plan(self, tenant: str, name: str) -> Plan:
        """The pinned plan, or where nothing was started the one its desk would be judged by."""
        standing = self._standing(tenant, name)
        return find_plan(self._folder.view, name, tenant=tenant).plan if standing is None else standing.plan


def _iso(moment: datetime) -> str:
    """A time of the view, which holds UTC without a zone, as the doors write it."""
    return moment.replace(tzinfo=UTC).isoformat()
