"""The demo runs the real parts: what it leaves behind is a record like any other."""

from datetime import UTC, date, datetime

import orjson
import pytest
from typer.testing import CliRunner

from policies.load import load_plan
from rollout.cli import app
from rollout.errors import UsageError
from rollout.record.audit import verify
from rollout.record.folder import DataFolder
from rollout.records import Event, Kind, Rated
from rollout.trials.demo import MANAGER, PLAN, Settings, simulate
from rollout.trials.demo_run import demonstrate
from rollout.trials.world import Size

UNTIL = date(2026, 3, 30)
SMALL = Settings(weeks=1, seed=3, until=UNTIL, size=Size(50, 400))


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """One small simulated week: the folder and its summary."""
    data = tmp_path_factory.mktemp("demo") / "data"
    return data, demonstrate(data, SMALL)


def test_every_ticket_of_the_desk_is_decided_and_recorded(week) -> None:
    data, summary = week
    with DataFolder.open(data, create=False) as folder:
        folder.catch_up()
        row = folder.view.query(
            "SELECT count(*) AS tickets, count(step) AS assigned, count(resolved_at) AS resolved,"
            " count(csat) AS rated, min(source) AS source FROM facts"
        )[0]
        compared = folder.view.query("SELECT count(*) AS n FROM comparisons")[0]["n"]
        eligible = folder.view.query("SELECT count(*) AS n FROM facts WHERE eligible")[0]["n"]
    assert row["tickets"] == row["assigned"] == summary["tickets"] > 250
    assert row["resolved"] > 0.8 * row["tickets"]
    assert 0 < row["rated"] < 0.25 * row["tickets"]
    assert row["source"] == "demo"
    assert 0.9 * eligible < compared <= eligible


def test_the_record_is_sound_and_carries_the_simulated_time(week) -> None:
    data, summary = week
    found = verify(data)
    assert not found.faults
    assert found.records == summary["events"]
    with DataFolder.open(data, create=False) as folder:
        recorded = [record.recorded_at.date() for record in folder.journal.read()]
    assert min(recorded) == date(2026, 3, 23)
    assert max(recorded) <= UNTIL


def test_the_release_manager_starts_what_the_plan_says(week) -> None:
    _, summary = week
    started = summary["transitions"][0]
    assert (started["action"], started["to_step"], started["actor"]) == ("start", "shadow", MANAGER)


def test_the_same_seed_leaves_the_same_facts(week, tmp_path) -> None:
    data, _ = week
    simulate(tmp_path / "again", SMALL)
    found = set()
    for path in (data, tmp_path / "again"):
        with DataFolder.open(path, create=False) as folder:
            folder.catch_up()
            refs = [dict(record.payload.get("content") or {}) for record in folder.journal.read()]
            found.add((folder.view.digest(), repr(refs)))
    assert len(found) == 1, "to the last reference of a text"


def test_a_finished_demo_is_shown_again_instead_of_simulated(week) -> None:
    data, summary = week
    told: list[str] = []
    assert demonstrate(data, SMALL, tell=told.append) == summary
    assert "holds a demo already" in told[0]
    assert "starts in shadow" in told[1]


def test_a_folder_with_other_records_is_not_simulated_into(tmp_path) -> None:
    with DataFolder.open(tmp_path / "data") as folder:
        at = datetime(2026, 3, 1, tzinfo=UTC)
        folder.record([Event("csat:t1:1", Kind.CSAT, at, Rated("t1", 5.0, at))])
    with pytest.raises(UsageError, match="holds records already"):
        demonstrate(tmp_path / "data", SMALL)


def test_the_command_prints_json_and_serves_nothing(week) -> None:
    data, summary = week
    result = CliRunner().invoke(app, ["demo", "--data", str(data), "--json"])
    assert result.exit_code == 0, result.output
    assert orjson.loads(result.stdout) == summary


def test_the_command_tells_the_story_and_where_the_data_are(week) -> None:
    data, _ = week
    result = CliRunner().invoke(app, ["demo", "--data", str(data), "--no-serve"])
    assert "week  1  2026-03-23  start" in result.stdout
    assert f"ridealong status demo-support --data {data}" in result.stdout


def test_the_demo_plan_is_no_easier_than_it_says() -> None:
    """Steps are shorter than a real desk's; error rates and the rules of the ladder are not softened."""
    plan = load_plan(PLAN)
    assert (plan.inference.alpha, plan.inference.power, plan.inference.method) == (0.05, 0.8, "sequential")
    assert plan.holdout >= 5
    assert plan.on_fail == "roll_back"
    assert [step.margin_scale for step in plan.steps if step.mode == "live"][-2:] == [1.0, 1.0]
    assert "csat" in plan.gate_of(plan.steps[2])


@pytest.mark.slow
def test_a_good_agent_climbs_to_full_and_a_bad_update_is_taken_back(tmp_path) -> None:
    """The whole story on a smaller desk whose customers answer more surveys."""
    summary = demonstrate(
        tmp_path / "data", Settings(weeks=10, seed=1, until=UNTIL, size=Size(220, 6_000, csat_response=0.5))
    )
    ladder = [
        row for row in summary["transitions"] if row["track"] == "ladder" and row["action"] == "promote"
    ]
    assert [row["to_step"] for row in ladder][:4] == ["ten", "thirty", "sixty", "full"]
    assert [row["actor"] for row in ladder[:4]] == [MANAGER, MANAGER, "controller", "controller"]
    canary = [row for row in summary["transitions"] if row["track"] == "canary"]
    assert (canary[0]["action"], canary[-1]["action"]) == ("start", "roll_back")
    assert canary[-1]["reason"] == "INFERIOR"
    assert not [
        row for row in summary["transitions"] if row["track"] == "ladder" and row["action"] == "roll_back"
    ]
    with DataFolder.open(tmp_path / "data", create=False) as folder:
        asked = [record.payload for record in folder.journal.read() if record.kind == Kind.TOOL]
    assert "asked" in {each.get("what") for each in asked}, "calls wait for a person at its desk"


def test_whoever_opens_the_desk_finds_words(week) -> None:
    """A ticket has a text, what was answered is kept, and a hand-off that waits comes with its packet."""
    data, _ = week
    with DataFolder.open(data, create=False) as folder:
        texts = folder.content.get
        kept: dict[str, list[str]] = {}
        for record in folder.journal.read():
            for part, ref in (record.payload.get("content") or {}).items():
                kept.setdefault(f"{record.kind}/{part}", []).append(texts(ref) or "")
    assert set(kept) >= {
        "ticket/subject",
        "ticket/text",
        "handling/human-reply",
        "escalation/packet",
        "comparison/shadow-reply",
    }
    assert all(body for bodies in kept.values() for body in bodies)
    assert not any("{" in body for bodies in kept.values() for body in bodies), "no blank is left open"
    assert all(body.startswith("- next-step: ") for body in kept["escalation/packet"])
    assert {"Hello" in body for body in kept["ticket/text"]} == {True, False}, "two languages"


def test_drafts_wait_at_the_end_and_one_of_them_may_not_go_out_as_it_is(week) -> None:
    data, _ = week
    with DataFolder.open(data, create=False) as folder:
        waiting = [record.payload for record in folder.journal.read() if record.kind == Kind.APPROVAL]
        texts = [folder.content.get(each["content"]["draft"]) for each in waiting]
        kept = folder.view.query("SELECT ticket_id FROM facts WHERE assignment_reason = 'NOT_ELIGIBLE'")
    assert len(waiting) == 3
    assert {each["ticket_id"] for each in waiting} <= {row["ticket_id"] for row in kept}
    assert [bool(each["violations"]) for each in waiting] == [False, False, True]
    assert all(texts)
