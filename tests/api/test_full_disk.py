"""A full disk is said, never acknowledged over; when there is room again it goes on."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB, where one can be mounted."""
    where = tmp_path / "small"
    where.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(where)], stderr=subprocess.DEVNULL
    )
    if not mounted:
        pytest.skip("mounting a small file system takes root")
    yield where
    subprocess.check_call(["/bin/umount", "-l", str(where)])


def fill(file: Any) -> None:
    while True:
        file.write(b"x" * 4096)


def test_a_full_disk_refuses_and_loses_nothing(small: Path, plan: Any, stage: Any, build: Any) -> None:
    with ExitStack() as stack:
        world = build(small, plan, stage, stack)
        assert world.http.post("/v1/route", json=world.ticket(0)).status_code == 200
        ballast = small / "ballast"
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            fill(file)
        acknowledged, refused = ["t-0"], []
        for number in range(1, 200):
            key = {"idempotency-key": f"k-{number}"} if number % 2 else {}
            ticket = world.ticket(number, text="x" * 2000)
            answer = world.http.post("/v1/route", json=ticket, headers=key)
            if answer.status_code == 200:
                acknowledged.append(f"t-{number}")
                continue
            assert (answer.status_code, answer.json()["code"]) == (503, "not-recording"), answer.text
            assert int(answer.headers["retry-after"]) > 0
            refused.append(number)
        assert refused, "the disk was full"
        ballast.unlink()
        for number in refused[:5]:
            key = {"idempotency-key": f"k-{number}"} if number % 2 else {}
            ticket = world.ticket(number, text="x" * 2000)
            again = world.http.post("/v1/route", json=ticket, headers=key)
            assert again.status_code == 200, again.text
        for ticket_id in acknowledged:
            assert world.folder.journal.find(f"assignment:{ticket_id}") is not None
