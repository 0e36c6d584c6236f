"""The pages for whoever runs it say what the code does, no more and no less."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from rollout.api import scrape
from rollout.cli import app
from rollout.observe.exposition import PREFIX, Family
from rollout.observe.logs import settings_from
from rollout.observe.process import process_families

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
OBSERVABILITY = (ROOT / "docs" / "observability.md").read_text()
ALERTS = yaml.safe_load((ROOT / "docs" / "deploy" / "alerts.yaml").read_text())
VARIABLE = re.compile(r"(?:RIDEALONG|OTEL)_[A-Z_]*[A-Z]|FORWARDED_ALLOW_IPS")
OF_PROVIDERS = "RIDEALONG_MODEL_"
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]


def rows(page: str, first: str) -> list[list[str]]:
    """The cells of the table whose first column is called ``first``."""
    lines = page.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {first} |"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return table


def variables() -> set[str]:
    """Every variable that the code names, wherever it does."""
    found: set[str] = set()
    for package in ("agents", "dashboards", "policies", "rollout"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found |= {node.value} if VARIABLE.fullmatch(node.value) else set()
                elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setting":
                    found |= {OF_PROVIDERS + arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    return found


def test_every_variable_of_the_code_is_on_the_page_and_none_besides() -> None:
    told = [row[0].strip("`") for row in rows(CONFIGURATION, "variable")]
    assert len(told) == len(set(told))
    assert set(told) == variables()


def test_the_options_of_the_server_are_on_the_page() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    there = {
        (option, name)
        for name in ("serve", "dashboard")
        for parameter in commands[name].params
        for option in parameter.opts
        if option.startswith("--") and option != "--help"
    }
    told = {
        (option.strip("`"), name)
        for option, names, *_ in rows(CONFIGURATION, "option")
        for name in re.findall(r"`(\w+)`", names)
    }
    assert told == there


def test_the_limits_are_those_of_the_code() -> None:
    for name, value, _ in rows(CONFIGURATION, "limit"):
        module, _, constant = name.strip("`").rpartition(".")
        assert repr(getattr(importlib.import_module(module), constant)) == value, name


def test_the_files_are_those_that_the_code_opens() -> None:
    told = {row[0].strip("`") for row in rows(CONFIGURATION, "file")}
    for module, constant in (
        ("rollout.access.key_file", "NAME"),
        ("rollout.access.sign_in", "NAME"),
        ("rollout.notify.store", "FILE"),
        ("rollout.webhooks.settings", "FILE"),
    ):
        assert getattr(importlib.import_module(module), constant) in told


def test_the_defaults_of_the_log_are_those_of_the_code() -> None:
    usual = settings_from({})
    told = {row[0].strip("`"): row[2].strip("`") for row in rows(CONFIGURATION, "variable")}
    assert (told["RIDEALONG_LOG_FORMAT"], told["RIDEALONG_LOG_LEVEL"]) == (usual.format, usual.level)
    assert (told["RIDEALONG_ACCESS_LOG"], float(told["RIDEALONG_LOG_RATE"])) == (usual.access, usual.rate)


SAID = {
    "position": 0,
    "plans": {"refused": 0, "waiting": 0},
    "figures": {"looks": [], "shadow": []},
}


def families(place: Any) -> Iterator[Family]:
    """Every family that the page can have, with samples or without."""
    door = place.door
    yield from door.metrics.families(None)
    yield from scrape._record(door, SAID)
    yield from scrape._rollouts(door, None)
    yield scrape._incidents(door, None)
    yield from scrape._judged(SAID, None)
    yield from scrape.agents_families({"versions": [], "providers": []}, None)
    door.tickets = type("Desk", (), {"room": (0, 1)})()
    yield from scrape._machine(door)
    yield from process_families()


def test_every_metric_is_on_the_page_with_its_kind_and_none_besides(place: Any) -> None:
    there = {PREFIX + family.name: family.kind for family in families(place)}
    told = {row[0].strip("`"): row[1] for row in rows(OBSERVABILITY, "metric")}
    assert told == there


def test_every_alert_asks_for_metrics_there_are(place: Any) -> None:
    kinds = {PREFIX + family.name: family.kind for family in families(place)}
    for rule in RULES:
        named = set(re.findall(r"ridealong_[a-z_]+", rule["expr"]))
        assert named, rule["alert"]
        for name in named:
            base = name.removesuffix("_bucket")
            assert base in kinds, f"{rule['alert']}: there is no {name}"
            assert (base != name) == (kinds[base] == "histogram"), f"{rule['alert']}: {name}"
            rated = re.search(rf"rate\({name}\b", rule["expr"]) is not None
            assert rated == (kinds[base] != "gauge"), f"{rule['alert']}: {name} is a {kinds[base]}"


def test_every_alert_says_what_it_means_and_what_to_do_first() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))
    told = {row[0].strip("`"): row[1] for row in rows(OBSERVABILITY, "alert")}
    assert told == {rule["alert"]: rule["labels"]["severity"] for rule in RULES}


@pytest.mark.parametrize("page", ["docs/operations.md", "docs/configuration.md"])
def test_whoever_runs_it_is_led_to_the_page(page: str) -> None:
    assert "observability.md" in (ROOT / page).read_text()
