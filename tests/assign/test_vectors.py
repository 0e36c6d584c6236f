"""Golden vectors: the assignment of a unit never changes between releases."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from policies.vocabulary import Mode
from rollout.assign.assigner import Assigner
from rollout.assign.bucket import boundary, bucket, variant
from rollout.assign.split import Split

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "assignment_vectors.json").read_text("utf-8"))


def test_every_exposure_bucket_is_the_released_one() -> None:
    changed = [row for row in VECTORS["buckets"] if bucket(row["salt"], row["unit"]) != int(row["bucket"])]
    assert len(VECTORS["buckets"]) >= 200
    assert not changed


def test_every_variant_bucket_is_the_released_one() -> None:
    changed = [
        row
        for row in VECTORS["variants"]
        if variant(row["salt"], row["version"], row["unit"]) != int(row["bucket"])
    ]
    assert len(VECTORS["variants"]) >= 90
    assert not changed


@pytest.mark.parametrize("row", VECTORS["boundaries"], ids=lambda row: row["percent"])
def test_every_boundary_is_the_released_one(row) -> None:
    assert boundary(Decimal(row["percent"])) == int(row["boundary"])


def test_every_decision_is_the_released_one() -> None:
    changed = []
    for row in VECTORS["decisions"]:
        split = Split(
            workflow="w",
            step="s",
            mode=Mode(row["mode"]),
            weight=Decimal(row["weight"]),
            canary_weight=Decimal(row["canary_weight"]),
            holdout=Decimal(row["holdout"]),
            stable="agent@1",
            salt=row["salt"],
            canary=row["canary"],
            eligibility={"complexity": frozenset({"simple", "moderate"}), "urgency": None},
        )
        decision = Assigner(split).decide(row["unit"], row["attributes"])
        if (decision.arm, decision.reason, str(decision.bucket), decision.eligible) != (
            row["arm"],
            row["reason"],
            row["bucket"],
            row["eligible"],
        ):
            changed.append((row, decision))
    assert {row["arm"] for row in VECTORS["decisions"]} == {"human", "agent", "canary"}
    assert not changed
