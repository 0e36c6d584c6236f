"""Which column means what is said once, before anything is read."""

import re
from pathlib import Path

import pytest

from rollout.errors import UsageError
from rollout.importer.header import COLUMNS, REQUIRED, parse_mapping, resolve

ROOT = Path(__file__).resolve().parents[2]
NEEDED = list(REQUIRED)


def test_known_columns_are_matched_and_others_kept_aside_with_a_warning() -> None:
    header = resolve([*NEEDED, "brand", "csat"], [], "f")
    assert header.sources == {name: name for name in (*NEEDED, "csat")}
    assert header.extras == ("brand",)
    assert header.warnings == ("unknown columns are kept aside, not analysed: brand",)


def test_a_mapping_gives_a_column_another_name() -> None:
    header = resolve([*NEEDED, "topic"], parse_mapping(["category=topic"]), "f")
    assert header.sources["category"] == "topic"
    assert header.extras == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ctegory", "category"),
        ("Resolved At", "resolved_at"),
        ("csats", "csat"),
        ("human-seconds", "human_seconds"),
    ],
)
def test_a_misspelt_column_is_an_error_with_a_suggestion_and_two_ways_out(name: str, meant: str) -> None:
    with pytest.raises(UsageError) as error:
        resolve([*NEEDED, name], [], "f")
    assert f"--map {meant}={name!r}" in str(error.value)
    assert resolve([*NEEDED, name], [(meant, name)], "f").sources[meant] == name
    assert resolve([*NEEDED, name], [("extra", name)], "f").extras == (name,)


def test_a_resembling_column_beside_the_real_one_is_just_another_column() -> None:
    assert resolve([*NEEDED, "category", "categories"], [], "f").extras == ("categories",)


def test_a_missing_required_column_is_named_with_its_remedy_and_what_is_there() -> None:
    with pytest.raises(UsageError, match=r"customer_id is missing; write --map customer_id=SOURCE") as error:
        resolve(["ticket_id", "opened_at", "user"], [], "f")
    assert "columns: ticket_id, opened_at, user" in str(error.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UsageError) as error:
        resolve(["ticket_id", "ctegory", "brand", "brand"], [("csat", "score")], "f")
    for part in (
        "'brand' stands there twice",
        "'ctegory' looks like",
        "customer_id is missing",
        "csat=score",
    ):
        assert part in str(error.value)


def test_a_column_that_a_mapping_replaces_is_kept_aside() -> None:
    header = resolve([*NEEDED, "category", "topic"], [("category", "topic")], "f")
    assert header.sources["category"] == "topic"
    assert header.extras == ("category",)
    assert "--map replaced" in header.warnings[-1]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["category"], "is no pair"),
        (["=topic"], "is no pair"),
        (["categry=topic"], "did you mean 'category'"),
        (["category=topic", "category=theme"], "gives category twice"),
        (["category=topic", "tier=topic"], "'topic' twice"),
    ],
)
def test_a_wrong_mapping_is_refused(pairs: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_mapping(pairs)


def test_a_mapping_from_a_column_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no column 'topik'; did you mean 'topic'"):
        resolve([*NEEDED, "topic"], [("category", "topik")], "f")


def test_the_columns_a_rejects_file_adds_are_ignored() -> None:
    assert resolve(["rejected_line", "rejected_reason", *NEEDED], [], "f").extras == ()


def test_every_column_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "import.md").read_text(encoding="utf-8")))
    assert set(COLUMNS) <= documented
