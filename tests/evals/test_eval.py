"""Cases whose right end is known: a version passes those and is told where it does not."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agents.scripted import Line, ScriptedAgent
from policies.problems import PolicyInvalid
from rollout.cli import app
from rollout.errors import UsageError
from rollout.evals.cases import Case, has, load_cases
from rollout.evals.run import Result, run

DESK = Path(__file__).resolve().parents[2] / "docs" / "examples" / "desk"
SAYS = {
    "eval:says": Line("Press\n the  reset button, it’s red."),
    "eval:hands": Line(reason="low-confidence"),
    "eval:fails": Line(error="broken"),
}


def outcome(name: str, **expect: Any) -> Result:
    case = Case.model_validate({"name": name, "text": "How?", "expect": expect})
    (result,) = run(ScriptedAgent("a@1", SAYS), [case], deadline=5.0)
    return result


@pytest.mark.parametrize(
    ("name", "expect", "faults"),
    [
        ("says", {"action": "reply", "contains": ["press the RESET button", "it's red"]}, ()),
        ("says", {"contains": ["refund"]}, ("lacks 'refund'",)),
        ("says", {"must_not_contain": ["Reset"]}, ("has 'Reset'",)),
        ("says", {"cites": ["an-article"]}, ("cites none of an-article",)),
        ("says", {"action": "hand_off"}, ("expected hand_off, came reply",)),
        ("says", {"reasons": ["angry"]}, ("not handed off for 'angry'",)),
        ("hands", {"action": "hand_off", "reasons": ["low-confidence"]}, ()),
        ("hands", {"action": "reply"}, ("expected reply, came hand_off (low-confidence)",)),
        ("hands", {"contains": ["x"]}, ("lacks 'x'",)),
        ("hands", {"must_not_contain": ["x"]}, ()),
        ("fails", {"action": "hand_off"}, ("no answer: error (ScriptedFailure)",)),
    ],
)
def test_what_is_expected_is_looked_for(name: str, expect: dict[str, Any], faults: tuple[str, ...]) -> None:
    assert outcome(name, **expect).faults == faults


def test_case_spacing_and_apostrophes_do_not_count() -> None:
    assert has("It’s\n RED", "it's red")
    assert not has("It is red", "it's red")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cases: []", "cases"),
        ("cases: [{name: a, text: b, expect: {}}]", "expect something"),
        ("cases: [{name: a, text: b, expect: {contain: [x]}}]", "contain"),
        ("cases: [{name: a, text: b, expect: {action: hand_off, contains: [x]}}]", "says nothing"),
        ("cases: [{name: a, text: b, expect: {action: reply, reasons: [x]}}]", "no reasons"),
        (
            "cases: [{name: a, text: b, expect: {cites: [x]}}, {name: a, text: c, expect: {cites: [x]}}]",
            "two cases are called 'a'",
        ),
    ],
)
def test_a_case_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "cases.yaml").write_text(text)
    with pytest.raises(UsageError, match=told):
        load_cases(tmp_path / "cases.yaml")


def test_what_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text("cases: [}")
    with pytest.raises(PolicyInvalid, match=r"cases\.yaml:1"):
        load_cases(tmp_path / "cases.yaml")


class TestCommand:
    def invoke(self, cases: Path, *more: str) -> Any:
        asked = ["eval", "answers@1.0.0", "--agents", str(DESK / "agents"), "--cases", str(cases), *more]
        return CliRunner().invoke(app, asked)

    def test_the_example_passes_and_is_kept(self, tmp_path: Path) -> None:
        out = tmp_path / "results.json"
        done = self.invoke(DESK / "cases.yaml", "--json", "--out", str(out))
        told = json.loads(done.stdout)
        assert (done.exit_code, told["passed"], told["cases"]) == (0, 5, 5)
        assert json.loads(out.read_text()) == told

    def test_a_case_that_fails_is_an_exit_code_of_one(self, tmp_path: Path) -> None:
        cases = tmp_path / "cases.yaml"
        cases.write_text(
            "cases: [{name: a, text: 'How do I choose a new password?', expect: {action: hand_off}}]"
        )
        done = self.invoke(cases)
        assert done.exit_code == 1
        assert "expected hand_off, came reply" in done.stdout

    def test_an_agent_that_cannot_be_made_says_why(self) -> None:
        asked = ["eval", "resolution@1.2.0", "--cases", str(DESK / "cases.yaml")]
        assert "helpdesk" in str(CliRunner().invoke(app, asked).exception)
