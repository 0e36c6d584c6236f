"""``ridealong plan``, as people call it."""

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rollout.cli import app
from rollout.errors import UnknownWorkflow, UsageError
from rollout.record.folder import DataFolder

SHIPPED = Path(__file__).parents[2] / "policies" / "rollouts"
PLAYBOOK = SHIPPED / "playbook-ladder.yaml"
START = ("--from", "2026-01-05T00:00:00+00:00")


def run(*words):
    return CliRunner().invoke(app, ["plan", *(str(word) for word in words)])


def test_the_text_has_bars_tables_moves_and_what_it_rests_on():
    result = run(PLAYBOOK, *START, "--volume", "600")
    assert result.exit_code == 0
    text = result.stdout
    assert "LADDER: " in text
    assert "CANARY (inside the agent's share at step full): " in text
    assert "moves 20 % of eligible customers to the agent, 10 % stay there, 0 % leave" in text
    assert "at 30 % its gate would take " in text
    assert "600.0 eligible tickets a day, given (--volume)" in text
    assert "Fast metrics (escalation, violations, errors, latency) judge this step" in text
    assert "1.30           assumed" in text


def test_the_size_of_harm_a_short_step_can_see_is_said_where_there_are_enough_answers():
    text = run(PLAYBOOK, *START, "--volume", "20000").stdout
    assert "within 48h csat shows a worsening of 0." in text
    assert "within 48h recontact_7d shows nothing, its first outcomes are known after 7d" in text


def test_json_and_picture_tell_the_same_dates(tmp_path):
    svg = tmp_path / "plan.svg"
    told = json.loads(run(PLAYBOOK, *START, "--json", "--svg", svg).stdout)
    picture = ET.fromstring(svg.read_text())
    description = picture.find("{http://www.w3.org/2000/svg}desc").text
    for track in told["tracks"]:
        for step in track["steps"]:
            assert f"{step['name']} " in description
    assert "href" not in svg.read_text(), "self-contained"


def test_a_picture_says_in_words_that_a_step_is_too_short(tmp_path):
    plan = tmp_path / "plan.yaml"
    text = PLAYBOOK.read_text().replace("    set_weight: 10\n", "    set_weight: 10\n    max_duration: 14d\n")
    plan.write_text(text)
    svg = tmp_path / "plan.svg"
    result = run(plan, *START, "--volume", "600", "--svg", svg)
    assert "NOT DECIDABLE: ten has 14d, csat needs " in result.stdout
    assert "over max_duration" in svg.read_text()


def test_an_ill_named_workflow_cannot_break_the_picture(tmp_path):
    from rollout.planning.picture import picture

    told = json.loads(run(PLAYBOOK, *START, "--json").stdout)
    drawn = picture(told | {"workflow": '<script>"&'})
    assert "<script>" not in drawn
    ET.fromstring(drawn)


def test_without_a_volume_it_says_what_to_do(tmp_path):
    plan = tmp_path / "plan.yaml"
    lines = [line for line in PLAYBOOK.read_text().splitlines() if not line.startswith("volume")]
    plan.write_text("\n".join(lines) + "\n")
    error = run(plan).exception
    assert isinstance(error, UsageError)
    assert "declare volume" in str(error)


@pytest.mark.parametrize(
    "words", [["gone.yaml"], [PLAYBOOK, "--workflow", "x"], [PLAYBOOK, "--from", "monday"]]
)
def test_wrong_usage_is_told(words):
    assert isinstance(run(*words).exception, UsageError)


def test_a_data_folder_without_the_workflow_names_what_there_is(tmp_path):
    with DataFolder.open(tmp_path / "data"):
        pass
    error = run(PLAYBOOK, "--data", tmp_path / "data").exception
    assert isinstance(error, UnknownWorkflow)


def test_dates_count_from_the_moment_given():
    told = json.loads(run(PLAYBOOK, *START, "--json").stdout)
    assert datetime.fromisoformat(told["start"]) == datetime(2026, 1, 5, tzinfo=UTC)
    first = told["tracks"][0]["steps"][0]["left"]["0.8"]
    assert first == {"days": 14.0, "date": "2026-01-19T00:00:00+00:00"}
