"""``ridealong import`` as a person meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Room, ticket


def ridealong(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from rollout.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_prints_what_was_done_and_what_comes_next(room: Room) -> None:
    file = room.csv(
        ticket(1, arm="agent", topic="billing"), ticket(2, arm="human", topic="x"), ticket(3, arm="both")
    )
    done = ridealong("import", file, "--data", room.data, "--workflow", "tier1", "--map", "category=topic")
    assert done.returncode == 0, done.stderr
    for part in (
        "3 rows read, 2 imported, 0 already there, 1 rejected",
        "line 4: arm: 'both' is none of human, agent, canary",
        str(room.data / "imports" / "tickets.csv.rejects.csv"),
        "workflows: tier1 2",
        "arms: agent 1, human 1",
        "next: ridealong gate tier1",
    ):
        assert part in done.stdout


def test_json_has_every_number_and_the_next_command(room: Room) -> None:
    done = ridealong("import", room.csv(ticket(1)), "--data", room.data, "--workflow", "w", "--json")
    document = json.loads(done.stdout)
    assert document["imported"] == 1
    assert document["workflows"] == {"w": 1}
    assert document["first_opened_at"] == "2026-03-02T08:30:00+00:00"
    assert document["next"] == ["ridealong gate w"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give --workflow NAME"),
        (("--workflow", "w", "--map", "category"), "is no pair"),
        (("--workflow", "w", "--map", "category=nothing"), "no column 'nothing'"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_code_2(
    room: Room, options: tuple[str, ...], message: str
) -> None:
    done = ridealong("import", room.csv(ticket(1)), "--data", room.data, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not room.data.exists()


def test_exit_code_1_if_not_one_row_could_be_used(room: Room) -> None:
    assert (
        ridealong("import", room.csv(ticket(1, csat="9")), "--data", room.data, "--workflow", "w").returncode
        == 1
    )
