"""What must hold over a million units, and in the database."""

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2

from policies.vocabulary import Mode
from rollout.assign.assigner import Assigner
from rollout.assign.bucket import SPACE, bucket, variant
from rollout.assign.split import Split
from rollout.assign.sql import arm_sql, bucket_sql, eligible_sql

MILLION = 1_000_000
SPLIT = Split(
    workflow="tier1-support",
    step="ten",
    mode=Mode.LIVE,
    weight=Decimal(10),
    canary_weight=Decimal(0),
    holdout=Decimal(5),
    stable="resolution@1.2.0",
    salt="tier1-2026",
    eligibility={"complexity": frozenset({"simple", "moderate"})},
)
CANARY = "resolution@1.3.0"
SIMPLE = {"complexity": "simple"}


@pytest.fixture(scope="module")
def units() -> list[str]:
    return [f"customer-{n}" for n in range(MILLION)]


@pytest.fixture(scope="module")
def buckets(units) -> np.ndarray:
    return np.fromiter((bucket(SPLIT.salt, unit) for unit in units), np.uint64, MILLION)


def exposed(buckets: np.ndarray, percent: str) -> np.ndarray:
    return buckets < np.uint64(replace(SPLIT, weight=Decimal(percent)).agent_below)


@pytest.mark.slow
def test_the_decisions_of_a_million_units_follow_their_buckets(units, buckets) -> None:
    """Ties the vectorised checks below to the function that the router calls."""
    decide = Assigner(replace(SPLIT, weight=Decimal(30), canary=CANARY, canary_weight=Decimal(5))).decide
    arms = np.array([decide(unit, SIMPLE).arm for unit in units])
    assert ((arms != "human") == exposed(buckets, "30")).all()
    canaries = {unit for unit, arm in zip(units, arms, strict=True) if arm == "canary"}
    assert 0.0005 * MILLION < len(canaries) < 0.03 * MILLION
    assert all(variant(SPLIT.salt, CANARY, unit) < SPACE // 20 for unit in canaries)


def test_a_ramp_up_keeps_everybody_and_a_ramp_down_removes_the_newest_first(buckets) -> None:
    ramp = np.array([exposed(buckets, percent) for percent in ("0", "0.0001", "5", "10", "30", "60", "95")])
    assert not (ramp[:-1] & ~ramp[1:]).any()
    joined = np.where(ramp.any(axis=0), ramp.argmax(axis=0), len(ramp))
    for lowered in ("60", "30", "20", "10", "5"):
        kept = exposed(buckets, lowered)
        removed = ramp[-1] & ~kept
        assert joined[kept].max() <= joined[removed].min()


def test_realised_shares_fit_the_weights(buckets) -> None:
    """Chi-squared over 1,000 equal cells, and over the cells that a plan's weights cut."""
    cells = np.bincount((buckets >> np.uint64(44)).astype(np.int64) * 1000 >> 20, minlength=1000)
    even = MILLION / 1000
    assert chi2.sf(((cells - even) ** 2 / even).sum(), df=999) > 1e-3
    cuts = [exposed(buckets, percent).sum() for percent in ("0", "10", "30", "60", "95")]
    observed = np.diff([*cuts, MILLION])
    expected = np.array([10, 20, 30, 35, 5]) / 100 * MILLION
    assert chi2.sf(((observed - expected) ** 2 / expected).sum(), df=4) > 1e-3


def test_two_workflows_are_independent(units, buckets) -> None:
    other = np.fromiter((bucket("demo-support", unit) for unit in units), np.uint64, MILLION)
    phi = np.corrcoef(exposed(buckets, "30"), exposed(other, "30"))[0, 1]
    assert abs(phi) < 0.005


def test_exposure_and_variant_are_independent(units, buckets) -> None:
    """Else a canary would take its units from those who were exposed first."""
    inside = np.fromiter((variant(SPLIT.salt, CANARY, unit) for unit in units), np.uint64, MILLION)
    phi = np.corrcoef(exposed(buckets, "30"), inside < np.uint64(SPACE // 20))[0, 1]
    assert abs(phi) < 0.005


def test_assignment_is_sticky_across_processes() -> None:
    """Python's own ``hash`` changes with every start; ours may not."""
    program = (
        "import hashlib\n"
        "from rollout.assign.bucket import bucket\n"
        "text = ','.join(str(bucket('tier1-2026', f'customer-{n}')) for n in range(20_000))\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    here = ",".join(str(bucket("tier1-2026", f"customer-{n}")) for n in range(20_000))
    for seed in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        assert result.stdout.strip() == sha256(here.encode()).hexdigest()


SPLITS = {
    "live": replace(SPLIT, weight=Decimal(30)),
    "canary": replace(SPLIT, weight=Decimal("66.6667"), canary=CANARY, canary_weight=Decimal("12.5")),
    "all but the holdout": replace(SPLIT, weight=Decimal(95)),
    "everybody": replace(SPLIT, weight=Decimal(100), holdout=Decimal(0), eligibility={}),
    "nobody": replace(SPLIT, weight=Decimal(0)),
    "shadow": replace(SPLIT, mode=Mode.SHADOW, weight=Decimal(0)),
    "held out": replace(SPLIT, weight=Decimal(0), holdout=Decimal(100)),
}


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """200,000 units of every script, a fifth of them ineligible or unknown."""
    shapes = (
        "customer-{}",
        "müller-{}@example.org",
        "東京-{}",
        "مستخدم-{}",
        "👩‍🚀{}",
        "it's '{}'",
        "e\u0301{}",
        "{}",
    )
    complexity = ("simple", "moderate", "simple", "complex", None)
    return pa.table(
        {
            "customer_id": [shapes[n % len(shapes)].format(n) for n in range(200_000)],
            "complexity": [complexity[n % 5] for n in range(200_000)],
        }
    )


@pytest.mark.parametrize("name", SPLITS)
def test_the_database_decides_as_the_router_does(table, name) -> None:
    split = SPLITS[name]
    with duckdb.connect() as connection:
        connection.register("tickets", table)
        rows = connection.execute(
            f"SELECT customer_id, complexity, {arm_sql(split)}, {bucket_sql(split.salt)}, "
            f"{eligible_sql(split)} FROM tickets"
        ).fetchall()
    decide = Assigner(split).decide
    mismatches = 0
    for unit, complexity, arm, where, eligible in rows:
        decision = decide(unit, {"complexity": complexity})
        mismatches += (arm, where, eligible) != (decision.arm, decision.bucket, decision.eligible)
    assert (len(rows), mismatches) == (200_000, 0)
