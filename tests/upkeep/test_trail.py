"""The audit trail tells who did what within a tenant, and notices a record that was changed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from rollout.access.notes import Author, used
from rollout.api.page_reads import What
from rollout.clock import SimulatedClock
from rollout.errors import UsageError
from rollout.incidents.incident import Severity, event, opening
from rollout.record.folder import DataFolder
from rollout.records import Claimed, Drafted, Event, JudgeCalibrated, Kind, ToolCalled, ToolDecided
from rollout.upkeep.trail import KINDS, KNOWN, trail, verified

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
OF_TICKETS = {
    *("ticket", "triage", "assignment", "handling", "comparison", "escalation", "resolution", "csat"),
    *("history", "turn", "queued"),
}
"""Kinds that say what became of a ticket: its story tells them."""
ADA = Author("key:1", "key", ("release_manager",), "ada (key:1)")


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    with DataFolder.open(tmp_path / "data", clock=SimulatedClock(NOW)) as found:
        refused = used("refused", ADA, "default", "POST /v1/keys", NOW, {"code": "forbidden"})
        ordered = used(
            "ordered", ADA, "default", "POST /v1/x", NOW, {"action": "abort", "reason": "why"}, "w"
        )
        theirs = used("ordered", ADA, "another", "POST /v1/x", NOW, {"action": "abort"}, "w")
        noted = opening("inc-1", Severity.SEV1, "refunds twice", version=None, origin="person")
        incident = event(noted, "", "default", "w", "ada", NOW)
        claim = Event("claim:t-1:1", Kind.CLAIM, NOW, Claimed("t-1", 1, "ada"), workflow="w", actor="ada")
        draft = Event("draft:t-1:1", Kind.APPROVAL, NOW, Drafted("t-1", "a@1", 1), workflow="w")
        found.record([refused, ordered, theirs, incident, claim, draft])
        found.catch_up()
        yield found


def told(folder: Any, what: str = "", tenant: str = "default") -> list[tuple[str, str]]:
    rows = trail(folder.view, tenant, what, since=NOW - timedelta(days=28))["rows"]
    return [(row["kind"], row["action"]) for row in rows]


def test_what_people_did_is_told_newest_first_and_an_agents_draft_is_none_of_it(folder: Any) -> None:
    deeds = [("claim", "claimed"), ("incident", "open"), ("access", "ordered"), ("access", "refused")]
    assert told(folder) == deeds


def test_it_can_be_narrowed_and_never_leaves_the_tenant(folder: Any) -> None:
    assert told(folder, "refusals") == [("access", "refused")]
    assert told(folder, "desk") == [("claim", "claimed")]
    assert told(folder, tenant="another") == [("access", "ordered")]
    with pytest.raises(UsageError, match="there is orders"):
        told(folder, "everything")


@pytest.mark.parametrize(
    ("shortfalls", "action", "detail"),
    [
        ((), "judge calibrated", "240 pairs"),
        (("kappa 0.41 < 0.6",), "judge fell short", "240 pairs; kappa 0.41 < 0.6"),
    ],
)
def test_whether_a_judge_was_found_to_be_worth_something_is_told(
    folder: Any, shortfalls: tuple[str, ...], action: str, detail: str
) -> None:
    found = JudgeCalibrated("judge:m#1", not shortfalls, 240, shortfalls)
    folder.record([Event("calibration:w:1", Kind.CALIBRATION, NOW, found, workflow="w", actor="ada")])
    folder.catch_up()
    (row,) = trail(folder.view, "default", "judging", since=NOW)["rows"]
    assert (row["action"], row["about"], row["detail"], row["actor"]) == (action, "judge:m#1", detail, "ada")
    assert ("calibration", action) in told(folder)


def test_an_approval_can_be_told_by_the_call_it_is_about(folder: Any) -> None:
    """Who agreed is of use only beside what an agent had asked for."""
    same = {"ticket_id": "t-1", "customer_id": "c", "version": "a@1", "step": "full", "mode": "live"}
    asked = ToolCalled(
        **same, number=1, tool="refund", what="asked", message=1, detail="too much", approval_id="apr-1"
    )
    read = ToolCalled(**same, number=2, tool="get_order", what="read", message=1)
    said = ToolDecided("t-1", 1, "apr-1", "approve", "sha256:aa", begins=True)
    folder.record(
        [
            Event("tool:t-1:1", Kind.TOOL, NOW, asked, workflow="w", actor="agent:a@1"),
            Event("tool:t-1:2", Kind.TOOL, NOW, read, workflow="w", actor="agent:a@1"),
            Event("tool-decision:t-1:1:1", Kind.APPROVAL, NOW, said, workflow="w", actor="ada"),
        ]
    )
    folder.catch_up()
    rows = trail(folder.view, "default", "desk", since=NOW)["rows"]
    assert [(row["actor"], row["action"], row["about"]) for row in rows[:2]] == [
        ("ada", "approve", "apr-1, t-1"),
        ("agent:a@1", "asked", "apr-1, refund, t-1, a@1"),
    ]
    assert len(rows) == 3, "and the claim; what only reads is no deed"


def test_every_kind_of_record_is_in_the_trail_or_in_a_tickets_story() -> None:
    """Whoever adds a kind says which: what nobody can look for is as good as not recorded."""
    told = [kind for kinds in KINDS.values() for kind in kinds]
    assert len(told) == len(set(told))
    assert not OF_TICKETS & set(told)
    assert OF_TICKETS | set(told) == {kind.value for kind in Kind}


def test_the_door_takes_and_tells_exactly_what_there_is(folder: Any) -> None:
    assert get_args(What) == ("", *KNOWN)
    assert trail(folder.view, "default", since=NOW)["known"] == list(KNOWN)
    (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith("| `GET /v1/audit?what=`")]
    assert row.endswith(f"`what`: {', '.join(f'`{name}`' for name in KNOWN)} |")


def test_refusals_are_counted_by_door_and_reason(folder: Any) -> None:
    (row,) = trail(folder.view, "default", since=NOW - timedelta(days=28))["refusals"]
    assert (row["route"], row["code"], row["n"]) == ("POST /v1/keys", "forbidden", 1)
    assert trail(folder.view, "default", since=NOW)["refusals"] == []


def test_a_sound_chain_is_said_to_be_sound_up_to_its_head(folder: Any) -> None:
    found = verified(folder.path, NOW)
    assert (found["sound"], found["whole"], found["records"]) == (True, True, 6)
    assert (found["head"], found["hash"]) == tuple(folder.head())


def test_only_the_newest_are_looked_at_and_each_against_the_one_before(
    folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollout.upkeep.trail.CHECKED", 2)
    found = verified(folder.path, NOW)
    assert (found["sound"], found["whole"], found["records"], found["first"]) == (True, False, 2, 5)
    assert found["head"] == 6


def test_a_record_that_was_changed_is_named(folder: Any) -> None:
    (segment,) = (folder.path / "journal").glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b"refunds twice", b"refunds once!"))
    found = verified(folder.path, NOW)
    assert not found["sound"]
    assert "does not match its digest" in found["fault"]


def test_an_empty_journal_is_sound(tmp_path: Path) -> None:
    with DataFolder.open(tmp_path / "data") as empty:
        found = verified(empty.path, NOW)
    assert (found["sound"], found["records"], found["head"]) == (True, 0, 0)
