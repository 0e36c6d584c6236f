"""A real server: examined and backed up while it decides, drained when it is told to stop."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from rollout.record.folder import DataFolder
from rollout.serve.sockets import free_port
from rollout.upkeep.restore import restore

PLANS = Path(__file__).resolve().parents[2] / "policies" / "rollouts"
CLI = [sys.executable, "-c", "from rollout.cli import main; main()"]


class Desk(Thread):
    """Sends tickets one after the other until the door closes; remembers what was answered."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(daemon=True)
        self.url, self.prefix = url, name
        self.answered: list[str] = []
        self.others: list[int] = []
        self.begun = Event()

    def run(self) -> None:
        with httpx.Client(base_url=self.url, trust_env=False, timeout=20.0) as http:
            for number in range(100_000):
                ticket = f"{self.prefix}-{number}"
                body = {"ticket_id": ticket, "customer_id": f"c-{number}", "workflow": "tier1-support"}
                try:
                    answer = http.post("/v1/route", json={**body, "opened_at": "2026-09-01T00:00:00Z"})
                except httpx.TransportError:
                    return
                (
                    self.answered.append(ticket)
                    if answer.is_success
                    else self.others.append(answer.status_code)
                )
                self.begun.set()


def command(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*CLI, *options], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_a_live_server_is_backed_up_examined_and_drained(tmp_path):
    data, port = tmp_path / "data", free_port("127.0.0.1", 18473)
    url = f"http://127.0.0.1:{port}"
    serve = [*CLI, "serve", "--data", str(data), "--plans", str(PLANS), "--port", str(port)]
    with subprocess.Popen(serve, stderr=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stderr:
                if " serving " in line:
                    break
            desks = [Desk(url, f"d{i}") for i in range(3)]
            for desk in desks:
                desk.start()
                assert desk.begun.wait(60)
            copied = command("backup", str(tmp_path / "copy"), "--data", str(data), "--json")
            assert copied.returncode == 0, copied.stderr
            examined = command("doctor", "--data", str(data), "--json")
            assert examined.returncode == 0, examined.stdout + examined.stderr
            sent = [len(desk.answered) for desk in desks]
            deadline = time.monotonic() + 60
            while any(len(desk.answered) <= before for desk, before in zip(desks, sent, strict=True)):
                assert time.monotonic() < deadline, "the server answers beside backup and doctor"
                time.sleep(0.05)
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    for desk in desks:
        desk.join(60)
        assert not desk.others, "until the door closes, every ticket is decided"
    answered = {f"assignment:{ticket}" for desk in desks for ticket in desk.answered}
    with DataFolder.open(data, parts=("journal",)) as folder:
        recorded = {record.event_id: record.seq for record in folder.read()}
    assert answered <= recorded.keys()
    assert any(each["sentence"].endswith("says ready") for each in json.loads(examined.stdout)["findings"])
    head = json.loads(copied.stdout)["head"]["seq"]
    restore(tmp_path / "copy", tmp_path / "restored")
    with DataFolder.open(tmp_path / "restored", parts=("journal",)) as folder:
        held = {record.event_id for record in folder.read()}
    assert held == {event_id for event_id, seq in recorded.items() if seq <= head}
