"""The slow loop over a real journal and view, with a scripted judge."""

from datetime import UTC, datetime, timedelta

import pytest

from policies.plan import Plan
from rollout.clock import SimulatedClock
from rollout.controller import Controller
from rollout.errors import TransitionRefused, UnknownWorkflow
from rollout.ladder import actions
from rollout.ladder.state import Status, TrackName
from rollout.ladder.transition import Decision, Order, Ruling
from rollout.record.folder import DataFolder
from rollout.records import Kind
from rollout.router import Router

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LADDER, CANARY = TrackName.LADDER, TrackName.CANARY
PASS = Ruling(Decision.PROMOTE, "NON_INFERIOR", "every gate passed", {"csat": "PASS"})
HOLD = Ruling(Decision.HOLD, "UNDERPOWERED", "csat needs 400 more tickets")
FAIL = Ruling(Decision.ROLL_BACK, "INFERIOR", "csat is worse by more than its margin")


def a_plan(**changes) -> Plan:
    return Plan.model_validate(
        {
            "workflow": "tier1-support",
            "owners": {"workflow": "support-lead", "technical": "platform-team", "escalation": "desk-lead"},
            "unit": "customer",
            "salt": "tier1-2026",
            "agent": "resolution@1.2.0",
            "steps": [
                {"name": "ten", "set_weight": 10},
                {"name": "thirty", "set_weight": 30},
                {"name": "full", "set_weight": 100},
            ],
            "metrics": {"csat": {"margin": 0.15}},
            "inference": {"alpha": 0.05, "power": 0.8},
            **changes,
        }
    )


class Script:
    """A judge that says what it is told to."""

    def __init__(self) -> None:
        self.says = {LADDER: HOLD, CANARY: HOLD}
        self.asked = []

    def __call__(self, plan, state, name, now):
        self.asked.append((name, state.ladder.status, now))
        ruling = self.says[name]
        if isinstance(ruling, Exception):
            raise ruling
        return ruling


@pytest.fixture
def folder(tmp_path):
    with DataFolder.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def clock():
    return SimulatedClock(NOW)


@pytest.fixture
def judge():
    return Script()


@pytest.fixture
def told():
    return []


@pytest.fixture
def controller(folder, clock, judge, told):
    return Controller(
        folder.view, folder.record, judge, clock=clock, told=lambda change, seq: told.append((change, seq))
    )


@pytest.fixture
def go(clock):
    return lambda reason="go", **more: Order("release-manager", reason, clock.now(), **more)


@pytest.fixture
def begun(controller, folder, go):
    change = controller.start(a_plan(), "plan.yaml", go())
    folder.catch_up()
    return change


def test_a_start_pins_the_plan_and_records_who_ordered_it(folder, controller, begun) -> None:
    pinned, started = folder.journal.read()
    assert (pinned.kind, started.kind) == (Kind.CONFIG, Kind.TRANSITION)
    assert started.actor == "release-manager"
    assert started.payload["plan_digest"] == pinned.payload["digest"]
    standing = controller.standing("tier1-support")
    assert (standing.plan, standing.state, standing.seq) == (a_plan(), begun.state, started.seq)


def test_a_tick_takes_one_step_and_tells(folder, controller, judge, clock, told, begun) -> None:
    judge.says[LADDER] = PASS
    clock.advance(timedelta(days=1))
    taken = controller.tick()
    assert [change.to_step for change in taken] == ["thirty"]
    assert told[-1][0] is taken[0]
    folder.catch_up()
    newest = folder.view.transitions("default", "tier1-support")[-1]
    assert (newest["seq"], newest["to_step"], newest["evidence"]) == (told[-1][1], "thirty", {"csat": "PASS"})
    assert newest["actor"] == "controller"


def test_a_tick_on_a_view_that_lags_behind_does_not_step_twice(
    folder, controller, judge, clock, begun
) -> None:
    judge.says[LADDER] = PASS
    assert len(controller.tick()) == 1
    clock.advance(timedelta(hours=1))
    assert controller.tick() == []
    folder.catch_up()
    assert controller.standing("tier1-support").state.ladder.step == "thirty"


def test_two_controllers_take_one_step_together(folder, controller, judge, clock, begun) -> None:
    judge.says[LADDER] = PASS
    other = Controller(folder.view, folder.record, judge, clock=SimulatedClock(NOW + timedelta(seconds=1)))
    assert [len(each.tick()) for each in (controller, other)] == [1, 0]


def test_a_judge_that_breaks_promotes_nobody(folder, controller, judge, caplog, begun) -> None:
    judge.says[LADDER] = ZeroDivisionError("no tickets")
    assert controller.tick() == []
    assert "it is held" in caplog.text
    with pytest.raises(TransitionRefused, match="could not be judged"):
        controller.promote("tier1-support", LADDER, Order("release-manager", "now", NOW))


def test_monitors_are_asked_in_every_state_with_traffic(folder, controller, judge, go, begun) -> None:
    controller.order("tier1-support", lambda plan, state: actions.pause(plan, state, LADDER, go()))
    folder.catch_up()
    controller.tick()
    assert judge.asked[-1][1] is Status.PAUSED
    judge.says[LADDER] = FAIL
    assert controller.tick()[0].action == "roll_back"
    folder.catch_up()
    asked = len(judge.asked)
    controller.tick()
    assert len(judge.asked) == asked


def test_the_router_obeys_what_the_controller_recorded(folder, clock, judge, go) -> None:
    router = Router(folder.journal, clock=clock)

    def obey(change, seq):
        record = change.record()
        payload = {"state": record.state, "plan_digest": record.plan_digest}
        router.obey(change.state.tenant, change.state.workflow, payload, seq)

    controller = Controller(folder.view, folder.record, judge, clock=clock, told=obey)
    controller.start(a_plan(), "plan.yaml", go())
    assert router.split("default", "tier1-support").weight == 10
    folder.catch_up()
    judge.says[LADDER] = FAIL
    controller.tick()
    assert router.split("default", "tier1-support").weight == 0


def test_a_rollback_wins_the_race_against_a_promotion(folder, controller, judge, go, begun) -> None:
    """Both decide on the same state: one is recorded, the other one looks again and finds it."""
    judge.says[LADDER] = FAIL
    assert controller.tick()[0].action == "roll_back"
    judge.says[LADDER] = PASS  # the view does not show the roll-back yet
    with pytest.raises(TransitionRefused, match="moved by somebody else"):
        controller.promote("tier1-support", LADDER, go("late"))
    folder.catch_up()
    with pytest.raises(TransitionRefused, match="aborted"):
        controller.promote("tier1-support", LADDER, go("late", override=True))


def test_a_person_promotes_only_what_the_gate_lets_through(folder, controller, judge, go, begun) -> None:
    with pytest.raises(TransitionRefused, match="csat needs 400 more tickets"):
        controller.promote("tier1-support", LADDER, go())
    change = controller.promote("tier1-support", LADDER, go("board decision", override=True))
    assert (change.to_step, change.reason) == ("thirty", "OVERRIDE")


def test_nothing_is_promoted_while_the_other_track_is_about_to_be_rolled_back(
    folder, controller, judge, go, begun
) -> None:
    with_canary = a_plan(canary={"agent": "resolution@1.3.0", "steps": [{"name": "try", "set_weight": 5}]})
    controller.adopt(with_canary, "plan.yaml", go(override=True))
    folder.catch_up()
    controller.order("tier1-support", lambda plan, state: actions.start_canary(plan, state, go()))
    folder.catch_up()
    judge.says = {LADDER: FAIL, CANARY: PASS}
    with pytest.raises(TransitionRefused, match="about to be rolled back"):
        controller.promote("tier1-support", CANARY, go())


def test_a_plan_that_was_pinned_before_is_not_pinned_again(folder, controller, go, begun) -> None:
    stricter = a_plan(holdout=0, monitors=["errors"])
    controller.adopt(stricter, "plan.yaml", go())
    folder.catch_up()
    controller.adopt(a_plan(), "elsewhere.yaml", go(override=True))
    folder.catch_up()
    kinds = [record.kind for record in folder.journal.read()]
    assert kinds.count(Kind.CONFIG) == 2
    assert controller.standing("tier1-support").plan == a_plan()


def test_a_workflow_that_was_never_started_is_unknown(controller, begun) -> None:
    with pytest.raises(UnknownWorkflow, match="started: tier1-support"):
        controller.standing("tier2-support")
