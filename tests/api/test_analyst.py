"""The analyst reads what was recorded, up to the newest event, and records through somebody else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.contract import Ticket
from policies.plan import Plan
from rollout.analyst import Analyst
from rollout.api.inputs import Promotion
from rollout.clock import SimulatedClock
from rollout.errors import TransitionRefused, UnknownWorkflow
from rollout.record.folder import DataFolder
from rollout.router import Router


@pytest.fixture
def analyst(tmp_path: Path, now: Any, plan: Plan, begun: Any) -> Iterator[tuple[Analyst, DataFolder, Router]]:
    clock = SimulatedClock(now)
    with DataFolder.open(tmp_path / "data", clock=clock) as folder:
        folder.record(begun)
        yield Analyst(folder, folder.record, clock=clock), folder, Router(folder.journal, clock=clock)


def asked(reason: str, *, override: bool = False) -> Promotion:
    return Promotion(
        tenant="default", actor="ada", two_person=False, track="ladder", override=override, reason=reason
    )


def ticket(now: Any, workflow: str) -> Ticket:
    return Ticket("t-1", "c-1", now, workflow)


def test_a_rollout_says_where_it_stands_and_what_it_waits_for(analyst: Any, plan: Plan) -> None:
    row = analyst[0].workflow("default", plan.workflow)
    assert (row["status"], row["step"], row["decision"]) == ("running", "shadow", "HOLD")
    assert [step["name"] for step in row["steps"]] == [step.name for step in plan.steps]
    assert row["next_step"].startswith("ten, 10 %")
    assert row["until"] is not None
    assert row["transitions"][0]["at"].endswith("+00:00")


def test_a_desk_that_has_only_a_history_is_listed_as_such(analyst: Any, now: Any, plan: Plan) -> None:
    reader, _, router = analyst
    router.route(ticket(now, "imported-desk"))
    rows = {row["workflow"]: row["status"] for row in reader.workflows("default")}
    assert rows == {plan.workflow: "running", "imported-desk": "not_started"}
    assert reader.overview("default", "imported-desk", "all")["tickets"] == 1
    assert reader.gate("default", "imported-desk")["decision"] == "HOLD"


def test_a_read_knows_what_was_recorded_a_moment_ago(analyst: Any, now: Any, plan: Plan) -> None:
    reader, folder, router = analyst
    assert reader.overview("default", plan.workflow, "all")["tickets"] == 0
    position = reader.position
    router.route(ticket(now, plan.workflow))
    reader.workflow("default", plan.workflow)
    assert position < reader.position == folder.journal.head().seq


def test_a_promotion_without_evidence_is_refused_and_recorded_nowhere(analyst: Any, plan: Plan) -> None:
    reader, folder, _ = analyst
    before = folder.journal.head()
    with pytest.raises(TransitionRefused, match="may not be left yet"):
        reader.promote(plan.workflow, asked("let us go"))
    assert folder.journal.head() == before


def test_an_override_is_recorded_with_its_author_and_what_it_set_aside(analyst: Any, plan: Plan) -> None:
    reader, _, _ = analyst
    moved = reader.promote(plan.workflow, asked("all were read", override=True))
    assert (moved["to_step"], moved["reason"], moved["actor"]) == ("ten", "OVERRIDE", "ada")
    row = reader.workflow("default", plan.workflow)
    assert (row["step"], row["split"]["weight"]) == ("ten", 10.0)


def test_a_tick_without_evidence_moves_nothing(analyst: Any) -> None:
    reader, folder, _ = analyst
    before = folder.journal.head()
    reader.tick()
    assert folder.journal.head() == before


def test_plans_of_a_folder_are_started_once(analyst: Any) -> None:
    reader, folder, _ = analyst
    plans = Path(__file__).resolve().parents[2] / "policies" / "rollouts"
    reader.keep_plans(plans)
    for _ in range(2):  # what was seen once is looked at again before it counts
        reader.keep_up()
    after = folder.journal.head()
    assert {row["status"] for row in reader.workflows("default")} == {"running"}
    reader.keep_plans(plans)
    for _ in range(3):
        reader.keep_up()
    assert folder.journal.head() == after


@pytest.mark.parametrize("read", ["workflow", "gate"])
def test_an_unknown_workflow_names_those_there_are(analyst: Any, plan: Plan, read: str) -> None:
    with pytest.raises(UnknownWorkflow, match=plan.workflow):
        getattr(analyst[0], read)("default", "nope")


def test_a_canary_that_does_not_run_has_no_gate(analyst: Any, plan: Plan) -> None:
    with pytest.raises(TransitionRefused, match="no canary"):
        analyst[0].gate("default", plan.workflow, "canary")


def test_two_known_persons_are_needed_where_the_step_says_so(
    tmp_path: Path, now: Any, plan: Plan, started: Any
) -> None:
    first = plan.steps[0].model_copy(update={"approval": True})
    wary = plan.model_copy(update={"steps": [first, *plan.steps[1:]]})
    clock = SimulatedClock(now)
    with DataFolder.open(tmp_path / "data", clock=clock) as folder:
        folder.record(started(wary))
        reader = Analyst(folder, folder.record, clock=clock)

        def promoted(actor: str) -> dict[str, Any]:
            order = asked("all were read", override=True).model_copy(
                update={"actor": actor, "two_person": True}
            )
            return reader.promote(plan.workflow, order)

        assert promoted("ada (key:1)")["action"] == "request"
        waiting = reader.workflow("default", plan.workflow)
        assert waiting["ladder"]["requested"]["by"] == "ada (key:1)"
        with pytest.raises(TransitionRefused, match="another person"):
            promoted("ada (key:1)")
        done = promoted("bo (key:2)")
        assert (done["action"], done["to_step"], done["actor"]) == ("promote", "ten", "bo (key:2)")
