"""The commands, over a folder that was really imported."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from desks_for_tests import plan_of, world
from typer.testing import CliRunner, Result

from policies.plan import plan_to_json
from rollout.cli import app
from rollout.errors import UnknownWorkflow, UsageError

KEYS = {
    "metric",
    "role",
    "verdict",
    "reason",
    "estimate",
    "se",
    "lower",
    "upper",
    "margin",
    "mde",
    "n_agent",
    "n_human",
    "units",
    "immature",
    "response_rate_agent",
    "response_rate_human",
    "needed_tickets",
    "needed_days",
    "sentence",
}
IMPORTED = {
    *("ticket_id", "customer_id", "opened_at", "step", "arm", "weight", "version", "path", "resolved_at"),
    *("category", "escalated", "handle_seconds", "human_seconds", "cost_usd", "csat", "csat_at"),
    "violations",
}
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    frame = world(3000)
    frame = frame.select([name for name in frame.columns if name in IMPORTED])
    times = [pl.col(name).dt.to_string("iso") + "+00:00" for name in ("opened_at", "resolved_at", "csat_at")]
    frame.with_columns(times).write_csv(folder / "tickets.csv")
    outcome = CliRunner().invoke(
        app, ["import", str(folder / "tickets.csv"), "--workflow", "w", "--data", str(folder / "data")]
    )
    assert outcome.exit_code == 0, outcome.output
    (folder / "plan.yaml").write_text(json.dumps(plan_to_json(plan_of())))
    agents = folder / "agents"
    agents.mkdir()
    shipped = Path(__file__).parents[2] / "policies" / "agents" / "resolution@1.2.0.yaml"
    if shipped.exists():
        (agents / shipped.name).write_text(shipped.read_text())
        (folder / "conduct").symlink_to(shipped.parents[1] / "conduct")
    return folder


@pytest.fixture
def run(data: Path) -> Run:
    def go(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data", str(data / "data")])

    return go


def document(result: Result) -> dict[str, Any]:
    return json.loads(result.stdout)


def test_gate_prints_its_contract_and_exits_by_its_decision(run: Run) -> None:
    result = run("gate", "w", "--as-of", "2026-05-18T00:00:00+00:00", "--json")
    found = document(result)
    assert result.exit_code == (0 if found["decision"] == "PROMOTE" else 1)
    assert {"workflow", "step", "as_of", "decision", "metrics", "integrity"} <= set(found)
    assert found["step"] == "thirty"
    assert all(set(row) >= KEYS for row in found["metrics"])
    assert {"srm", "crossover"} <= set(found["integrity"])


def test_gate_warns_that_nobody_chose_the_plan(run: Run) -> None:
    result = run("gate", "w", "--json")
    assert "Its margins are not yours" in result.stderr
    assert document(result)["plan"]["source"].startswith("shipped default")


def test_gate_as_text_has_no_colour_in_a_pipe(run: Run) -> None:
    result = run("gate", "w", "--as-of", "2026-05-18T00:00:00+00:00")
    assert "csat" in result.stdout
    assert "agent − human" in result.stdout
    assert "\x1b" not in result.stdout


def test_gate_refuses_a_workflow_nobody_knows(run: Run) -> None:
    result = run("gate", "tier-one")
    assert isinstance(result.exception, UnknownWorkflow)
    assert "known: w" in str(result.exception)


def test_gate_refuses_a_time_without_an_offset(run: Run) -> None:
    result = run("gate", "w", "--as-of", "2026-05-18T00:00:00")
    assert isinstance(result.exception, UsageError)
    assert "no offset" in str(result.exception)


def test_gate_says_how_to_make_a_folder_where_there_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["gate", "w", "--data", str(tmp_path / "nowhere")])
    assert isinstance(result.exception, UsageError)


def test_report_tells_the_headlines_and_writes_markdown(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "report.md"
    result = run("report", "--period", "all", "--md", str(page))
    assert result.exit_code == 0, result.output
    assert page.read_text().startswith(result.stdout.rstrip())
    assert "## To decide" in page.read_text()
    for title in ("CSAT by resolution path", "Re-contact within 7 days", "Escalation", "Cost per resolution"):
        assert title in result.stdout


def test_report_says_where_the_tickets_are_when_the_period_has_none(run: Run) -> None:
    result = run("report", "--period", "1h", "--as-of", "2026-12-01T00:00:00+00:00", "--json")
    assert "its newest is of" in result.stderr
    assert document(result)["reports"][0]["tickets"] == 0


def test_report_filters_by_a_dimension(run: Run) -> None:
    result = run("report", "--period", "all", "--where", "category=billing", "--json")
    report = document(result)["reports"][0]
    assert report["filters"] == {"category": "billing"}
    assert {row["group"] for row in report["escalation"]["rows"]} == {"billing"}


def test_backtest_replays_the_history(run: Run, data: Path) -> None:
    plan = str(data / "plan.yaml")
    result = run("backtest", plan, "--every", "2w", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    found = document(result)
    assert found["looks"][0]["step"] == "ten"
    assert found["final"]["step"] in {"ten", "thirty"}
    text = run("backtest", plan, "--every", "4w")
    assert "At the end the rollout would have stood at" in text.stdout
