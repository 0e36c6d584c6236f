"""The commands: one line each in, a recorded transition out, refusals with their reason."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from rollout.cli import app
from rollout.errors import TransitionRefused, UnknownWorkflow
from rollout.record.folder import DataFolder


@pytest.fixture
def plan_file(tmp_path):
    """A plan in a file; ``write(**changes)`` writes another revision of it."""

    def write(**changes):
        owners = {"workflow": "support-lead", "technical": "platform-team", "escalation": "desk-lead"}
        live = {"agent": "resolution@1.2.0", "steps": [{"name": "ten", "set_weight": 10}]}
        content = {
            "workflow": "tier1-support",
            "owners": owners,
            "unit": "customer",
            "salt": "tier1-2026",
            "holdout": 5,
            **live,
            "canary": {
                "agent": "resolution@1.3.0",
                "steps": [{"name": "try", "set_weight": 5, "gate": ["escalation"]}],
            },
            "metrics": {"csat": {"margin": 0.15}, "escalation": {"margin": "5pp"}},
            "inference": {"alpha": 0.05, "power": 0.8},
            **changes,
        }
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return str(path)

    (tmp_path / "agents").mkdir()
    return write


@pytest.fixture
def ridealong(tmp_path):
    """Runs a command over the test's data folder; returns its exit code and output, raises its error."""

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, [*arguments, "--data", str(tmp_path / "data")])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def started(ridealong, plan_file):
    return ridealong("start", plan_file(), "--reason", "baseline is in", "--actor", "release-manager")


def test_start_begins_at_the_first_step_and_says_so(ridealong, started) -> None:
    assert "resolution@1.2.0 starts in ten: baseline is in" in started
    row = json.loads(ridealong("status", "tier1-support", "--json"))
    assert (row["step"], row["status"], row["split"]["weight"]) == ("ten", "running", 10.0)
    assert [each["action"] for each in row["transitions"]] == ["start"]


def test_status_tells_why_it_is_held_and_who_decided_what(ridealong, started) -> None:
    text = ridealong("status")
    assert "tier1-support: running at ten" in text
    assert "live: 10 % of eligible customers; 5 % of all held out for good" in text
    assert "HOLD" in text
    assert "release-manager: resolution@1.2.0 starts in ten" in text


def test_nothing_started_is_said_plainly(ridealong, tmp_path) -> None:
    with DataFolder.open(tmp_path / "data"):
        pass
    assert "No rollout was started" in ridealong("status")
    with pytest.raises(UnknownWorkflow, match="started: none"):
        ridealong("status", "tier1-support")


def test_promote_without_evidence_is_refused_and_overridden_on_the_record(ridealong, started) -> None:
    with pytest.raises(TransitionRefused, match="--override"):
        ridealong("promote", "tier1-support", "--reason", "we are late")
    change = json.loads(
        ridealong("promote", "tier1-support", "--reason", "board decision", "--override", "--json")
    )
    assert (change["reason"], change["to_step"]) == ("OVERRIDE", "ten")
    assert change["state"]["ladder"]["status"] == "completed"


def test_pause_resume_abort_and_readmit(ridealong, plan_file, started) -> None:
    why = ("--reason", "drill", "--actor", "release-manager")
    assert "ten is paused: drill" in ridealong("pause", "tier1-support", *why)
    assert "ten is running" in ridealong("resume", "tier1-support", *why)
    assert "humans serve its share" in ridealong("abort", "tier1-support", *why)
    assert "resolution@1.2.0; `ridealong readmit`" in ridealong("status")
    with pytest.raises(TransitionRefused, match="quarantined"):
        ridealong("start", plan_file())
    ridealong("readmit", "tier1-support", "resolution@1.2.0", *why)
    assert "starts in ten" in ridealong("start", plan_file())


def test_a_canary_is_started_and_aborted_beside_the_ladder(ridealong, plan_file, started) -> None:
    assert "resolution@1.3.0 starts on 5% of the agent's share" in ridealong("start", plan_file(), "--canary")
    assert "5 % of them to resolution@1.3.0" in ridealong("status")
    assert "resolution@1.2.0 serves its share" in ridealong(
        "abort", "tier1-support", "--canary", "--reason", "enough seen"
    )
    assert json.loads(ridealong("status", "tier1-support", "--json"))["status"] == "running"


def test_a_changed_plan_restricts_at_once_and_widens_only_with_apply(ridealong, plan_file, started) -> None:
    with pytest.raises(TransitionRefused, match="very plan already"):
        ridealong("start", plan_file())
    assert "holdout: 5 → 10" in ridealong("start", plan_file(holdout=10))
    with pytest.raises(TransitionRefused, match=r"holdout: 10 → 1.*--apply"):
        ridealong("start", plan_file(holdout=1))
    assert "holdout: 10 → 1" in ridealong("start", plan_file(holdout=1), "--apply", "--reason", "agreed")


def test_orders_are_signed_by_the_user_of_the_machine_by_default(ridealong, plan_file, monkeypatch) -> None:
    monkeypatch.setenv("LOGNAME", "desk-lead")
    ridealong("start", plan_file())
    assert "desk-lead: resolution@1.2.0 starts in ten" in ridealong("status")
