"""Incidents: the journal alone says how they stand, and a severe one stops promotion and nothing else."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from policies.plan import Plan
from rollout.clock import SimulatedClock
from rollout.controller import Controller
from rollout.errors import ConflictingEvent, TransitionRefused
from rollout.gating import gate
from rollout.incidents.blocking import held, incidents_as_of, severity_of
from rollout.incidents.incident import (
    MEANINGS,
    Incident,
    Incidents,
    Severity,
    UnknownIncident,
    acknowledge,
    close,
    grade,
)
from rollout.incidents.register import Register
from rollout.ladder import actions
from rollout.ladder.judge import Judgement
from rollout.ladder.state import TrackName
from rollout.ladder.transition import Decision, Order, Ruling
from rollout.record.folder import DataFolder
from rollout.records import Kind

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LADDER = TrackName.LADDER
PASS = Ruling(Decision.PROMOTE, "NON_INFERIOR", "every gate passed")


def a_plan(**changes: Any) -> Plan:
    return Plan.model_validate(
        {
            "workflow": "tier1-support",
            "owners": {"workflow": "support-lead", "technical": "platform-team", "escalation": "desk-lead"},
            "unit": "customer",
            "salt": "tier1-2026",
            "agent": "resolution@1.2.0",
            "steps": [{"name": "ten", "set_weight": 10}, {"name": "thirty", "set_weight": 30}],
            "metrics": {"csat": {"margin": 0.15}},
            "inference": {"alpha": 0.05, "power": 0.8},
            **changes,
        }
    )


class Desk:
    """A started rollout whose controller asks the real gate, or a script."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        self.clock = SimulatedClock(NOW)
        self.register = Register(folder.journal)
        self.script: Ruling | None = None
        self.controller = Controller(folder.view, folder.record, self.judge, clock=self.clock)
        self.controller.start(a_plan(), "test", self.order("begin"))
        folder.catch_up()

    def judge(self, plan: Plan, state: Any, name: TrackName, now: datetime) -> Ruling:
        if self.script is not None:
            return self.script
        return gate(self.folder.view, plan, state.workflow, now, state=state, track=name.value).ruling

    def order(self, reason: str, **more: Any) -> Order:
        return Order("ada", reason, self.clock.now(), **more)

    def open(self, severity: int = 2, workflow: str = "tier1-support", tenant: str = "default") -> Incident:
        made = self.register.open(
            tenant,
            workflow,
            Severity(severity),
            "It promised a refund.",
            version="resolution@1.2.0",
            actor="ada",
            at=self.clock.now(),
        )
        self.folder.catch_up()
        return made

    def ruling(self) -> Ruling:
        self.folder.catch_up()
        standing = self.controller.standing("tier1-support")
        return self.controller.rulings(standing, self.clock.now())[LADDER]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with DataFolder.open(tmp_path / "data") as folder:
        yield Desk(folder)


def test_every_severity_says_what_it_means() -> None:
    assert set(MEANINGS) == set(Severity)
    assert [severity.severe for severity in Severity] == [True, True, False, False]


@pytest.mark.parametrize("severity", [1, 2])
def test_a_severe_incident_holds_the_gate_with_its_sentence(desk: Desk, severity: int) -> None:
    before = desk.ruling()
    incident = desk.open(severity)
    ruling = desk.ruling()
    assert before.reason != "INCIDENT"
    assert (ruling.decision, ruling.reason) == (Decision.HOLD, "INCIDENT")
    assert (
        f"incident {incident.incident_id}, severity {severity} (resolution@1.2.0), is open" in ruling.sentence
    )
    assert ruling.evidence["reason"] == "INCIDENT"


def test_a_roll_back_is_never_held(desk: Desk) -> None:
    incident = desk.open(1)
    for decision, after in (
        (Decision.ROLL_BACK, Decision.ROLL_BACK),
        (Decision.PROMOTE, Decision.HOLD),
        (Decision.HOLD, Decision.HOLD),
    ):
        assert held(Judgement((), decision, "CODE", ("why",)), [incident]).decision is after


@pytest.mark.parametrize(
    ("severity", "workflow", "tenant"),
    [
        (3, "tier1-support", "default"),
        (4, "tier1-support", "default"),
        (1, "other", "default"),
        (1, "tier1-support", "x"),
    ],
)
def test_a_mild_one_and_other_peoples_hold_nothing(
    desk: Desk, severity: int, workflow: str, tenant: str
) -> None:
    desk.open(severity, workflow, tenant)
    assert desk.ruling().reason != "INCIDENT"


def test_no_override_leaves_a_step_while_it_is_open_and_an_abort_does(desk: Desk) -> None:
    incident = desk.open(1)
    with pytest.raises(TransitionRefused, match=incident.incident_id):
        desk.controller.promote("tier1-support", LADDER, desk.order("we want to", override=True))
    desk.register.change(
        "default", incident.incident_id, lambda it: close(it, "fixed", "ada", desk.clock.now())
    )
    desk.folder.catch_up()
    moved = desk.controller.promote("tier1-support", LADDER, desk.order("now", override=True))
    assert moved.to_step == "thirty"
    desk.open(1)
    aborted = desk.controller.order(
        "tier1-support", lambda plan, state: actions.abort(plan, state, LADDER, desk.order("stop"))
    )
    assert aborted.action == "abort"


def test_it_holds_past_the_longest_time_of_a_step_in_its_own_name(desk: Desk) -> None:
    from rollout.ladder.steps import consider

    plan = a_plan(steps=[{"name": "ten", "set_weight": 10, "max_duration": "2d", "min_duration": "1d"}])
    state = desk.controller.standing("tier1-support").state
    desk.open(1)
    outlook = consider(plan, state, LADDER, desk.ruling(), NOW + timedelta(days=9))
    assert outlook.reason == "INCIDENT"


def test_a_lower_grade_lets_the_gate_speak_again_and_a_higher_one_holds_it(desk: Desk) -> None:
    incident = desk.open(2)
    for severity, reason in ((3, False), (2, True), (3, False), (1, True)):
        desk.register.change(
            "default",
            incident.incident_id,
            lambda it, severity=severity: grade(
                it, Severity(severity), "looked again", "bo", desk.clock.now()
            ),
        )
        assert (desk.ruling().reason == "INCIDENT") is reason


def test_a_gate_of_the_past_is_held_by_what_was_open_then(desk: Desk) -> None:
    desk.clock.advance(timedelta(days=1))
    incident = desk.open(1)
    desk.clock.advance(timedelta(days=1))
    desk.register.change(
        "default", incident.incident_id, lambda it: close(it, "fixed", "ada", desk.clock.now())
    )
    desk.folder.catch_up()
    found = [
        bool(
            [
                each
                for each in incidents_as_of(desk.folder.view, "default", "tier1-support", at)
                if each.blocks
            ]
        )
        for at in (NOW, NOW + timedelta(days=1), NOW + timedelta(days=2))
    ]
    assert found == [False, True, False]


@pytest.mark.parametrize(
    ("metric", "mode", "severity"),
    [("violations", "live", 2), ("csat", "live", 3), ("violations", "shadow", 4)],
)
def test_a_roll_back_opens_an_incident_in_the_same_breath(
    desk: Desk, metric: str, mode: str, severity: int
) -> None:
    rows = [{"metric": metric, "verdict": "FAIL", "role": "guardrail"}]
    desk.script = Ruling(Decision.ROLL_BACK, "INFERIOR", "it is worse", {"metrics": rows, "mode": mode})
    (change,) = desk.controller.tick()
    (incident,) = desk.register.of("default")
    records = list(desk.folder.journal.read())
    assert (change.action, incident.severity, incident.origin) == ("roll_back", severity, "controller")
    assert (incident.version, incident.workflow) == ("resolution@1.2.0", "tier1-support")
    assert [record.kind for record in records[-2:]] == [Kind.TRANSITION, Kind.INCIDENT]


def test_what_people_order_opens_nothing(desk: Desk) -> None:
    desk.controller.order(
        "tier1-support", lambda plan, state: actions.abort(plan, state, LADDER, desk.order("x"))
    )
    desk.folder.catch_up()
    assert desk.register.of("default") == []


def test_a_goal_that_is_missed_is_no_harm() -> None:
    rows = [{"metric": "violations", "verdict": "FAIL", "role": "goal"}]
    assert severity_of({"metrics": rows}) is Severity.SEV3
    assert severity_of({}) is Severity.SEV3


def test_reading_the_journal_again_gives_the_same_incidents(desk: Desk) -> None:
    first, second = desk.open(1), desk.open(3)
    at = desk.clock.now()
    desk.register.change("default", first.incident_id, lambda it: acknowledge(it, "bo", at))
    desk.register.change("default", first.incident_id, lambda it: grade(it, Severity.SEV2, "less", "bo", at))
    desk.register.change("default", second.incident_id, lambda it: close(it, "no harm", "bo", at))
    known = desk.register.of("default")
    assert [(each.severity, each.status) for each in known] == [(2, "acknowledged"), (3, "closed")]
    assert Register(desk.folder.journal).of("default") == known
    assert Incidents(desk.folder.journal.read()).of("default") == known
    desk.folder.rebuild()
    assert incidents_as_of(desk.folder.view, "default", "tier1-support", at) == known


def test_what_is_closed_stays_closed_and_is_closed_once(desk: Desk) -> None:
    incident = desk.open()
    at = desk.clock.now()
    stale = desk.register.of("default")[0]
    desk.register.change("default", incident.incident_id, lambda it: close(it, "fixed", "ada", at))
    for again in (
        lambda it: close(it, "again", "bo", at),
        lambda it: acknowledge(it, "bo", at),
        lambda it: grade(it, Severity.SEV1, "worse", "bo", at),
    ):
        with pytest.raises(TransitionRefused, match="closed by ada"):
            desk.register.change("default", incident.incident_id, again)
    with pytest.raises(ConflictingEvent):
        desk.register.change("default", incident.incident_id, lambda _: close(stale, "rival", "bo", at))


def test_another_tenants_incident_cannot_be_found(desk: Desk) -> None:
    incident = desk.open(tenant="acme")
    with pytest.raises(UnknownIncident):
        desk.register.change("default", incident.incident_id, lambda it: close(it, "x", "eve", NOW))
    assert desk.register.of("default") == []


def test_a_reason_is_a_reason(desk: Desk) -> None:
    incident = desk.open()
    for blank in ("", "  "):
        with pytest.raises(TransitionRefused, match="say why"):
            close(incident, blank, "ada", NOW)


def test_open_ones_come_first_and_the_worst_of_them(desk: Desk) -> None:
    made = [desk.open(severity) for severity in (3, 1, 2)]
    desk.register.change("default", made[1].incident_id, lambda it: close(it, "fixed", "ada", NOW))
    assert [each.severity for each in desk.register.of("default")] == [2, 3, 1]
    ids = [each.incident_id for each in made]
    assert all(a != b for a, b in itertools.combinations(ids, 2))
