"""`ridealong keys`, with a real server over the folder and without one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from rollout.access import key_file
from rollout.errors import UsageError
from rollout.record.folder import DataFolder
from rollout.records import Kind
from rollout.serve import server
from rollout.serve.sockets import is_loopback, reached_at

ROOT = Path(__file__).resolve().parents[2]
PLANS = ROOT / "policies" / "rollouts"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ridealong() -> Run:
    """The command line as a process of its own, with a key in its environment if one is given."""

    def run(*arguments: str | Path, key: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if "RIDEALONG" not in name} | more
        if key is not None:
            environment["RIDEALONG_API_KEY"] = key
        return subprocess.run(
            [Path(sys.executable).parent / "ridealong", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def made(run: Run, data: Path, role: str, *more: str, key: str | None = None) -> dict[str, Any]:
    done = run("keys", "create", "--role", role, "--data", data, "--json", *more, key=key)
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def notes(data: Path) -> list[Any]:
    with DataFolder.open(data, parts=("journal",)) as folder:
        return [record for record in folder.journal.read() if record.kind == Kind.ACCESS]


def test_a_key_is_made_listed_rotated_and_revoked_without_a_server(tmp_path: Path, ridealong: Run) -> None:
    data = tmp_path / "data"
    first = made(ridealong, data, "release_manager", "--tenant", "acme", "--name", "ada", "--expires", "90d")
    assert (first["role"], first["tenant"], first["name"]) == ("release_manager", "acme", "ada")
    assert first["key"].startswith(f"rk_{first['id']}_")
    assert first["expires_at"] is not None
    turned = json.loads(ridealong("keys", "rotate", first["id"], "--data", data, "--json").stdout)
    assert (turned["id"], turned["secrets"]) == (first["id"], 2)
    assert turned["key"] != first["key"]
    listed = ridealong("keys", "list", "--data", data, "--json")
    (row,) = json.loads(listed.stdout)["keys"]
    assert (row["id"], row["status"]) == (first["id"], "active")
    assert ridealong("keys", "revoke", first["id"], "--data", data).returncode == 0
    shown = ridealong("keys", "list", "--data", data).stdout
    assert "revoked" in shown
    kept = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    for clear in (first["key"], turned["key"]):
        assert clear.split("_", 2)[2] not in listed.stdout + shown
        assert clear.split("_", 2)[2].encode() not in kept
    recorded = notes(data)
    assert [note.payload["action"] for note in recorded] == ["key_created", "key_rotated", "key_revoked"]
    assert all(note.payload["principal"].startswith("os:") for note in recorded)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create", "--role", "boss"], "the roles are"),
        (["create", "--role", "viewer", "--tenant", "../x"], "--tenant"),
        (["create", "--role", "viewer", "--expires", "soon"], "--expires"),
        (["create", "--role", "viewer", "--name", "a (key:1)"], "--name"),
        (["revoke", "nobody"], "no key 'nobody'"),
        (["rotate", "nobody"], "no key 'nobody'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(
    tmp_path: Path, ridealong: Run, arguments: list[str], told: str
) -> None:
    done = ridealong("keys", *arguments, "--data", tmp_path / "data")
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_no_key_means_this_machine_only_and_the_refusal_says_how_to_make_one(
    tmp_path: Path, ridealong: Run
) -> None:
    done = ridealong("serve", "--data", tmp_path / "data", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "ridealong keys create" in done.stderr


def test_a_damaged_file_of_keys_keeps_the_server_from_starting(tmp_path: Path) -> None:
    path = key_file.path_of(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(UsageError, match=r"keys\.json"), server.running(tmp_path, port=0):
        pytest.fail("it started")


def test_a_server_that_listens_everywhere_is_reached_on_this_machine() -> None:
    assert [reached_at(host) for host in ("0.0.0.0", "::", "192.0.2.7", "localhost")] == [
        *("127.0.0.1", "::1", "192.0.2.7", "localhost")
    ]
    assert not is_loopback("0.0.0.0")


class Served:
    """A running server and the keys to it."""

    def __init__(self, data: Path, supervisor: Any, url: str) -> None:
        self.data, self.supervisor, self.url = data, supervisor, url

    def ask(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.request(method, self.url + path, headers=headers, trust_env=False, timeout=20.0, **more)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server that began in one-person mode."""
    with ExitStack() as stack:
        supervisor, url = stack.enter_context(server.running(tmp_path / "data", plans=PLANS, port=0))
        server.wait_until_ready(supervisor, url)
        yield Served(tmp_path / "data", supervisor, url)


@pytest.mark.slow
def test_a_running_server_asks_for_keys_from_the_moment_there_is_one(served: Served, ridealong: Run) -> None:
    assert served.ask("GET", "/v1/workflows").status_code == 200, "one person, no key"
    admin = made(ridealong, served.data, "admin", "--name", "ada")
    assert served.ask("GET", "/v1/workflows").status_code == 401
    assert served.ask("GET", "/v1/workflows", admin["key"]).status_code == 200
    denied = ridealong("keys", "create", "--role", "viewer", "--data", served.data)
    assert denied.returncode == 2
    assert "RIDEALONG_API_KEY" in denied.stderr
    viewer = made(ridealong, served.data, "viewer", key=admin["key"])
    paused = ridealong(
        *("pause", "tier1-support", "--reason", "look first", "--data", served.data), key=viewer["key"]
    )
    assert paused.returncode == 2
    assert "rollouts:stop" in paused.stderr
    done = ridealong(
        *("pause", "tier1-support", "--reason", "look first", "--data", served.data, "--actor", "the queen"),
        key=admin["key"],
    )
    assert done.returncode == 0, done.stderr
    rows = served.ask("GET", "/v1/workflows/tier1-support", viewer["key"]).json()
    assert rows["transitions"][-1]["actor"] == f"ada (key:{admin['id']})"
    listed = ridealong("keys", "list", "--data", served.data, "--json", key=admin["key"])
    assert {row["role"] for row in json.loads(listed.stdout)["keys"]} == {"admin", "viewer"}
    ridealong("keys", "revoke", viewer["id"], "--data", served.data, key=admin["key"])
    assert served.ask("GET", "/v1/workflows", viewer["key"]).status_code == 401
    served.supervisor.stop()
    told = [note.payload["action"] for note in notes(served.data)]
    assert {"key_created", "key_revoked", "ordered", "refused"} <= set(told)


@pytest.mark.slow
def test_keys_and_refusals_outlive_a_killed_router_and_no_secret_is_in_a_process_table(
    served: Served, ridealong: Run
) -> None:
    admin = made(ridealong, served.data, "admin")
    secret = admin["key"].split("_", 2)[2].encode()
    assert served.ask("GET", "/v1/me", admin["key"]).status_code == 200
    router = served.supervisor.child("router").process
    router.kill()
    router.wait()
    server.wait_until_ready(served.supervisor, served.url)
    assert served.ask("GET", "/v1/me", admin["key"]).status_code == 200
    assert served.ask("GET", "/v1/me").status_code == 401
    for name in ("router", "analyst"):
        here = Path(f"/proc/{served.supervisor.child(name).process.pid}")
        assert secret not in (here / "cmdline").read_bytes() + (here / "environ").read_bytes()


@pytest.mark.slow
def test_with_keys_it_may_listen_beyond_this_machine(tmp_path: Path, ridealong: Run) -> None:
    viewer = made(ridealong, tmp_path / "data", "viewer")
    with server.running(tmp_path / "data", host="0.0.0.0", port=0) as (supervisor, url):
        server.wait_until_ready(supervisor, url)
        there = Served(tmp_path / "data", supervisor, url)
        assert there.ask("GET", "/v1/me").status_code == 401
        answer = there.ask("GET", "/v1/me", viewer["key"]).json()
    assert (answer["roles"], answer["tenant"], answer["one_person"]) == (["viewer"], "default", False)


def test_a_key_may_come_from_a_file_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboards.client import ApiProblem
    from dashboards.client_key import own_key as dashboards_key
    from rollout.cli.caller import own_key

    path = tmp_path / "key"
    path.write_text("rk_1_x\n")
    path.chmod(0o600)
    monkeypatch.delenv("RIDEALONG_API_KEY", raising=False)
    monkeypatch.setenv("RIDEALONG_API_KEY_FILE", str(path))
    assert own_key() == dashboards_key() == "rk_1_x"
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        own_key()
    with pytest.raises(ApiProblem, match="chmod 600"):
        dashboards_key()
    monkeypatch.setenv("RIDEALONG_API_KEY", "rk_2_y")
    assert own_key() == dashboards_key() == "rk_2_y"


def test_orders_in_a_folder_with_keys_need_one_that_may(tmp_path: Path, ridealong: Run) -> None:
    data = tmp_path / "data"
    plan = PLANS / "playbook-ladder.yaml"
    assert ridealong("start", plan, "--data", data).returncode == 0, "one person"
    engineer = made(ridealong, data, "engineer", "--name", "eve")
    other = made(ridealong, data, "engineer", "--tenant", "acme")
    order = ("pause", "tier1-support", "--reason", "look first", "--data", data, "--actor", "the queen")
    for key, told in ((None, "RIDEALONG_API_KEY"), ("rk_1_x", "valid"), (other["key"], "tenant")):
        refused = ridealong(*order, key=key)
        assert refused.returncode == 2
        assert told in refused.stderr
    done = ridealong(*order, "--json", key=engineer["key"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["actor"] == f"eve (key:{engineer['id']})"
    assert ridealong("resume", *order[1:], key=engineer["key"]).returncode == 2, "not an engineer's"
