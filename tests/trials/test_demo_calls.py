"""What waits for a person at the end of a demo was asked for by its agent, through the gate of tools."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from agents.tools.refusals import ToolFailed
from policies.load import load_plan
from policies.tool_files import load_tools
from rollout.approvals.calls import ASKED, DONE, PENDING, Call, of_ticket
from rollout.cli import app
from rollout.record.audit import verify
from rollout.record.folder import DataFolder
from rollout.records import Kind
from rollout.serve import server
from rollout.trials import demo, demo_tools, world
from rollout.trials.demo import Settings
from rollout.trials.demo_run import demonstrate, plans_of
from rollout.trials.desk_calls import OF_A_KIND, TOOLS
from rollout.trials.wording import order_of
from rollout.trials.world import Size

SEED = 1


class Day(Settings):
    """One day only: the last."""

    @property
    def days(self) -> list[date]:
        return super().days[-1:]


def at_full(place: Path, **changes: Any) -> Path:
    """The demo's plan, begun at its last step."""
    told = yaml.safe_load(demo.PLAN.read_text())
    told["steps"] = [told["steps"][-1] | changes]
    path = place / "demo.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


@dataclass
class Desk:
    """A demo that is over, and the calls in its record."""

    data: Path
    calls: list[Call]
    texts: Mapping[str, str]
    """What each ticket with a call says."""
    arguments: Mapping[str, Mapping[str, Any]]
    """By approval."""


def desk_of(data: Path) -> Desk:
    with DataFolder.open(data, create=False) as folder:
        opened: dict[str, str] = {}
        asking: dict[str, None] = {}
        for record in folder.journal.read():
            if record.kind == Kind.TICKET:
                opened[record.payload["ticket_id"]] = record.payload["content"]["text"]
            elif record.kind == Kind.TOOL:
                asking[record.payload["ticket_id"]] = None
        calls = [call for ticket in asking for call in of_ticket(folder.journal, "default", ticket)]
        texts = {ticket: folder.content.get(opened[ticket]) or "" for ticket in asking}
        waiting = [call for call in calls if call.what == ASKED]
        found = {
            str(call.approval_id): yaml.safe_load(folder.content.get(str(call.arguments)) or "")
            for call in waiting
        }
    return Desk(data, calls, texts, found)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk whose agent serves everybody and may write, at the end of its first day, which was yesterday."""
    place = tmp_path_factory.mktemp("calls")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "PLAN", at_full(place))
        patch.setattr(world, "_WEEK", np.ones(7))  # the same day, whichever day of the week this runs on
        demonstrate(place / "data", Day(seed=SEED, size=Size(250, 900)))
    return desk_of(place / "data")


def test_refunds_and_changed_addresses_wait_with_what_the_customer_wrote(closed: Desk) -> None:
    waiting = [call for call in closed.calls if call.what == ASKED]
    assert {call.tool for call in waiting} == {"refund", "change_email"}
    assert len(waiting) >= 4
    for call in waiting:
        told = closed.arguments[str(call.approval_id)]
        assert told["customer_id"] == call.customer_id
        assert told.get("order_id", told.get("email")) in closed.texts[call.ticket_id]
        assert call.amount is None or float(call.amount) == told["amount_usd"] > 20
    assert {call.reason for call in waiting} == {"over-limit", "always"}
    assert {call.approvers for call in waiting if call.tool == "change_email"} == {2}


def test_they_wait_for_days_because_nobody_opens_a_demo_at_midnight(closed: Desk) -> None:
    later = datetime.now(UTC) + timedelta(days=5)
    assert {call.state(later) for call in closed.calls if call.what == ASKED} == {PENDING}


def test_what_the_agent_may_do_by_itself_is_done_and_told(closed: Desk) -> None:
    small = [call for call in closed.calls if call.tool == "refund" and call.what != ASKED]
    assert [call.state(datetime.now(UTC)) for call in small] == [DONE]
    assert small[0].amount is not None
    assert small[0].amount <= 20
    with DataFolder.open(closed.data, create=False) as folder:
        handled = folder.journal.find(f"handling:{small[0].ticket_id}:agent:1")
    assert handled is not None
    assert handled.payload["outcome"] == "replied"


def test_whoever_waits_for_a_person_is_handed_to_one_with_a_packet(closed: Desk) -> None:
    waiting = {call.ticket_id for call in closed.calls if call.what == ASKED}
    with DataFolder.open(closed.data, create=False) as folder:
        for ticket_id in waiting:
            handed = folder.journal.find(f"escalation:{ticket_id}:1")
            assert handed is not None
            assert handed.payload["reason"] == "tool-approval-needed"
            assert "approvals" in (folder.content.get(handed.payload["content"]["packet"]) or "")


def test_no_subject_is_called_for_more_than_twice_and_the_record_is_sound(closed: Desk) -> None:
    tickets = {call.ticket_id: call.tool for call in closed.calls}
    assert max(Counter(tickets.values()).values()) <= 2 * OF_A_KIND
    assert not verify(closed.data).faults


def test_a_step_that_does_not_let_it_write_has_nothing_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PLAN", at_full(tmp_path, tools="read"))
    demonstrate(tmp_path / "data", Day(seed=SEED, size=Size(60, 300)))
    assert desk_of(tmp_path / "data").calls == []


def test_the_shipped_plan_lets_the_agent_write_at_its_last_step_only() -> None:
    steps = load_plan(demo.PLAN).steps
    assert [step.name for step in steps if step.tools == "write"] == [steps[-1].name]


def test_the_tools_know_whose_an_order_is_and_pay_nothing_twice() -> None:
    told = {"customer_id": "customer-00007", "order_id": order_of(7), "amount_usd": 5, "reason": "returned"}
    assert demo_tools.refund(told, "k1") == demo_tools.refund(told, "k1")
    assert demo_tools.get_order_status({name: told[name] for name in ("customer_id", "order_id")}, "")[
        "refunded_usd"
    ] in {"5", "5.0"}
    with pytest.raises(ToolFailed, match="no order"):
        demo_tools.refund({**told, "order_id": order_of(8)}, "k2")
    with pytest.raises(ToolFailed, match="more than was paid"):
        demo_tools.refund({**told, "amount_usd": 5_000}, "k3")


@pytest.mark.slow
def test_who_opens_the_demo_approves_one_which_is_made_once_and_denies_another(closed: Desk) -> None:
    """The demo as it is shown: every process of the server, and the desk's doors."""
    with server.running(closed.data, plans=plans_of(closed.data), port=0) as (supervisor, url):
        server.wait_until_ready(supervisor, url)
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as api:

            def waiting(tool: str) -> list[dict[str, Any]]:
                found = api.get("/v1/approvals").json()["approvals"]
                return [each for each in found if each["tool"] == tool]

            def word(asked: Mapping[str, Any], verdict: str, actor: str) -> httpx.Response:
                body = {"arguments_digest": asked["arguments_digest"], "reason": "seen", "actor": actor}
                return api.post(f"/v1/approvals/{asked['approval_id']}/{verdict}", json=body)

            good, bad = waiting("refund")[:2]
            made = word(good, "approve", "ada").json()
            assert made["state"] == "done", made
            assert made["result"]["order_id"] == good["arguments"]["order_id"]
            assert word(good, "approve", "bo").status_code == 409
            assert word(bad, "deny", "ada").json()["state"] == "denied"
            assert word(bad, "approve", "bo").status_code == 409
            address = waiting("change_email")[0]
            assert word(address, "approve", "ada").json()["state"] == "pending"
            assert word(address, "approve", "ada").status_code == 409
            assert word(address, "approve", "bo").json()["state"] == "done"
            left = {each["approval_id"] for each in waiting("refund") + waiting("change_email")}
    assert not left & {good["approval_id"], bad["approval_id"], address["approval_id"]}
    calls = desk_of(closed.data).calls
    made_calls = {str(call.approval_id): call for call in calls if call.what == ASKED and call.result}
    assert set(made_calls) == {good["approval_id"], address["approval_id"]}
    with DataFolder.open(closed.data, create=False) as folder:
        returned = [
            record.payload["ticket_id"]
            for record in folder.journal.read()
            if record.kind == Kind.TOOL and "outcome" in record.payload
        ]
    assert Counter(returned)[good["ticket_id"]] == 2, "the order was looked up, and the money paid once"
    assert Counter(returned)[bad["ticket_id"]] == 1, "only looked up"


def test_the_command_serves_the_demo_with_its_own_plan_and_tools(
    closed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[Path, Path | None]] = []
    monkeypatch.setattr("rollout.serve.up", lambda data, *, plans, **_: served.append((data, plans)))
    result = CliRunner().invoke(app, ["demo", "--data", str(closed.data), "--no-open"])
    assert result.exit_code == 0, result.output
    assert served == [(closed.data, closed.data / "policies" / "rollouts")]
    assert load_tools(closed.data / "policies" / "tools") == load_tools(TOOLS)
