"""The replay of published runs: what it counts is what the desk would decide, and the page says so."""

import json
import runpy
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bench() -> Any:
    before = sys.path[:]
    yield runpy.run_path(str(ROOT / "benchmarks" / "tau_bench.py"))
    sys.path[:] = before
    sys.modules.pop("tau_bench_page", None)


def a_run(*calls: tuple[str, dict[str, Any], str], reward: float = 1.0, actions: Any = ()) -> dict[str, Any]:
    """One made-up run: each call with what the tool answered."""
    turns: list[dict[str, Any]] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello, my user id is ada_1."},
    ]
    for number, (name, arguments, answer) in enumerate(calls):
        call = {"id": f"call-{number}", "function": {"name": name, "arguments": json.dumps(arguments)}}
        turns.append({"role": "assistant", "content": None, "tool_calls": [call]})
        turns.append({"role": "tool", "tool_call_id": f"call-{number}", "name": name, "content": answer})
    turns.append({"role": "assistant", "content": "It is done."})
    task = {"user_id": "ada_1", "actions": list(actions)}
    return {"task_id": 1, "trial": 0, "reward": reward, "traj": turns, "info": {"task": task}}


CANCEL = ("cancel_reservation", {"reservation_id": "ABC123"}, "{}")


def decisions(bench: Any, run: Any, *, writes: bool = True) -> list[tuple[str, str]]:
    ticket = bench["replay"](run, bench["catalogue"](), None, writes=writes)
    return [(decision, reason) for _, _, decision, reason in ticket.calls]


def test_reads_pass_writes_wait_and_small_ones_do_not(bench: Any) -> None:
    run = a_run(
        ("get_user_details", {"user_id": "ada_1"}, "{}"),
        CANCEL,
        ("send_certificate", {"user_id": "ada_1", "amount": 100}, "ok"),
        ("send_certificate", {"user_id": "ada_1", "amount": 150}, "ok"),
    )
    assert [decision for decision, _ in decisions(bench, run)] == [
        "allowed",
        "needs approval",
        "allowed",
        "denied",  # one certificate a ticket
    ]


def test_another_customer_and_arguments_beside_the_schema_are_denied(bench: Any) -> None:
    run = a_run(
        ("get_user_details", {"user_id": "eve_2"}, "{}"),
        ("cancel_reservation", {"reservation_id": "ABC123", "user_id": "eve_2"}, "{}"),
        ("drop_table", {}, "{}"),
    )
    reasons = [reason for _, reason in decisions(bench, run)]
    assert reasons == ["other-customer", "arguments", "unknown-tool"]


def test_without_a_step_that_lets_it_write_every_write_is_denied(bench: Any) -> None:
    assert decisions(bench, a_run(CANCEL), writes=False) == [("denied", "writes-off")]


def test_the_same_write_again_is_a_repetition_and_a_refused_one_uses_up_nothing(bench: Any) -> None:
    refused = (CANCEL[0], CANCEL[1], "Error: too late")
    assert [one for one, _ in decisions(bench, a_run(CANCEL, CANCEL))] == ["needs approval", "repeated"]
    again = decisions(bench, a_run(*[refused] * 5))
    assert [one for one, _ in again] == ["needs approval"] * 5


def test_the_page_counts_right_and_wrong_writes(bench: Any) -> None:
    right = a_run(CANCEL, actions=[{"name": CANCEL[0], "kwargs": CANCEL[1]}])
    text = "\n".join(bench["page"]([right, a_run(CANCEL, reward=0.0)]))
    assert "| is one of the task's actions | 1 | 0 | 0 | 1 | 0 |" in text
    assert "| needs approval | 2 | 0.50 | – |" in text
    assert "a perfect approver agrees to 50 %" in text


@pytest.mark.shared_data
def test_the_published_page_has_the_counts_of_the_published_runs(bench: Any, shared_data: Path) -> None:
    folder = shared_data / "tau-bench-airline"
    if not folder.is_dir():
        pytest.skip("the runs are not on this machine")
    runs = json.loads((folder / bench["FILE"]).read_text())
    tools = bench["catalogue"]()
    tickets = [bench["replay"](run, tools, None, writes=True) for run in runs]
    found = Counter(decision for ticket in tickets for _, _, decision, _ in ticket.calls)
    total = " | ".join(str(found[each]) for each in ("allowed", "repeated", "needs approval", "denied"))
    assert f"| all | {found.total()} | {total} |" in (ROOT / "docs" / "tau-bench.md").read_text()
