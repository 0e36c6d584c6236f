"""The check-up names what is broken and the next step, and leaves everything as it was."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from rollout.access import key_file
from rollout.access.key_desk import KeyDesk
from rollout.access.notes import Author
from rollout.access.roles import Role
from rollout.cli import app
from rollout.clock import SimulatedClock, SystemClock
from rollout.record.folder import RESTORING, DataFolder
from rollout.record.lock import OwnerLock
from rollout.records import Event, Kind, PlanPinned, Rated
from rollout.upkeep import checkup
from rollout.upkeep.checkup import examine
from rollout.upkeep.findings import Level, Patient

T = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def data(tmp_path):
    """A sound folder with three records, all of them in the view."""
    data = tmp_path / "data"
    with DataFolder.open(data, clock=SimulatedClock(T)) as folder:
        folder.record([Event(f"csat:{i}", Kind.CSAT, T, Rated(f"t{i}", 4, T)) for i in range(3)])
        folder.catch_up()
    return data


def found(data, check, now=T):
    """The worst finding of one check."""
    told = [each for each in examine(Patient(data, SimulatedClock(now))) if each.check == check]
    return max(told, key=lambda each: list(Level).index(each.level))


def test_a_sound_folder_has_nothing_worse_than_a_hint(data):
    findings = examine(Patient(data, SimulatedClock(T)))
    assert {each.check for each in findings} == set(checkup._CHECKS)
    assert [each.check for each in findings if each.level is not Level.OK] == ["keys"]
    assert all(each.remedy for each in findings if each.level is not Level.OK)


def test_a_changed_record_fails_with_its_place(data):
    (segment,) = data.glob("journal/*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"score":4', b'"score":5', 1))
    told = found(data, "journal")
    assert told.level is Level.FAIL
    assert "line 1" in told.sentence
    assert "operations.md" in told.remedy


def test_a_view_that_is_garbage_fails_and_one_that_is_not_there_is_a_hint(data):
    (data / "view.duckdb").write_bytes(b"garbage" * 4096)
    told = found(data, "view")
    assert (told.level, told.remedy) == (Level.FAIL, f"ridealong rebuild --data {data}")
    (data / "view.duckdb").unlink()
    assert found(data, "view").level is Level.WARN


def test_a_view_far_behind_is_a_hint(data, monkeypatch):
    monkeypatch.setattr(checkup, "_LAG", 0)
    with DataFolder.open(data, parts=("journal",), clock=SimulatedClock(T)) as folder:
        folder.record([Event("csat:9", Kind.CSAT, T, Rated("t9", 4, T))])
    told = found(data, "view")
    assert told.level is Level.WARN
    assert "1 behind" in told.sentence


@pytest.mark.parametrize(
    ("back", "level"), [(1, Level.OK), (4, Level.OK), (6, Level.FAIL), (86400, Level.FAIL)]
)
def test_a_record_from_the_future_fails_but_two_clocks_may_differ_a_little(data, back, level):
    assert found(data, "clock", T - timedelta(seconds=back)).level is level


def test_who_has_the_folder_is_told_and_a_server_that_does_not_answer_fails(data):
    with OwnerLock(data / "owner.lock", holder="import", url=None, clock=SystemClock()):
        told = found(data, "in use")
        assert (told.level, "`import` has it" in told.sentence) == (Level.OK, True)
    with OwnerLock(data / "owner.lock", holder="serve", url="http://127.0.0.1:9", clock=SystemClock()):
        assert found(data, "in use").level is Level.FAIL
    assert found(data, "in use").sentence == "nobody has the folder"


def test_keys_that_end_soon_or_no_longer_open_are_told(data):
    with DataFolder.open(data, parts=("journal",)) as folder:
        desk = KeyDesk(data, folder.journal.append, clock=SimulatedClock(T))
        author = Author("os:mia", "os", ("admin",), "mia")
        desk.create(author, "test", Role.ADMIN, None, name="mia", expires_at=T + timedelta(days=20))
    assert found(data, "keys", T).level is Level.OK
    assert "mia" in found(data, "keys", T + timedelta(days=10)).sentence
    assert found(data, "keys", T + timedelta(days=21)).level is Level.FAIL


def test_damaged_keys_and_settings_fail_by_themselves(data):
    key_file.path_of(data).parent.mkdir()
    key_file.path_of(data).write_text("{")
    (data / "webhooks.yaml").write_text("outt: []\n")
    findings = {each.check: each for each in examine(Patient(data, SimulatedClock(T)))}
    assert findings["keys"].level is Level.FAIL
    assert "outt" in findings["settings"].sentence
    assert findings["journal"].level is Level.OK


def test_a_pinned_plan_that_this_version_refuses_fails(data):
    with DataFolder.open(data, parts=("journal",)) as folder:
        folder.record(
            [Event("plan:x", Kind.CONFIG, T, PlanPinned("x", {"nonsense": 1}, "x.yaml"), workflow="w")]
        )
    told = found(data, "plans")
    assert told.level is Level.FAIL
    assert "record 4 (w)" in told.sentence


def test_a_full_disk_fails(data, monkeypatch):
    usage = type("Usage", (), {"free": 1 << 20})
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda _: usage)
    assert found(data, "disk").level is Level.FAIL


def test_a_folder_open_to_everybody_is_a_hint_and_a_half_restored_one_fails(data):
    data.chmod(0o755)
    assert found(data, "folder").level is Level.WARN
    (data / RESTORING).write_text("[]")
    assert found(data, "folder").level is Level.FAIL


def test_the_command_answers_no_when_something_is_broken(data):
    run = CliRunner().invoke
    assert run(app, ["doctor", "--data", str(data)]).exit_code == 0
    (data / "view.duckdb").write_bytes(b"garbage" * 4096)
    done = run(app, ["doctor", "--data", str(data), "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["sound"]) == (1, False)
    assert [each["check"] for each in told["findings"] if each["level"] == "fail"] == ["view"]
