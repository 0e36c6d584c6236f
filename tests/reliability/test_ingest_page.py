"""What is published of taking in events is made from its figures, and says what they do not reach."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIGURES = json.loads((ROOT / "docs" / "ingest-speed.json").read_text())


@pytest.fixture(scope="module")
def ingest() -> Any:
    spec = importlib.util.spec_from_file_location("ingest", ROOT / "benchmarks" / "ingest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_made_from_its_figures(ingest: Any) -> None:
    assert (ROOT / "docs" / "ingest-speed.md").read_text() == ingest.page(FIGURES)


def test_nothing_acknowledged_was_lost(ingest: Any) -> None:
    assert set(FIGURES["arms"]) == set(ingest.ARMS)
    door = FIGURES["arms"]["door"]
    assert (door["acknowledged"], door["lost_after_a_kill"]) == (door["events"], 0)


@pytest.mark.parametrize(
    ("first", "last", "kept"), [(100, 150, True), (100, 165, False), (20, 84, True), (20, 85, False)]
)
def test_memory_that_grows_with_what_is_taken_in_is_said(
    ingest: Any, first: int, last: int, kept: bool
) -> None:
    row = {"mb_after_a_tenth": first, "mb_at_the_end": last}
    assert ingest.bounded(row) is kept
    told = FIGURES | {"arms": {**FIGURES["arms"], "journal": FIGURES["arms"]["journal"] | row}}
    assert f"- journal: memory bounded: {'kept' if kept else 'MISSED'}" in ingest.page(told)
