"""A folder of plans is followed: what is sound is taken, what is not changes nothing and is told."""

import importlib.util
import itertools
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from policies.digest import plan_digest
from policies.load import load_plan
from rollout.analyst import Analyst
from rollout.cli import app
from rollout.clock import SimulatedClock
from rollout.plan_keeper import verdicts
from rollout.record.folder import DataFolder
from rollout.records import Kind

ROOT = Path(__file__).resolve().parents[2]
PLAN = (ROOT / "policies" / "rollouts" / "playbook-ladder.yaml").read_text()
NAME = "tier1-support"


def _corpus() -> Any:
    """The documents with one mistake each, of the loader's own tests."""
    spec = importlib.util.spec_from_file_location("spoilt", ROOT / "tests" / "policies" / "test_corpus.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["spoilt"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


CORPUS = _corpus()
BAD = [
    *(each.text for each in CORPUS.CORPUS),
    *(each.text for each in CORPUS.with_misspelt_keys(PLAN, "plan")),
    *(each.text for each in CORPUS.with_wrong_values(PLAN, "plan")),
]
RAW = [
    b"",
    b"\xff\xfe",
    PLAN.encode()[: len(PLAN) // 2] + b"\n  - [",
    b"a: &a [1, 1]\nb: [*a, *a]\n",
    b"x" * 5_000_000,
]


def sound(version: int) -> str:
    """A sound change that only takes customers away from the agent, more with every version."""
    changed = PLAN.replace("set_weight: 95", f"set_weight: {95 - version}")
    assert version == 0 or changed != PLAN
    return changed


class Kept:
    """A folder of plans, somebody who follows it, and ways to change a file."""

    def __init__(self, folder: DataFolder, plans: Path, clock: SimulatedClock) -> None:
        self.folder, self.plans, self.clock = folder, plans, clock
        self.file = plans / "plan.yaml"
        self.analyst = Analyst(folder, folder.record, clock=clock)
        self.file.write_text(PLAN)
        self.analyst.keep_plans(plans)
        self.look()

    def look(self, times: int = 2) -> None:
        for _ in range(times):
            self.clock.advance(timedelta(seconds=1))
            self.analyst.keep_up()

    def write(self, way: str, raw: bytes) -> None:
        """Change the file by one of the ways that editors, tools and clusters do it."""
        beside = self.plans / ".new"
        if way == "write":
            self.file.unlink(missing_ok=True)
            self.file.write_bytes(raw)
        elif way == "in place" and self.file.exists() and not self.file.is_symlink():
            with self.file.open("r+b") as file:
                file.write(raw)
                file.truncate()
        elif way == "symlink":
            target = self.plans / f".target-{len(raw)}-{hash(raw)}"
            target.write_bytes(raw)
            beside.unlink(missing_ok=True)
            beside.symlink_to(target.name)
            beside.replace(self.file)
        elif way == "restore":
            self.file.unlink(missing_ok=True)
            self.look()
            self.file.write_bytes(raw)
        else:
            beside.write_bytes(raw)
            beside.replace(self.file)

    @property
    def pinned(self) -> str:
        return str(self.analyst._controller.standing(NAME).state.plan_digest)

    @property
    def state(self) -> str:
        return str(self.analyst.plans("default")["files"].get("plan.yaml", {"state": "unknown"})["state"])

    def moves(self) -> int:
        return sum(record.kind == Kind.TRANSITION for record in self.folder.journal.read())


WAYS = ("write", "rename", "symlink", "restore", "in place")


@pytest.fixture
def kept(tmp_path: Path, now: Any) -> Iterator[Kept]:
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "agents").symlink_to(ROOT / "policies" / "agents")
    clock = SimulatedClock(now)
    with DataFolder.open(tmp_path / "data", clock=clock) as folder:
        yield Kept(folder, plans, clock)


def test_a_new_plan_is_started(kept: Kept) -> None:
    assert (kept.state, kept.moves()) == ("in force", 1)
    assert kept.pinned == plan_digest(load_plan(kept.file))


@pytest.mark.parametrize("every", [24, pytest.param(7, marks=pytest.mark.slow)])
def test_of_many_bad_files_none_is_applied_and_each_next_good_one_is(kept: Kept, every: int) -> None:
    documents = [*(text.encode() for text in BAD), *RAW]
    assert len(documents) >= 250
    documents = documents[::every]
    versions = itertools.count(1)
    ways = itertools.cycle(WAYS)
    for number, raw in enumerate(documents):
        before = (kept.pinned, kept.moves())
        kept.write(next(ways), raw)
        kept.look()
        assert kept.state == "refused", raw[:2000]
        assert (kept.pinned, kept.moves()) == before, raw[:2000]
        if number % 16 == 0:
            good = sound(next(versions)).encode()
            kept.write(next(ways), good)
            kept.look()
            assert kept.state == "in force"
            assert kept.pinned == plan_digest(load_plan(kept.file)) != before[0]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_changing_a_file_is_noticed(kept: Kept, way: str) -> None:
    for version in (1, 2):
        kept.write(way, sound(version).encode())
        kept.look()
        assert kept.pinned == plan_digest(load_plan(kept.file))
    kept.write(way, b"workflow: [")
    kept.look()
    assert kept.state == "refused"


def test_a_change_that_widens_waits_for_a_person_and_says_so(kept: Kept) -> None:
    kept.write("rename", sound(5).encode())
    kept.look()
    before = kept.pinned
    kept.write("rename", sound(3).encode())
    kept.look()
    assert (kept.state, kept.pinned) == ("waiting", before)
    (detail,) = (each["detail"] for each in kept.analyst.plans("default")["files"].values())
    assert "90 → 92" in detail
    kept.write("rename", sound(5).encode())
    kept.look()
    assert kept.state == "in force"


def test_half_a_file_is_not_taken_for_a_whole_one(kept: Kept) -> None:
    """What changes between two looks is being written, however sound it is for the moment."""
    before = kept.pinned
    for version in (1, 2, 3, 4):
        kept.write("rename", sound(version).encode())
        kept.look(1)
        assert kept.pinned == before
    kept.look(1)
    assert kept.pinned == plan_digest(load_plan(kept.file))


def test_a_folder_that_is_gone_leaves_everything_in_force(kept: Kept) -> None:
    before = (kept.pinned, kept.moves())
    kept.plans.rename(kept.plans.parent / "away")
    kept.look()
    assert kept.analyst.plans("_installation")["refused"] == 1
    assert (kept.pinned, kept.moves()) == before
    (kept.plans.parent / "away").rename(kept.plans)
    kept.look()
    assert (kept.analyst.plans("default")["refused"], kept.state) == (0, "in force")


def test_every_change_of_a_file_is_on_record_once(kept: Kept) -> None:
    (kept.plans / "other.yaml").write_text("workflow: [")
    kept.look()
    for text in ("workflow: [", "workflow: [", PLAN):
        kept.write("rename", text.encode())
        kept.look(5)
    told = [
        (record.payload["file"], record.payload["state"], record.tenant)
        for record in kept.folder.journal.read()
        if record.kind == Kind.CONFIG and record.payload.get("what") == "plan file"
    ]
    mine = [("plan.yaml", state, "default") for state in ("in force", "refused", "in force")]
    assert told == [mine[0], ("other.yaml", "refused", "_installation"), *mine[1:]]
    assert None not in [row["workflow"] for row in kept.analyst.workflows("default")]


def test_another_tenants_files_are_counted_and_not_named(kept: Kept) -> None:
    kept.write("rename", b"workflow: [")
    kept.look()
    theirs = kept.analyst.plans("globex")
    assert (theirs["refused"], theirs["files"]) == (1, {})


def test_the_verdict_is_that_of_the_command(tmp_path: Path) -> None:
    """The same files, by ``ridealong check`` and by the keeper: the same problems, word for word."""
    (tmp_path / "agents").symlink_to(ROOT / "policies" / "agents")
    documents = [text.encode() for text in BAD[::40]] + RAW + [PLAN.encode(), sound(7).encode()]
    files = []
    for number, raw in enumerate(documents):
        folder = tmp_path / str(number)
        folder.mkdir()
        files.append(folder / "plan.yaml")
        files[-1].write_bytes(raw)
    for file in files:
        said = orjson.loads(CliRunner().invoke(app, ["check", "--json", str(file)]).output)
        (checked,) = verdicts([file])
        assert said["ok"] == (not checked.problems)
        lines = [problem["line"] for problem in said["files"][0]["problems"]]
        assert lines == [problem.line for problem in checked.problems]
