"""Promises held against faults, a few rounds of each; ``scripts/reliability`` runs and publishes the many.

Planted faults show that a drill finds what it looks for: those that cost least are planted here, all of them
by ``scripts/reliability faults``.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from drills import clocks, crash, crowd, damage, description, hostile, many, races
from drills.page import page
from drills.register import DRILLS
from drills.result import Fault, Findings, Result

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The product tells of every fault; that is not what is looked at here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def kept(result: Result) -> None:
    assert result.kept, result.violations


def test_an_abort_wins_every_race_and_the_record_is_what_was_answered() -> None:
    kept(races.races(2))


def test_the_race_finds_an_abort_that_leaves_the_version_out_of_quarantine() -> None:
    with races.FAULTS["an abort that leaves the version out of quarantine"]():
        assert not races.races(2).kept


def test_a_clock_that_is_set_promotes_nobody() -> None:
    kept(clocks.clock_jumps(4))


@pytest.mark.parametrize("fault", clocks.FAULTS.values(), ids=clocks.FAULTS)
def test_the_clock_drill_finds(fault: Fault) -> None:
    with fault():
        assert not clocks.clock_jumps(1).kept


def test_times_are_in_utc_whatever_they_were_told_in() -> None:
    kept(clocks.time_zones())


def test_hostile_bodies_are_refused_on_every_route() -> None:
    kept(hostile.hostile_bodies())


def test_the_hostile_bodies_find_a_door_that_does_not_look() -> None:
    with hostile.FAULTS["no look at the body before it is parsed"]():
        assert not hostile.hostile_bodies(only="/v1/route").kept


def test_slow_and_endless_senders_are_cut_off() -> None:
    kept(hostile.hostile_senders())


@pytest.mark.slow
def test_every_operation_answers_as_described_and_never_with_a_5xx() -> None:
    kept(description.description(1))


@pytest.mark.parametrize("fault", description.FAULTS.values(), ids=description.FAULTS)
def test_the_description_finds(fault: Fault) -> None:
    with fault():
        assert not description.description(8, only="GET /v1/incidents").kept


def test_the_doors_of_incidents_answer_as_described() -> None:
    kept(description.description(8, only="GET /v1/incidents"))


def test_a_full_queue_refuses_and_loses_nothing() -> None:
    kept(crowd.full_queue(1))


@pytest.mark.parametrize("fault", crowd.FAULTS.values(), ids=crowd.FAULTS)
def test_the_flood_finds(fault: Fault) -> None:
    with fault():
        assert not crowd.full_queue(1).kept


def test_a_noisy_tenant_is_told_to_wait_and_the_other_served() -> None:
    kept(crowd.noisy_tenant(40))


def test_the_noise_finds_one_bucket_for_everybody() -> None:
    with crowd.NOISE_FAULTS["one bucket for everybody"]():
        assert not crowd.noisy_tenant(60).kept


@pytest.mark.slow
def test_a_killed_router_loses_nothing_it_has_answered() -> None:
    kept(crash.crash(2))


def test_damaged_files_are_rebuilt_or_refused_by_name() -> None:
    """Every file with two kinds of harm."""
    kept(damage.damage(12))


def test_order_and_repetition_change_no_total() -> None:
    kept(damage.reordering(1))


def test_every_drill_has_a_fault_to_be_seen_failing_under() -> None:
    assert [name for name, drill in DRILLS.items() if not drill.faults] == []


@pytest.mark.parametrize("name", ["nobody", "faults:nobody", "races:faults"])
def test_what_is_no_drill_is_no_job(name: str) -> None:
    assert not many.known(name)


def test_every_drill_and_the_faults_of_each_are_jobs_of_their_own() -> None:
    jobs = many.expanded([*DRILLS, many.FAULTS])
    assert jobs == [*DRILLS, *(f"faults:{name}" for name in DRILLS)]
    assert all(map(many.known, jobs))


def test_a_job_that_ends_in_an_error_is_told_and_keeps_no_other_from_its_end(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(
        "import json, sys\n"
        "if sys.argv[1] == 'zones': sys.exit('broken')\n"
        "print(json.dumps({'told': sys.argv[1]}))\n"
    )
    told = list(many.run_many(str(program), ["zones", "noisy", "faults:races"], 2, lambda _: None))
    assert told == [{"stopped": ["zones"]}, {"told": "noisy"}, {"told": "faults:races"}]


def test_a_drill_that_looked_at_nothing_has_shown_nothing() -> None:
    assert not Findings().result("d", "p", "f", 10).kept


def test_the_limit_of_none_in_so_many_is_the_exact_one() -> None:
    """About 3 / n: 'none of 300' leaves up to one in a hundred."""
    seen = Findings()
    seen.check(holds=True, words="")
    upper = seen.result("d", "p", "f", 300).upper
    assert upper is not None
    assert (1 - upper) ** 300 == pytest.approx(0.05)


def test_the_published_page_is_made_from_its_figures() -> None:
    docs = ROOT / "docs"
    assert (docs / "reliability.md").read_text() == page(json.loads((docs / "reliability.json").read_text()))


def test_what_is_published_was_kept() -> None:
    published = json.loads((ROOT / "docs" / "reliability.json").read_text())
    assert set(published["drills"]) <= set(DRILLS)
    assert all(row["kept"] for row in published["drills"].values())
    assert all(row["found"] for row in published["faults"])
