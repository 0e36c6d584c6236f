"""Real kills: what `scripts/crash_ingest` does thirty times, a few times with every test run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "crash_ingest"


@pytest.mark.slow
def test_killed_ingest_loses_and_doubles_nothing():
    """Three processes killed while they record: every receipt holds, every repetition is absorbed."""
    command = [sys.executable, str(SCRIPT), "--rounds", "3", "--seed", "7", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["rounds"] == 3
    assert result["acknowledged"] > 100, "the processes must have had time to record"
    assert [row["lost"] + row["doubled"] + row["faults"] for row in result["rows"]] == [0, 0, 0]
    assert all(row["recorded"] >= row["acknowledged"] for row in result["rows"])
