"""Any sequence of ticks and orders keeps the split legal and quarantined versions out."""

import contextlib
from datetime import UTC, datetime, timedelta

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from policies.plan import Plan
from policies.vocabulary import Mode
from rollout.errors import TransitionRefused
from rollout.ladder import actions
from rollout.ladder.revision import adopt
from rollout.ladder.state import LadderState, Status, TrackName
from rollout.ladder.steps import advance, consider
from rollout.ladder.transition import Decision, Order, Ruling

tracks = st.sampled_from(TrackName)
decisions = st.sampled_from(Decision)
VERSIONS = ("resolution@1.2.0", "resolution@1.3.0", "resolution@1.4.0")


def plan_with(on_fail: str, holdout: int, canary: str, approval: bool) -> Plan:
    steps = [
        {
            "name": "shadow",
            "mode": "shadow",
            "min_duration": "2d",
            "shadow": {"budget_usd_per_day": 1.0, "concurrency": 1, "deadline": "5s"},
        },
        {"name": "assist", "mode": "assist", "set_weight": 5},
        {"name": "ten", "set_weight": 10, "min_duration": "1d", "approval": approval},
        {"name": "thirty", "set_weight": 30, "consecutive_passes": 2},
        {"name": "full", "set_weight": 100},
    ]
    rungs = [{"name": "canary", "set_weight": 5}, {"name": "half", "set_weight": 50, "min_duration": "1d"}]
    return Plan.model_validate(
        {
            "workflow": "w",
            "owners": {"workflow": "support-lead", "technical": "platform-team", "escalation": "desk-lead"},
            "unit": "customer",
            "salt": "w-2026",
            "holdout": holdout,
            "agent": VERSIONS[0],
            "steps": steps,
            "canary": {"agent": canary, "steps": rungs},
            "metrics": {"csat": {"margin": 0.15}},
            "inference": {"alpha": 0.05, "power": 0.8},
            "on_fail": on_fail,
            "freeze": ["2026-03-08/2026-03-09"],
        }
    )


class Ladder(RuleBasedStateMachine):
    """One workflow under a hostile mixture of gates, clocks and people."""

    @initialize(
        on_fail=st.sampled_from(["roll_back", "pause"]),
        holdout=st.sampled_from([0, 5, 40]),
        approval=st.booleans(),
    )
    def begin(self, on_fail: str, holdout: int, approval: bool) -> None:
        self.now = datetime(2026, 3, 2, tzinfo=UTC)
        self.make = lambda canary: plan_with(on_fail, holdout, canary, approval)
        self.plan = self.make(VERSIONS[1])
        self.state = actions.start(self.plan, "d", None, self.order()).state

    def order(self, override: bool = False) -> Order:
        return Order("somebody", "because", self.now, override)

    def take(self, change) -> None:
        self.state = change.state

    def try_to(self, action, *arguments) -> None:
        with contextlib.suppress(TransitionRefused):
            self.take(action(*arguments))

    @rule(hours=st.sampled_from([-48, -1, 0, 1, 13, 24, 72]))
    def pass_time(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(ladder=decisions, canary=decisions)
    def tick(self, ladder: Decision, canary: Decision) -> None:
        before = self.state
        rulings = {
            TrackName.LADDER: Ruling(ladder, "REASON", "a sentence"),
            TrackName.CANARY: Ruling(canary, "REASON", "a sentence"),
        }
        change = advance(self.plan, before, rulings, self.now)
        harmed = ladder is Decision.ROLL_BACK and before.ladder.open
        if harmed and self.plan.on_fail == "roll_back":
            assert change is not None
            assert change.action == "roll_back"
            assert change.state.shares.weight == 0
        if change is None:
            return
        after = change.state
        assert after.ladder.index - before.ladder.index in (0, 1)
        if after.shares.weight > before.shares.weight:
            assert ladder is Decision.PROMOTE
            assert self.now >= before.changed_at
            assert consider(self.plan, before, TrackName.LADDER, rulings[TrackName.LADDER], self.now).decision
        self.take(change)

    @rule(track=tracks, decision=decisions, override=st.booleans())
    def promote(self, track: TrackName, decision: Decision, override: bool) -> None:
        ruling = Ruling(decision, "REASON", "a sentence")
        before = self.state
        self.try_to(actions.promote, self.plan, before, track, ruling, self.order(override))
        if decision is Decision.ROLL_BACK:
            assert self.state is before

    @rule(track=tracks, action=st.sampled_from([actions.pause, actions.resume, actions.abort]))
    def command(self, track: TrackName, action) -> None:
        self.try_to(action, self.plan, self.state, track, self.order())

    @rule(version=st.sampled_from(VERSIONS))
    def readmit(self, version: str) -> None:
        weights = (self.state.shares.weight, self.state.shares.canary_weight)
        self.try_to(actions.readmit, self.plan, self.state, version, self.order())
        assert (self.state.shares.weight, self.state.shares.canary_weight) == weights

    @rule()
    def start(self) -> None:
        self.try_to(actions.start, self.plan, "d", self.state, self.order())

    @rule()
    def start_canary(self) -> None:
        self.try_to(actions.start_canary, self.plan, self.state, self.order())

    @rule(canary=st.sampled_from(VERSIONS[1:]), confirmed=st.booleans())
    def adopt(self, canary: str, confirmed: bool) -> None:
        revised = self.make(canary)
        with contextlib.suppress(TransitionRefused):
            self.take(adopt(revised, "e", self.plan, self.state, self.order(confirmed)))
            self.plan = revised

    @invariant()
    def the_split_is_legal(self) -> None:
        shares = self.state.shares
        assert 0 <= shares.weight <= 100 - shares.holdout
        assert 0 <= shares.canary_weight <= 100
        assert shares.canary is not None or shares.canary_weight == 0
        canary = shares.weight * shares.canary_weight / 100
        stable = shares.weight - canary
        humans = 100 - shares.weight
        assert min(canary, stable, humans) >= 0
        assert canary + stable + humans == 100
        assert shares.weight == 0 or shares.mode is not Mode.SHADOW

    @invariant()
    def quarantined_versions_get_nothing(self) -> None:
        shares = self.state.shares
        if self.state.shares.stable in self.state.quarantined:
            assert shares.weight == 0
        assert shares.canary not in self.state.quarantined
        for track in (self.state.ladder, self.state.canary):
            assert track is None or not track.open or track.version not in self.state.quarantined

    @invariant()
    def an_aborted_ladder_has_no_traffic(self) -> None:
        if self.state.ladder.status is Status.ABORTED:
            assert self.state.shares.weight == 0
            assert self.state.shares.mode is Mode.LIVE

    @invariant()
    def the_state_survives_the_journal(self) -> None:
        assert LadderState.from_json(orjson.loads(orjson.dumps(self.state.to_json()))) == self.state


TestLadder = Ladder.TestCase
TestLadder.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
