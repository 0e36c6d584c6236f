"""What is told of a ticket follows from the journal, and a record that contradicts itself is called out."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from agents.contract import Ticket
from policies.vocabulary import Mode
from rollout.cli import app
from rollout.clock import SimulatedClock
from rollout.errors import UsageError
from rollout.ladder.state import LadderState, Shares, Status, Track
from rollout.record.folder import DataFolder
from rollout.records import Corrected, Escalated, Event, Handled, Kind, Rated, TransitionMade
from rollout.router import Arrival, Router, events_of
from rollout.upkeep.account import account

T = datetime(2026, 3, 1, 9, tzinfo=UTC)


def transition(weight: str, step: str = "half", number: int = 1) -> Event:
    track = Track(step, 0, Status.RUNNING, T, "agent@1.0.0", T)
    shares = Shares(
        step, Mode.LIVE, Decimal(weight), Decimal(0), Decimal(5), "agent@1.0.0", None, "salt-1",
        {"complexity": ("simple", "moderate", "complex")},
    )  # fmt: skip
    state = LadderState("desk", "default", "d" * 64, track, None, (), shares, T)
    evidence = {"metrics": [{"metric": "csat", "verdict": "PASS", "sentence": "CSAT holds."}]}
    made = TransitionMade(
        "promote", "ladder", None, step, "PASSED", "up it goes", "d" * 64, state.to_json(), evidence, T
    )
    return Event(f"transition:desk:{number}", Kind.TRANSITION, T, made, workflow="desk", actor="key:mia")


def ticket(name: str, customer: str) -> Ticket:
    return Ticket(
        ticket_id=name,
        customer_id=customer,
        workflow="desk",
        opened_at=T,
        subject="Where is my parcel?",
        text="Order 7 has not come.",
        channel="email",
    )


@pytest.fixture
def data(tmp_path):
    """Forty tickets under a split of one half, with everything that can follow on the first of them."""
    with DataFolder.open(tmp_path, clock=SimulatedClock(T), parts=("journal",)) as folder:
        router = Router(folder.journal, folder.content, clock=SimulatedClock(T))
        router.route(ticket("early", "c0"))
        folder.record([transition("50")])
        router.follow(folder.read())
        for i in range(40):
            router.route(ticket(f"t{i}", f"c{i}"))
        folder.record(
            [
                Event("h", Kind.HANDLING, T, Handled("t0", "agent", "agent@1.0.0"), workflow="desk"),
                Event("e", Kind.ESCALATION, T, Escalated("t0", "low-confidence"), workflow="desk"),
                Event("s", Kind.CSAT, T, Rated("t0", 2.0, T), workflow="desk"),
                Event("c", Kind.CORRECTION, T, Corrected("t9", "excluded", "merged", "t0"), workflow="desk"),
            ]
        )
    return tmp_path


def test_every_assignment_of_the_router_is_computed_anew_and_agrees(data):
    arms = set()
    for i in range(40):
        told = account(data, f"t{i}")
        assert told.recomputed.agrees is True
        assert told.sound
        recorded = told.of(Kind.ASSIGNMENT)["payload"]
        assert (told.recomputed.bucket, told.recomputed.arm) == (recorded["bucket"], recorded["arm"])
        arms.add(told.recomputed.arm)
    assert arms == {"agent", "human"}


def test_the_account_has_what_followed_and_what_others_said_of_the_ticket(data):
    told = account(data, "t0")
    kinds = [entry["kind"] for entry in told.entries]
    assert kinds == ["ticket", "triage", "assignment", "handling", "escalation", "csat", "correction"]
    assert told.transition["actor"] == "key:mia"
    assert told.transition["payload"]["evidence"]["metrics"][0]["verdict"] == "PASS"


def test_a_ticket_before_any_rollout_went_to_a_human_and_that_agrees(data):
    told = account(data, "early")
    assert (told.recomputed.agrees, told.recomputed.reason) == (True, "NO_SAFE_STATE")
    assert told.transition is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"arm": "agent"}, "arm"),
        ({"bucket": 7}, "bucket"),
        ({"version": "other@1"}, "version"),
        ({"weight": 51.0}, "weight"),
        ({"eligible": False, "detail": "made up"}, "eligible"),
        ({"unit": "somebody else"}, "unit"),
        ({"position": 1}, "position"),
        ({"reason": "NO_SAFE_STATE"}, "split in force"),
    ],
)
def test_an_assignment_that_does_not_follow_is_called_out_by_field(data, changes, named):
    """Recorded by somebody other than the router: the chain is sound, the decision is not."""
    with DataFolder.open(data, parts=("journal",)) as folder:
        router = Router(folder.journal, folder.content, clock=SimulatedClock(T))
        router.follow(folder.read())
        customer = next(f"x{i}" for i in range(99) if arm_of(router, f"x{i}") == "human")
        routed = router.decide(Arrival(ticket("odd", customer)))
        folder.record(events_of(replace(routed, assigned=replace(routed.assigned, **changes)), {}))
    told = account(data, "odd")
    assert told.recomputed.agrees is False
    assert named in [each.name for each in told.recomputed.differences]
    done = CliRunner().invoke(app, ["audit", "replay", "odd", "--data", str(data)])
    assert done.exit_code == 1
    assert "NOT THE SAME" in done.stdout
    assert f"{named}: recorded" in done.stdout


def arm_of(router, customer):
    return router.decide(Arrival(ticket("odd", customer))).assigned.arm


def test_a_payload_that_was_changed_in_the_file_is_called_out(data):
    (segment,) = data.glob("journal/*.jsonl")
    sound = segment.read_bytes()
    changed = sound.replace(b'"score":2.0', b'"score":5.0')
    assert changed != sound
    segment.write_bytes(changed)
    told = account(data, "t0")
    assert not told.sound
    assert "digest" in told.faults[0]


def test_an_erased_customer_cannot_be_recomputed_and_the_account_says_so(data):
    with DataFolder.open(data, parts=("journal",)) as folder:
        folder.forget("default", "c3")
    told = account(data, "t3")
    assert told.recomputed.agrees is None
    assert "erased" in told.recomputed.why_not
    assert told.sound
    assert '"c3"' not in json.dumps(told.entries)


def test_a_decision_under_a_split_that_had_just_been_replaced_is_noted(data):
    with DataFolder.open(data, clock=SimulatedClock(T), parts=("journal",)) as folder:
        router = Router(folder.journal, folder.content, clock=SimulatedClock(T))
        router.follow(folder.read())
        folder.record([transition("0", number=2)])
        router.route(ticket("late", "c1"))
    told = account(data, "late")
    assert told.recomputed.agrees
    assert "another split in force" in told.notes[0]


def test_an_unknown_ticket_and_an_ambiguous_one_are_refused(data):
    with pytest.raises(UsageError, match="nothing on ticket 'nobody'"):
        account(data, "nobody")
    with pytest.raises(UsageError, match="tenant 'other'"):
        account(data, "t0", tenant="other")
    with DataFolder.open(data, clock=SimulatedClock(T), parts=("journal",)) as folder:
        rated = Rated("t0", 5.0, T)
        folder.record([Event("other desk", Kind.CSAT, T, rated, workflow="returns")])
    with pytest.raises(UsageError, match="--workflow"):
        account(data, "t0")
    assert account(data, "t0", workflow="desk").recomputed.agrees
    with pytest.raises(UsageError, match="it is in desk, returns"):
        account(data, "t0", workflow="sales")


def test_the_command_tells_who_and_on_which_evidence(data):
    done = CliRunner().invoke(app, ["audit", "replay", "t0", "--data", str(data)])
    assert done.exit_code == 0, done.output
    for part in (
        "by router",
        "by key:mia",
        "CSAT holds.",
        "salt salt-1",
        "low-confidence",
        "Computed anew: the same",
    ):
        assert part in done.stdout
    told = json.loads(
        CliRunner().invoke(app, ["audit", "replay", "t0", "--data", str(data), "--json"]).stdout
    )
    assert told["recomputed"]["agrees"] is True
    assert [each["kind"] for each in told["records"]][:3] == ["ticket", "triage", "assignment"]
