"""Two versions beside each other: nothing that decides how one answers goes unsaid."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import policies
from rollout.cli import app
from rollout.errors import UsageError
from rollout.versions.differences import Comparison, compare
from rollout.versions.resolved import find, resolve

SHIPPED_POLICY = Path(policies.__file__).parent / "conduct" / "support-agent-policy.yaml"
CREDIT = {
    "name": "apply_credit",
    "authority": "write",
    "limits": {"amount_usd": 25, "per_ticket": 1},
    "approval": "always",
}
BASE: dict[str, Any] = {
    "name": "desk",
    "kind": "pipeline",
    "deadline": "10s",
    "models": {"resolution": {"name": "openai/gpt-4o-2024-08-06"}},
    "prompts": {"resolution": "answer.md"},
    "tools": [{"name": "get_order", "authority": "read"}, CREDIT],
    "knowledge": {"path": "kb", "passages": 4},
    "policy": "policy.yaml",
    "thresholds": {"confidence": 0.7},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "answer.md").write_text("Be short.\nBe kind.\n")
    (tmp_path / "other.md").write_text("Be short.\nBe exact.\n")
    (tmp_path / "policy.yaml").write_text(SHIPPED_POLICY.read_text())
    for name, body in (("kb", "Press the button."), ("kb2", "Press the red button.")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "start.md").write_text(f"# Start\n\n{body}\n")
        (tmp_path / name / "stop.md").write_text("# Stop\n\nPull the plug.\n")
    (tmp_path / "kb2" / "stop.md").unlink()
    (tmp_path / "kb2" / "pause.md").write_text("# Pause\n\nWait.\n")
    return tmp_path


def write(folder: Path, version: str, **changes: Any) -> str:
    content = {**BASE, "version": version, **changes}
    content = {key: value for key, value in content.items() if value is not None}
    (folder / f"desk@{version}.yaml").write_text(yaml.safe_dump(content))
    return f"desk@{version}"


def compared(folder: Path, **changes: Any) -> Comparison:
    one, other = write(folder, "1.0.0"), write(folder, "1.1.0", **changes)
    return compare(resolve(find(one, folder)), resolve(find(other, folder)))


def test_a_new_name_for_the_same_thing_needs_no_canary(folder: Path) -> None:
    found = compared(folder, description="The same, told otherwise.")
    assert (found.changes, found.needs_canary) == ((), False)
    assert found.canary.startswith("no:")


@pytest.mark.parametrize(
    ("changes", "area", "sentence"),
    [
        ({"thresholds": {"confidence": 0.8}}, "thresholds", "thresholds.confidence is 0.8, before 0.7"),
        ({"deadline": "9s"}, "deadline", "deadline is"),
        ({"models": {"resolution": {"name": "openai/gpt-4o-2024-11-20"}}}, "models", "gpt-4o-2024-11-20"),
        (
            {"prompts": {"resolution": "other.md"}},
            "prompts",
            "the prompt of resolution differs",
        ),
        ({"knowledge": {"path": "kb", "passages": 6}}, "knowledge", "knowledge.passages is 6, before 4"),
        ({"policy": None}, "policy", "the conduct policy policy is gone"),
        ({"budget": {"usd_per_day": 3}}, "budget", "budget.usd_per_day is 3, before not set"),
        ({"price": {"input_usd_per_million_tokens": 1, "output_usd_per_million_tokens": 2}}, "price", "is 1"),
        ({"languages": {"de": {"prompts": {"resolution": "other.md"}}}}, "prompts", "de/resolution is new"),
    ],
)
def test_whatever_decides_how_it_answers_is_said(
    folder: Path, changes: dict[str, Any], area: str, sentence: str
) -> None:
    found = compared(folder, **changes)
    assert area in {change.area for change in found.changes}
    assert any(sentence in change.sentence for change in found.changes)
    assert found.needs_canary
    assert found.before.digest != found.after.digest


def test_a_role_that_gets_a_model_is_one_change_and_its_built_in_prompt_another(folder: Path) -> None:
    models = {**BASE["models"], "triage": {"name": "openai/gpt-4o-mini-2024-07-18", "max_tokens": 200}}
    found = [change.sentence for change in compared(folder, models=models).changes]
    assert found[0] == "triage is now done by openai/gpt-4o-mini-2024-07-18, before by rules or not at all"
    assert found[1].startswith("the prompt of triage is new")
    assert len(found) == 2


def test_a_prompt_is_shown_as_a_unified_diff(folder: Path) -> None:
    (change,) = compared(folder, prompts={"resolution": "other.md"}).changes
    assert {"-Be kind.", "+Be exact.", " Be short."} <= set(change.detail)


def test_articles_are_told_apart_by_id(folder: Path) -> None:
    found = compared(folder, knowledge={"path": "kb2", "passages": 4})
    told = {change.sentence: change.detail for change in found.changes}
    assert told == {
        "1 article added": ("pause: Pause",),
        "1 article removed": ("stop: Stop",),
        "1 article changed": ("start: Start",),
    }


@pytest.mark.parametrize(
    ("tools", "gained", "lost"),
    [
        ([*BASE["tools"], {"name": "list_orders", "authority": "read"}], 1, 0),
        ([{"name": "get_order", "authority": "read"}], 0, 1),
        ([BASE["tools"][0], {**CREDIT, "limits": {"amount_usd": 50, "per_ticket": 1}}], 1, 0),
        ([BASE["tools"][0], {**CREDIT, "limits": {"amount_usd": 5, "per_ticket": 1}}], 0, 1),
        ([BASE["tools"][0], {**CREDIT, "limits": {"per_ticket": 1}}], 1, 0),
        ([BASE["tools"][0], {**CREDIT, "approval": "never"}], 1, 0),
        ([BASE["tools"][0], {"name": "apply_credit", "authority": "read"}], 0, 1),
        ([BASE["tools"][0], {**CREDIT, "limits": {"amount_usd": 50, "per_ticket": 1, "per_day": 9}}], 1, 1),
    ],
)
def test_authority_is_told_as_gained_or_lost(folder: Path, tools: Any, gained: int, lost: int) -> None:
    found = compared(folder, tools=tools)
    ways = [change.authority for change in found.changes if change.area == "tools"]
    assert (ways.count("gained"), ways.count("lost")) == (gained, lost)
    assert ("it gains authority" in found.canary) == bool(gained)


def test_what_is_gained_one_way_is_lost_the_other(folder: Path) -> None:
    found = compared(
        folder, tools=[{**CREDIT, "approval": "never"}], thresholds={"confidence": 0.5}, policy=None
    )
    back = compare(found.after, found.before)
    ways = [change.authority for change in found.changes]
    swapped = [change.authority for change in back.changes]
    assert (ways.count("gained"), ways.count("lost")) == (swapped.count("lost"), swapped.count("gained"))


def test_a_milder_rule_is_authority(folder: Path) -> None:
    content = yaml.safe_load(SHIPPED_POLICY.read_text())
    content["content_guardrails"]["prohibited_topics"].pop(0)
    (folder / "milder.yaml").write_text(yaml.safe_dump(content))
    found = compared(folder, policy="milder.yaml")
    assert [change.authority for change in found.changes if change.area == "policy"] == ["gained"]


def test_a_version_that_is_not_there_is_named_with_the_nearest(folder: Path) -> None:
    write(folder, "1.0.0")
    with pytest.raises(UsageError, match=r"did you mean desk@1\.0\.0"):
        find("desk@1.0.1", folder)


class TestCommands:
    def test_diff_list_and_show(self, folder: Path) -> None:
        one, other = write(folder, "1.0.0"), write(folder, "1.1.0", tools=[{**CREDIT, "approval": "never"}])
        where = ["--agents", str(folder)]
        done = CliRunner().invoke(app, ["versions", "diff", one, other, *where])
        assert done.exit_code == 0
        assert "AUTHORITY GAINED  apply_credit: a person approves no call, before every call" in done.stdout
        told = json.loads(CliRunner().invoke(app, ["versions", "diff", one, other, "--json", *where]).stdout)
        assert (told["needs_canary"], len(told["authority_gained"])) == (True, 1)
        (folder / "desk@2.0.0.yaml").write_text("name: other\n")
        listed = json.loads(CliRunner().invoke(app, ["versions", "list", "--json", *where]).stdout)[
            "versions"
        ]
        assert [("problem" in row, row["version"]) for row in listed] == [
            (False, "desk@1.0.0"),
            (False, "desk@1.1.0"),
            (True, "desk@2.0.0"),
        ]
        shown = json.loads(CliRunner().invoke(app, ["versions", "show", one, "--json", *where]).stdout)
        assert shown["digest"] == told["before"]["digest"]
        assert shown["knowledge"] == "2 articles of kb"
