"""A severe open incident keeps an agent from being given anything; taking away always works."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from rollout.cli import app
from rollout.clock import SystemClock
from rollout.errors import TransitionRefused
from rollout.incidents import blocking
from rollout.incidents.incident import Severity
from rollout.incidents.register import Register
from rollout.record.folder import DataFolder

PLAN = Path(__file__).resolve().parents[2] / "policies" / "rollouts" / "canary-only.yaml"


class Desk:
    """A folder and the commands of the command line on it."""

    def __init__(self, path: Path) -> None:
        self.data, self.plan = path / "data", path / "plan.yaml"
        plan: dict[str, Any] = yaml.safe_load(PLAN.read_text())
        self.workflow = plan["workflow"]
        self.plan.write_text(PLAN.read_text())
        self.worst = ""

    def run(self, *words: str) -> Any:
        reason = () if words[0] == "incident" else ("--reason", "as agreed")
        return CliRunner().invoke(app, [*words, *reason, "--data", str(self.data)])

    def ok(self, *words: str) -> str:
        done = self.run(*words)
        assert done.exit_code == 0, done.output
        return str(done.output)

    def incident(self, severity: int) -> str:
        with DataFolder.open(self.data, parts=("journal",)) as folder:
            made = Register(folder.journal).open(
                "default",
                self.workflow,
                Severity(severity),
                "It promised a refund.",
                version=None,
                actor="ada",
                at=SystemClock().now(),
            )
        return made.incident_id


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Started, with a severe incident open."""
    made = Desk(tmp_path_factory.mktemp("desk"))
    made.ok("start", str(made.plan))
    made.worst = made.incident(2)
    return made


def canary(desk: Desk) -> Any:
    return desk.run("start", str(desk.plan), "--canary")


def resume(desk: Desk) -> Any:
    desk.ok("pause", desk.workflow)
    return desk.run("resume", desk.workflow)


def widen(desk: Desk) -> Any:
    wider = desk.plan.with_name("wider.yaml")
    wider.write_text(desk.plan.read_text().replace("set_weight: 25", "set_weight: 30"))
    return desk.run("start", str(wider), "--apply")


def start_again(desk: Desk) -> Any:
    desk.ok("abort", desk.workflow)
    desk.ok("readmit", desk.workflow, "resolution@1.2.0")
    return desk.run("start", str(desk.plan))


@pytest.mark.parametrize("ask", [canary, widen, resume, start_again])
def test_the_command_line_refuses_and_names_the_incident(desk: Desk, ask: Callable[[Desk], Any]) -> None:
    """In this order: pausing before resuming and aborting before starting anew are both allowed."""
    refused = ask(desk)
    assert isinstance(refused.exception, TransitionRefused), refused.output
    told = " ".join((refused.output + str(refused.exception)).split())
    assert desk.worst in told
    assert f"ridealong incident close {desk.worst}" in told


def test_it_goes_on_when_the_incident_is_closed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.ok("start", str(desk.plan))
    desk.worst = desk.incident(1)
    assert canary(desk).exit_code == 1
    desk.ok("incident", "close", desk.worst, "--reason", "the article was corrected")
    assert canary(desk).exit_code == 0


def test_a_planted_fault_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were severity not looked at, the canary would start: so the tests above can fail."""
    monkeypatch.setattr(blocking.Incident, "blocks", property(lambda _: False))
    desk = Desk(tmp_path)
    desk.ok("start", str(desk.plan))
    desk.worst = desk.incident(1)
    assert canary(desk).exit_code == 0
