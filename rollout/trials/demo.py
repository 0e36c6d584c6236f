"""Ten weeks of a simulated desk through the real router, controller, ladder, journal and view.

Nothing here decides: the plan's gates do, on what the record holds. The one person in it is a
scripted release manager who starts what is to be started and approves what the gates let through.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from policies.load import load_manifest, load_plan
from policies.manifest import AgentVersion
from policies.plan import Plan
from rollout.clock import SimulatedClock
from rollout.controller import Controller, Standing
from rollout.errors import TransitionRefused, UsageError
from rollout.gating import gate
from rollout.ladder.actions import start_canary
from rollout.ladder.state import LadderState, Status, TrackName, steps_of
from rollout.ladder.transition import NOT_JUDGED, Order, Ruling, Transition
from rollout.record.folder import DataFolder
from rollout.router import Arrival, Routed, Router
from rollout.trials.desk_calls import DeskCalls
from rollout.trials.desk_day import Appeal, events_of, service_of
from rollout.trials.desk_evening import drafts
from rollout.trials.desk_texts import Texts
from rollout.trials.world import Size, Visit, World

if TYPE_CHECKING:
    from rollout.records import Event

POLICIES: Final = Path(__file__).resolve().parent.parent.parent / "policies"
PLAN: Final = POLICIES / "rollouts" / "demo.yaml"
MANAGER: Final = "demo-release-manager"
APPEAL: Final = {
    "demo@1.0.0": Appeal(satisfaction=0.25, unhelped=-0.02),
    # It keeps what it should hand off, and tells customers to read the help centre.
    "demo@1.1.0": Appeal(satisfaction=-0.6, unhelped=0.12),
}
_SETTLED: Final = timedelta(days=4)
"""How long the ladder's last step runs before the update is tried."""

_LOOK_EVERY: Final = 2
"""Days from one look of the slow loop to the next; daily while an update is tried. The evidence holds at any
cadence, so looking less often only saves time."""

_WATCH_HOURS: Final = 4

Teller = Callable[[Transition, int], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What of the demo can be chosen."""

    weeks: int = 10
    seed: int = 1
    until: date | None = None
    """The simulated time ends at this day's midnight, UTC; today's where left out."""
    size: Size = field(default_factory=Size)

    @property
    def days(self) -> list[date]:
        end = self.until or datetime.now(UTC).date()
        return [end - timedelta(days=n) for n in range(self.weeks * 7, 0, -1)]


@dataclass(slots=True)
class Summary:
    """What a run left behind."""

    workflow: str
    tickets: int = 0
    events: int = 0
    """Records in the journal."""
    transitions: list[Transition] = field(default_factory=list)


def simulate(
    data: Path, settings: Settings, *, tell: Teller | None = None, done: Callable[[int], None] | None = None
) -> Summary:
    """Run the demo into a data folder.

    Args:
        data: a new or empty data folder.
        settings: seed, length, end and size.
        tell: hears of every transition as it is recorded, with its number.
        done: hears after each simulated day how many are over.

    Raises:
        UsageError: the folder holds records already, or is in use.

    """
    clock = SimulatedClock(datetime.combine(settings.days[0], time.min, UTC))
    with DataFolder.open(data, clock=clock, holder="ridealong demo") as folder:
        if folder.journal.head().seq:
            raise UsageError(
                f"{data} holds records already, and a simulation would mix with them; "
                "name another folder with --data"
            )
        run = _Run(folder, clock, settings, tell)
        run.begin()
        for over, day in enumerate(settings.days, start=1):
            run.live(day)
            if done is not None:
                done(over)
        run.end()
        run.summary.events = folder.journal.head().seq
    return run.summary


class _Run:
    """One simulation: the desk's days, and the slow loop at the end of each."""

    def __init__(
        self, folder: DataFolder, clock: SimulatedClock, settings: Settings, tell: Teller | None
    ) -> None:
        self.folder, self.clock, self.settings = folder, clock, settings
        self.plan = load_plan(PLAN)
        self.world = World(self.plan.workflow, settings.seed, settings.size)
        manifests = _manifests(self.plan)
        self.services = {
            version: service_of(manifest, APPEAL[version]) for version, manifest in manifests.items()
        }
        self.router = Router(folder.journal, folder.content, clock=clock)
        folder.content.nonces = Random(settings.seed).randbytes  # noqa: S311 - made-up texts hide nothing
        self.texts = Texts(folder.content)
        self.controller = Controller(folder.view, folder.record, self._judge, clock=clock, told=self._obey)
        self.calls = DeskCalls(
            folder, self.router, clock, lambda: self.controller.standing(self.plan.workflow), manifests
        )
        self.summary = Summary(self.plan.workflow)
        self._tell = tell
        self._upcoming: list[tuple[datetime, int, Event]] = []
        self._order = itertools.count()
        self._looked_at: tuple[TrackName, datetime, LadderState] | None = None
        self._ruling = NOT_JUDGED

    def begin(self) -> None:
        self.controller.start(self.plan, str(PLAN.name), self._says("the baseline is recorded, let it watch"))
        self.folder.catch_up()

    def live(self, day: date) -> None:
        """One day: tickets and outcomes as they come, then a look at the gates."""
        midnight, seen = datetime.combine(day, time.min, UTC), len(self.summary.transitions)
        closing = midnight + timedelta(days=1) if day == self.settings.days[-1] else None
        for end, visits in _by_watch(midnight, self.world.visits(day)):
            if end == closing:
                self._close(visits)
            else:
                self._serve(visits)
            self.clock.advance_to(end)
            self._record_due(end)
        if not self._time_to_look(day):
            return
        self.folder.catch_up()
        if not self.controller.tick():
            self._manage()
        if len(self.summary.transitions) > seen:
            self.folder.catch_up()

    def end(self) -> None:
        """Leave something to decide for whoever opens the desk."""
        version = self.plan.agent
        waiting = list(drafts(self.texts.newest(), version, self.clock.now()))
        if waiting:
            self.folder.record(self.texts.kept(waiting))
        self.folder.catch_up()

    def _time_to_look(self, day: date) -> bool:
        last = self.summary.transitions[-1] if self.summary.transitions else None
        trying = last is not None and last.state.canary is not None and last.state.canary.open
        return trying or (self.settings.days[-1] - day).days % _LOOK_EVERY == 0

    def _serve(self, visits: Sequence[Visit]) -> None:
        if visits:
            self._happens(visits, self._routed(visits))

    def _close(self, visits: Sequence[Visit]) -> None:
        """The last hours, one by one: where the agent would change something it is asked there and then."""
        for visit in visits:
            routed = self._routed([visit])
            if not self.calls.taken(visit, routed[0]):
                self._happens([visit], routed)

    def _routed(self, visits: Sequence[Visit]) -> list[Routed]:
        decided: list[Routed] = []
        for visit in visits:
            self.clock.advance_to(visit.ticket.opened_at)
            decided.append(self.router.decide(Arrival(visit.ticket, source="demo")))
        routed = self.router.record(decided)
        self.summary.tickets += len(routed)
        self.texts.remember(visits, routed)
        return routed

    def _happens(self, visits: Sequence[Visit], routed: Sequence[Routed]) -> None:
        """What becomes of tickets, each event in its time."""
        for event in events_of(self.world, visits, routed, self.services):
            heapq.heappush(self._upcoming, (event.occurred_at, next(self._order), event))

    def _record_due(self, now: datetime) -> None:
        due = []
        while self._upcoming and self._upcoming[0][0] <= now:
            due.append(heapq.heappop(self._upcoming)[2])
        if due:
            self.folder.record(self.texts.worded(due))

    def _manage(self) -> None:
        """What the release manager does with a day on which nothing moved by itself."""
        standing = self.controller.standing(self.plan.workflow)
        ladder, now = standing.state.ladder, self.clock.now()
        settled = now - ladder.entered_at >= _SETTLED
        if (
            standing.state.canary is None
            and settled
            and ladder.index == len(self.plan.steps) - 1
            and ladder.open
        ):
            reason = "the weekly update, tried on a tenth of the agent's customers first"
            self.controller.order(
                self.plan.workflow, lambda plan, state: start_canary(plan, state, self._says(reason))
            )
        elif _may_wait_for_approval(standing, now):
            with suppress(TransitionRefused):  # the gate has not passed yet; tomorrow is another day
                order = self._says("read the comparisons and the gate, agreed")
                self.controller.promote(self.plan.workflow, TrackName.LADDER, order)

    def _says(self, reason: str) -> Order:
        return Order(MANAGER, reason, self.clock.now())

    def _judge(self, plan: Plan, state: LadderState, name: TrackName, now: datetime) -> Ruling:
        looked_at = (name, now, state)
        if looked_at != self._looked_at:  # the manager reads the report of the tick, not one of their own
            report = gate(self.folder.view, plan, state.workflow, now, state=state, track=name.value)
            self._looked_at, self._ruling = looked_at, report.ruling
        return self._ruling

    def _obey(self, change: Transition, seq: int) -> None:
        record = change.record()
        payload: dict[str, Any] = {"state": record.state, "plan_digest": record.plan_digest}
        self.router.obey(change.state.tenant, change.state.workflow, payload, seq)
        self.summary.transitions.append(change)
        if self._tell is not None:
            self._tell(change, seq)


def _manifests(plan: Plan) -> dict[str, AgentVersion]:
    versions = [plan.agent, *([plan.canary.agent] if plan.canary is not None else [])]
    return {version: load_manifest(POLICIES / "agents" / f"{version}.yaml") for version in versions}


def _by_watch(midnight: datetime, visits: Sequence[Visit]) -> Iterator[tuple[datetime, list[Visit]]]:
    """The day in parts, each with its end and the tickets opened in it: one write for each."""
    waiting = list(reversed(visits))
    for hour in range(_WATCH_HOURS, 25, _WATCH_HOURS):
        end = midnight + timedelta(hours=hour)
        batch = []
        while waiting and waiting[-1].ticket.opened_at < end:
            batch.append(waiting.pop())
        yield end, batch


def _may_wait_for_approval(standing: Standing, now: datetime) -> bool:
    track = standing.state.ladder
    step = steps_of(standing.plan, TrackName.LADDER)[track.index]
    return track.status is Status.RUNNING and step.approval and now - track.entered_at >= step.min_duration
