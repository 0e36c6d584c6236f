"""A route table is put to every combination of facts before it may be used."""

from collections.abc import Callable
from pathlib import Path

import pytest

from policies.checks.routes import coverage
from policies.problems import PolicyInvalid, Problem
from policies.route_table import SHIPPED, in_force, load_routes, shipped

TEXT = SHIPPED.read_text()


def change(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


def test_nothing_is_wrong_with_the_shipped_one(problems: Callable[..., tuple[Problem, ...]]) -> None:
    assert problems(TEXT) == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "  - {name: complex, when: {complexity: [complex]}, to: human-queue-standard}\n",
            "",
            "complex tickets belong to people",
        ),
        (
            "  - {name: hard-trigger, when: {trigger: [hard, sensitive]}, to: human-queue-priority}\n",
            "",
            "trigger 'hard' belongs to people",
        ),
        (
            "  - {name: high-urgency, when: {urgency: [high]}, to: human-queue-standard}\n",
            "",
            "stay with people until calibrated",
        ),
        ("{authenticated: true}", "{authenticated: false}", "authenticated lane"),
        ("to: resolution-agent-general", "to: resolution-agent-genral", "neither a queue nor a lane"),
        ("unmatched: human-queue-standard", "unmatched: resolution-agent-general", "is no queue"),
        ("name: general,", "name: identity,", "is taken"),
        ("urgency: [high]", "tier: [gold]", "there is no tier 'gold'"),
        ("{tier: enterprise, category: billing,", "{", "keeps every ticket with people"),
    ],
)
def test_holes_are_reported_at_their_row(
    problems: Callable[..., tuple[Problem, ...]], old: str, new: str, message: str
) -> None:
    found = problems(change(old, new))
    assert any(message in str(problem) for problem in found), found
    assert all(problem.line > 1 for problem in found)


def test_rows_that_are_never_reached_are_reported(problems: Callable[..., tuple[Problem, ...]]) -> None:
    again = "  - {name: again, when: {complexity: [complex], urgency: [low]}, to: human-queue-billing}\n"
    (found,) = problems(change("  # What agents may have.", f"{again}  # What agents may have."))
    assert found.message == "row 'again' is never reached: rows above take all it asks for"


def test_an_agent_may_not_take_what_a_row_below_keeps_with_people(
    problems: Callable[..., tuple[Problem, ...]],
) -> None:
    late = "  - {name: late, when: {category: [technical]}, to: human-queue-standard}\n\nunmatched:"
    found = problems(change("\nunmatched:", late))
    message = "takes to an agent what row 'late' keeps with people; put 'late' above it"
    assert any(message in str(one) for one in found)


def test_what_no_row_fits_is_counted() -> None:
    told = coverage(shipped())
    assert told.unmatched > 0
    assert "category other" in told.example
    assert ("critical", "complex") in [pair[:2] for pair in told.overlaps]


def test_an_installation_may_bring_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "routes.yaml"
    own.write_text(change("calibrated: false", "calibrated: true"))
    monkeypatch.setenv("RIDEALONG_ROUTES", str(own))
    in_force.cache_clear()
    try:
        assert in_force().calibrated
    finally:
        in_force.cache_clear()


@pytest.mark.parametrize("text", [None, "zebra: 1", TEXT.replace("human-queue-billing}", "nowhere}")])
def test_a_bad_table_is_never_used(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "routes.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(PolicyInvalid, match=str(file)):
        load_routes(file)
