"""``ridealong webhooks`` and ``ridealong incident``, as people call them."""

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rollout.cli import app
from rollout.errors import TransitionRefused, UsageError
from rollout.notify.store import FILE, Outbox
from rollout.record.folder import DataFolder
from rollout.records import Event, Kind, Rated

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with DataFolder.open(tmp_path / "data", parts=("journal",)) as folder:
        rated = Rated("t", 5.0, NOW)
        folder.record([Event("csat:1", Kind.CSAT, NOW, rated, workflow="tier1-support")])
    return tmp_path / "data"


@pytest.fixture
def run(data: Path) -> Run:
    def call(*words: object) -> Result:
        return CliRunner().invoke(app, [*map(str, words), "--data", str(data)])

    return call


def told(run: Run, *words: object) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_incident_is_opened_graded_and_closed(run: Run) -> None:
    made = told(run, "incident", "open", "tier1-support", "--severity", 2, "--title", "told a wrong price")
    assert (made["status"], made["blocks"]) == ("open", True)
    assert (
        told(run, "incident", "acknowledge", made["incident_id"], "--actor", "bo")["acknowledged_by"] == "bo"
    )
    listed = run("incident", "list").stdout
    assert f"{made['incident_id']}  severity 2  acknowledged  HOLDS PROMOTION" in listed
    assert "1  harm that is done" in listed
    graded = told(run, "incident", "grade", made["incident_id"], "--severity", 3, "--reason", "one customer")
    assert graded["blocks"] is False
    closed = told(run, "incident", "close", made["incident_id"], "--reason", "price list mended")
    assert (closed["status"], closed["reason"]) == ("closed", "price list mended")
    assert told(run, "incident", "list") == []
    assert told(run, "incident", "list", "--all") == [closed]
    assert "No incident is open." in run("incident", "list").stdout


def test_what_cannot_be_is_refused_in_words(run: Run) -> None:
    made = told(run, "incident", "open", "tier1-support", "--severity", 4, "--title", "a near miss")
    told(run, "incident", "close", made["incident_id"], "--reason", "nothing happened")
    again = run("incident", "close", made["incident_id"], "--reason", "again")
    assert isinstance(again.exception, TransitionRefused)
    unknown = run("incident", "close", "nobody", "--reason", "x y z")
    assert isinstance(unknown.exception, UsageError)
    assert "there is no incident 'nobody'" in str(unknown.exception)
    assert run("incident", "open", "w", "--severity", 5, "--title", "x").exit_code == 2


def test_dead_letters_are_listed_with_their_cause_and_replayed(run: Run, data: Path) -> None:
    assert "Nothing was to be told so far." in run("webhooks", "list").stdout
    with Outbox(data / FILE) as outbox:
        outbox.begin(["ops"], 0)
        outbox.add([("ops", 1, "handoff"), ("ops", 2, "incident")], ["ops"], 2, 0.0)
        outbox.failed(outbox.all()[0], "HTTP 500", None, 0.0)
    text = run("webhooks", "list").stdout
    assert "ops: 1 dead" in text
    assert "ops  incident of record 2, dead after 1 tries: HTTP 500" in text
    (letter,) = told(run, "webhooks", "list")["messages"]
    assert len(told(run, "webhooks", "list", "--state", "all")["messages"]) == 2
    assert told(run, "webhooks", "replay", "--dead") == {"replayed": 1}
    assert told(run, "webhooks", "list", "--state", "pending")["messages"][0]["attempts"] == 0
    assert told(run, "webhooks", "replay", letter["id"]) == {"replayed": 1}
    assert run("webhooks", "replay", "dlv_none").exit_code == 1
    assert run("webhooks", "replay", "--dead").exit_code == 1
    assert isinstance(run("webhooks", "replay").exception, UsageError)
    assert isinstance(run("webhooks", "list", "--state", "lost").exception, UsageError)


def test_a_test_message_says_why_it_did_not_arrive(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("OUT_SECRET", "a-secret-of-sixteen")
    url = f"http://127.0.0.1:{port}/x"
    text = f"out: [{{name: ops, url: '{url}', events: [incident], secrets: [env:OUT_SECRET]PRIVATE}}]"
    (data / "webhooks.yaml").write_text(text.replace("PRIVATE", ""))
    refused = run("webhooks", "test", "ops")
    assert refused.exit_code == 1
    assert "`private: true` allows it" in refused.stdout
    (data / "webhooks.yaml").write_text(text.replace("PRIVATE", ", private: true"))
    away = run("webhooks", "test", "ops", "--json")
    assert json.loads(away.stdout) == {
        "subscription": "ops",
        "arrived": False,
        "cause": "cannot be reached (ConnectError)",
    }
    assert "there are: ops" in str(run("webhooks", "test", "bi").exception)
    monkeypatch.delenv("OUT_SECRET")
    assert "env:OUT_SECRET: there is no secret" in str(run("webhooks", "test", "ops").exception)
