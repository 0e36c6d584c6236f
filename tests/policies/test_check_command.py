"""``ridealong check`` and ``ridealong schema``, as people call them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from policies.files import check_files
from policies.problems import Finding, PlanInvalid, Problem
from rollout.cli import app, main
from rollout.errors import UsageError

DOCUMENTS = Path(__file__).parent / "documents"
Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def plan(tmp_path: Path, every_key: str) -> Path:
    path = tmp_path / "refunds.yaml"
    path.write_text(every_key)
    return path


def test_a_good_plan_is_summed_up(run: Run, plan: Path, agents: Path):
    result = run("check", plan, "--agents", agents)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"{plan}: fine"
    assert "  workflow:   refunds of acme" in lines
    assert "  steps:      shadow, drafts 5 % (assist), ten 10 %, full 95 %" in lines
    assert "  guardrails: csat, recontact_7d, escalation, cost, latency" in lines
    assert any(line.startswith("  digest:     ") and len(line) == 14 + 64 for line in lines)


def line_of(file: Path, start: str, number: int = 1) -> int:
    """The number of the file's n-th line that starts so."""
    found = [at for at, line in enumerate(file.read_text().splitlines(), 1) if line.startswith(start)]
    return found[number - 1]


def test_every_problem_of_every_file_is_a_line_and_the_exit_code_is_1(run: Run, plan: Path, agents: Path):
    other = plan.with_name("other.yaml")
    other.write_text(
        plan.read_text().replace("set_weight: 10", "set_wieght: 10").replace("salt: refunds", "salt: x")
    )
    plan.write_text(
        plan.read_text().replace("on_fail: pause", "on_fail: puase").replace("holdout: 5", "holdout: 012")
    )
    result = run("check", plan, other, "--agents", agents)
    assert result.exit_code == 1
    octal, choice, workflow, key = result.stdout.splitlines()
    assert octal.startswith(f"{plan}:10:10: 012 has a leading zero: some readers take it as octal; write it")
    line = line_of(plan, "on_fail:")
    assert choice == (
        f"{plan}:{line}:10: the text 'puase' is not one of roll_back, pause; did you mean 'pause'?"
    )
    assert workflow == (
        f"{other}:2:11: workflow 'refunds' is also used by {plan}:2; one plan per workflow and tenant"
    )
    line = line_of(other, "    set_wieght:")
    assert key == f"{other}:{line}:5: unknown key 'set_wieght' in steps[2]; did you mean 'set_weight'?"
    assert result.stderr == "4 problems in 2 of 2 files\n"


def test_two_plans_with_one_salt_are_refused(run: Run, plan: Path, agents: Path):
    other = plan.with_name("other.yaml")
    other.write_text(plan.read_text().replace("workflow: refunds\n", "workflow: returns\n"))
    result = run("check", plan.parent, "--agents", agents)
    assert result.exit_code == 1
    assert f"{plan}:9:7: salt 'refunds-2026' is also used by {other}:9" in result.stdout


def test_two_tenants_may_have_a_workflow_of_the_same_name(run: Run, plan: Path, agents: Path):
    other = plan.with_name("other.yaml")
    text = plan.read_text().replace("tenant: acme", "tenant: globex").replace("salt: refunds", "salt: other")
    other.write_text(text)
    assert run("check", plan, other, "--agents", agents).exit_code == 0


def test_a_file_named_twice_is_one_file(run: Run, plan: Path, agents: Path):
    result = run("check", plan, plan, plan.parent, "--agents", agents)
    assert result.exit_code == 0
    assert result.stdout.count(": fine") == 1


def test_json_tells_the_same(run: Run, plan: Path, agents: Path):
    good = json.loads(run("check", plan, "--agents", agents, "--json").stdout)
    assert good["ok"] is True
    assert good["files"][0]["steps"] == ["shadow", "drafts", "ten", "full"]
    plan.write_text(plan.read_text().replace("unit: customer", "unit: ticket"))
    result = run("check", plan, "--agents", agents, "--json")
    bad = json.loads(result.stdout)
    assert (result.exit_code, bad["ok"]) == (1, False)
    assert bad["files"][0]["problems"] == [
        {
            "line": 8,
            "column": 7,
            "path": "unit",
            "message": "the text 'ticket' stands where only 'customer' is known",
            "suggestion": None,
        }
    ]


def test_agents_are_found_beside_the_plan_or_its_folder(run: Run, plan: Path):
    assert "there is no agent version" in run("check", plan).stdout
    beside = plan.parent / "agents"
    beside.symlink_to(DOCUMENTS / "agents")
    assert run("check", plan).exit_code == 0
    deeper = plan.parent / "rollouts"
    deeper.mkdir()
    plan.rename(deeper / plan.name)
    assert run("check", deeper / plan.name).exit_code == 0


def test_agent_versions_and_conduct_policies_are_recognised(run: Run, tmp_path: Path):
    (tmp_path / "policy.yaml").write_text("tone_guidelines: {voice: friendly, prohibited_phrase: [x]}\n")
    result = run("check", DOCUMENTS / "agents", tmp_path)
    assert "  agent:      answers@1.0.0" in result.stdout
    assert "did you mean 'prohibited_phrases'?" in result.stdout


def test_a_file_of_no_kind_is_refused(run: Run, tmp_path: Path):
    (tmp_path / "x.yaml").write_text("zebra: 1\n")
    result = run("check", tmp_path)
    assert result.exit_code == 1
    assert "neither a plan nor an agent version nor a conduct policy" in result.stdout


@pytest.mark.parametrize("words", [["gone.yaml"], ["."], [DOCUMENTS / "every-key.yaml", "--agents", "gone"]])
def test_what_is_not_there_is_wrong_usage(
    run: Run, words: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert isinstance(run("check", *words).exception, UsageError)


def test_hidden_folders_are_left_alone(run: Run, plan: Path, agents: Path):
    (plan.parent / ".venv").mkdir()
    (plan.parent / ".venv" / "x.yaml").write_text("zebra: 1\n")
    assert run("check", plan.parent, "--agents", agents).exit_code == 0


def test_a_bad_plan_given_to_any_command_is_told_like_check_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Commands that need a plan never end in a traceback."""
    problem = Problem("x.yaml", 3, 1, "unit", "the text 'ticket' stands where only 'customer' is known")

    def bad() -> None:
        raise PlanInvalid([problem])

    monkeypatch.setattr("rollout.cli.app", bad)
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err == f"{problem}\n"


@pytest.mark.parametrize(("words", "title"), [([], "Plan"), (["plan"], "Plan"), (["agent"], "AgentVersion")])
def test_the_schema_is_printed(run: Run, words: list[str], title: str):
    assert json.loads(run("schema", *words).stdout)["title"] == title


def test_further_checks_are_asked_about_sound_plans_only(plan: Path, agents: Path):
    """The seam for what needs more than the files, such as the desk's volume."""
    asked = []

    def further(read):
        asked.append(read.workflow)
        yield Finding(("steps", 2, "gate", 0), "csat cannot be decided in time")

    (checked,) = check_files([plan], agents, [further])
    assert asked == ["refunds"]
    line = line_of(plan, "    gate:", number=3) + 1
    assert [(p.line, p.path) for p in checked.problems] == [(line, "steps[2].gate[0]")]
    plan.write_text("workflow: refunds\n")
    check_files([plan], agents, [further])
    assert asked == ["refunds"]
