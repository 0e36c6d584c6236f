"""The benchmark of the pages reads a world that has something on every page, and says what was missed."""

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rollout.analyst import Analyst
from rollout.record.folder import DataFolder
from rollout.what_if import Changes

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
TICKETS = 3_000


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analyst]:
    world = runpy.run_path(str(BENCHMARKS / "page_world.py"))
    data = world["build"](tmp_path_factory.mktemp("pages") / "data", TICKETS, 60)
    with DataFolder.open(data) as folder:
        yield Analyst(folder, folder.record)


def test_every_page_has_something_to_show(reader: Analyst) -> None:
    overview = reader.overview("default", "support", "28d")
    assert 0.4 * TICKETS < overview["tickets"] + sum(overview["excluded"].values()) < 0.5 * TICKETS
    for name in ("csat", "recontact", "escalation", "cost", "flow"):
        assert overview[name]["rows"], name
    assert overview["shadow"]["reading"]["thresholds"]["rows"]
    assert {row["band"] for row in overview["escalation"]["rows"]} > {None}, "a plan with bands"
    assert reader.knowledge("default", "support", "28d")["articles"]
    assert reader.quality("default", "support", "28d")["latency"]["rows"]
    assert reader.workflow("default", "support")["step"] == "step3"
    assert reader.gate("default", "support")["metrics"]
    assert reader.what_if("default", "support", Changes())["then"]


def _run(tickets: int, later: float) -> dict[str, Any]:
    read = {"first": 3.0, "first_processor": 5.0, "later": later, "processor": 0.1}
    return {
        "tickets": tickets,
        "processors": 2,
        "load": [1.0, 2.0],
        "loads": 3,
        "reads": {"Overview": read},
        "pages": {"Overview": {"load": 2.0, "click": 1.0}},
        "acts": {"Overview: another period": 0.5},
    }


def test_the_page_says_what_was_promised_and_what_was_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    write = runpy.run_path(str(BENCHMARKS / "pages_page.py"))["write_report"]
    write(tmp_path, _run(10_000_000, 1.4))
    write(tmp_path, _run(10_000, 0.2))
    text = (tmp_path / "page-speed.md").read_text()
    assert "10,000,000 tickets: the slowest read, Overview, is answered in 1.40 s (at most 1: MISSED)" in text
    assert "10,000 tickets: the slowest read, Overview, is answered in 0.20 s (at most 1: kept)" in text
    assert text.index("- 10,000 tickets") < text.index("- 10,000,000 tickets"), "the smallest first"
    write(tmp_path, _run(10_000_000, 0.9))
    assert "MISSED" not in (tmp_path / "page-speed.md").read_text()
