"""One owner, told by name; a view that follows the journal and can always be made again."""

import json
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta

import pytest

from rollout.clock import SimulatedClock
from rollout.errors import FolderInUse, RecordError, UsageError
from rollout.record.folder import DataFolder
from rollout.records import Event, Kind, Rated, Resolved, TicketOpened, Triaged

T = datetime(2026, 3, 1, tzinfo=UTC)


def ticket(number: int, customer: str) -> list[Event]:
    at, name = T + timedelta(days=number), f"t{number}"
    rows = (
        (f"ticket:{name}", Kind.TICKET, TicketOpened(name, customer, at)),
        (f"triage:{name}", Kind.TRIAGE, Triaged(name, "billing", "normal", "neutral", "simple")),
        (
            f"resolution:{name}:1",
            Kind.RESOLUTION,
            Resolved(name, at + timedelta(hours=5), "confirmed", "human"),
        ),
        (f"csat:{name}:1", Kind.CSAT, Rated(name, 1 + number % 5, at + timedelta(hours=6))),
    )
    return [Event(event_id, kind, at, payload, workflow="w") for event_id, kind, payload in rows]


@pytest.fixture
def data(tmp_path):
    """Ten tickets of three customers, all of them in the view."""
    with DataFolder.open(tmp_path) as folder:
        folder.record([event for i in range(10) for event in ticket(i, f"c{i % 3}")])
        assert folder.catch_up() == 40
    return tmp_path


HOLD = """
import sys
from pathlib import Path
from rollout.record.folder import DataFolder
with DataFolder.open(Path(sys.argv[1]), holder="serve", url="http://127.0.0.1:9", parts=tuple(sys.argv[2:])):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """Let another process own parts of the folder; yields a function that starts it."""
    started = []

    def hold(*parts):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path), *parts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "open\n"
        return process

    yield hold
    for process in started:
        process.communicate()


def test_second_process_is_refused_and_told_what_to_do(tmp_path, held):
    process = held("journal", "view")
    with pytest.raises(FolderInUse) as refused:
        DataFolder.open(tmp_path)
    message = str(refused.value)
    assert "in use by `serve`" in message
    assert f"process {process.pid} at http://127.0.0.1:9" in message
    assert f"use its API at http://127.0.0.1:9, or stop process {process.pid}" in message


def test_killed_owner_leaves_no_lock_behind(tmp_path, held):
    process = held("journal", "view")
    process.kill()
    process.wait()
    with DataFolder.open(tmp_path) as folder:
        assert folder.head().seq == 0


def test_router_and_analyst_own_a_part_each(tmp_path, held):
    """The view is built by one process from the journal that another one writes."""
    held("view")
    with DataFolder.open(tmp_path, parts=("journal",)) as router:
        router.record(ticket(1, "c1"))
        with pytest.raises(RecordError, match="without its view"):
            _ = router.view
        with pytest.raises(FolderInUse, match=r"`serve`"):
            DataFolder.open(tmp_path, parts=("view",))


def test_analyst_follows_the_journal_without_owning_it(tmp_path):
    with (
        DataFolder.open(tmp_path, parts=("journal",)) as router,
        DataFolder.open(tmp_path, parts=("view",)) as analyst,
    ):
        for i in range(3):
            router.record(ticket(i, "c1"))
            assert analyst.catch_up() == 4
            assert analyst.view.position == router.head().seq == analyst.head().seq
        with pytest.raises(RecordError, match="only the owner appends"):
            analyst.record(ticket(4, "c1"))


def test_lock_file_says_who_since_when(tmp_path):
    with DataFolder.open(tmp_path, clock=SimulatedClock(T), holder="ridealong demo"):
        about = json.loads((tmp_path / "owner.lock").read_text())
    assert (about["holder"], about["url"], about["since"]) == ("ridealong demo", None, T.isoformat())
    assert (tmp_path / "owner.lock").read_text() == "", "nobody holds it any more"


def test_reading_commands_do_not_create_folders(tmp_path):
    with pytest.raises(UsageError, match=r"is no data folder.*--data"):
        DataFolder.open(tmp_path / "typo", create=False)
    assert not (tmp_path / "typo").exists()


def test_failed_opening_gives_the_locks_back(tmp_path, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RecordError("no")

    with monkeypatch.context() as patch:
        patch.setattr("rollout.record.folder.Journal", broken)
        with pytest.raises(RecordError, match="no"):
            DataFolder.open(tmp_path)
    DataFolder.open(tmp_path).close()


def test_rebuilding_gives_the_same_content(data):
    with DataFolder.open(data) as folder:
        before = folder.view.digest()
        positions = []
        assert folder.rebuild(positions.append) == 40
        assert folder.view.digest() == before
        assert positions == [40]


def test_view_of_a_longer_journal_is_built_again(data):
    """A journal restored from a backup is the truth; what the view knew beyond it is not."""
    with DataFolder.open(data) as folder:
        kept = {p: p.read_bytes() for p in (data / "journal").glob("*.jsonl")}
        folder.record(ticket(99, "c9"))
        folder.catch_up()
    for path, content in kept.items():
        path.write_bytes(content)
    (data / "journal" / "durable").unlink()
    with DataFolder.open(data) as folder:
        assert folder.view.position == 0
        folder.catch_up()
        assert folder.view.query("SELECT count(*) AS n FROM facts") == [{"n": 10}]


FACTS = "SELECT * EXCLUDE (customer_id, seq) FROM facts ORDER BY ticket_id"


def test_forgetting_leaves_every_metric_as_it_was(data):
    """Also re-contact, which needs to know that two tickets are of one customer."""
    with DataFolder.open(data) as folder:
        before = folder.view.query(FACTS)
        assert any(row["recontact_at"] for row in before)
        forgotten = folder.forget("default", "c1")
        assert forgotten.records == 3
        assert folder.view.query(FACTS) == before
        customers = {row["customer_id"] for row in folder.view.query("SELECT customer_id FROM facts")}
        assert customers == {"c0", "c2", forgotten.pseudonym}
        digest = folder.view.digest()
        folder.rebuild()
        assert folder.view.digest() == digest
        assert folder.view.query(FACTS) == before


def test_forgetting_reaches_the_view_of_another_process(data):
    """The analyst learns of an erasure from the journal alone, though that never says who it was."""
    with (
        DataFolder.open(data, parts=("journal",)) as router,
        DataFolder.open(data, parts=("view",)) as analyst,
    ):
        router.record(ticket(10, "c1") + ticket(11, "c2"))
        forgotten = router.forget("default", "c1")
        router.record(ticket(12, "c2"))
        assert analyst.catch_up() == 13
        found = analyst.view.query("SELECT DISTINCT customer_id AS c FROM facts ORDER BY c")
        assert [row["c"] for row in found] == ["c0", "c2", forgotten.pseudonym]
        digest = analyst.view.digest()
        analyst.rebuild()
        assert analyst.view.digest() == digest


def test_forgotten_customer_is_in_no_file_of_the_view(data):
    name = "somebody-unmistakable@example.org"
    with DataFolder.open(data) as folder:
        folder.record(ticket(50, name) + ticket(51, name))
        folder.catch_up()
        folder.forget("default", name)
    assert [p.name for p in data.rglob("*") if p.is_file() and name.encode() in p.read_bytes()] == []
