"""One harmed category goes back to humans, and no other does."""

from typing import Any

import polars as pl
import pytest
from desks_for_tests import END, Desk, plan_of, world

from experiments.rows import comparison_from_rows
from rollout.cli.gate_text import gate_text
from rollout.gating import gate
from rollout.measure.category_query import by_category
from rollout.measure.scope import Scope

LARGE = {"tickets": 24_000, "customers": 8_000}
SMALL_SHARE = pl.col("ticket_id").hash(7) % 10 == 0


def look(desk: Desk) -> dict[str, Any]:
    return gate(desk, plan_of(), "w", END).to_json()


def harmed(frame: pl.DataFrame) -> pl.DataFrame:
    """A tenth of the tickets are refunds, which the agent always escalates."""
    hurt = SMALL_SHARE & (pl.col("arm") == "agent")
    return frame.with_columns(
        pl.when(SMALL_SHARE).then(pl.lit("refunds")).otherwise("category").alias("category"),
        (pl.col("escalated") | (hurt & (pl.col("ticket_id").hash(8) % 10 < 4))).alias("escalated"),
    )


def test_a_harmed_category_falls_back_and_the_gate_holds_with_the_reason(desk: Desk) -> None:
    desk.add_frame(harmed(world(**LARGE)))
    found = look(desk)
    assert found["category_fallback"] == ["refunds"]
    assert found["decision"] == "HOLD"
    assert any("send refunds back to humans" in reason for reason in found["reasons"])
    assert "send refunds back to humans" in gate_text(found, colour=False)
    (row,) = [each for each in found["categories"] if each["harmed"]]
    assert (row["metric"], row["category"]) == ("escalation", "refunds")
    assert 0 < row["shrunk"] < row["estimate"]


def test_sound_categories_change_nothing_and_an_empty_one_never_passes(desk: Desk) -> None:
    desk.add_frame(world(**LARGE))
    found = look(desk)
    assert found["category_fallback"] == []
    assert found["decision"] == "PROMOTE"
    assert gate(Desk(), plan_of(), "w", END).to_json()["decision"] == "HOLD"


def test_a_further_arm_neutral_category_harms_nobody_and_saves_nobody(desk: Desk) -> None:
    frame = harmed(world(**LARGE))
    neutral = world(3_000, seed=5).with_columns(
        ("n" + pl.col("ticket_id")).alias("ticket_id"),
        ("n" + pl.col("customer_id")).alias("customer_id"),
        pl.lit("parcels").alias("category"),
    )
    desk.add_frame(pl.concat([frame, neutral]))
    assert look(desk)["category_fallback"] == ["refunds"]


def test_a_rollback_stays_a_rollback(desk: Desk) -> None:
    desk.add_frame(harmed(world(**LARGE, csat=-0.6)))
    assert look(desk)["decision"] == "ROLL_BACK"


def test_a_cell_too_small_to_judge_proves_nothing(desk: Desk) -> None:
    tiny = (pl.col("ticket_id").hash(7) % 1000 == 0).alias("tiny")
    frame = world(**LARGE).with_columns(tiny)
    frame = frame.with_columns(
        pl.when("tiny").then(pl.lit("rare")).otherwise("category").alias("category"),
        (pl.col("escalated") | (pl.col("tiny") & (pl.col("arm") == "agent"))).alias("escalated"),
    ).drop("tiny")
    desk.add_frame(frame)
    found = look(desk)
    rare = [row for row in found["categories"] if row["category"] == "rare"]
    assert found["category_fallback"] == []
    assert rare
    assert not any(row["enough"] or row["log_evidence"] for row in rare)


def test_the_sums_of_a_category_are_those_of_its_rows(desk: Desk) -> None:
    frame = world(4_000)
    desk.add_frame(frame)
    scope = Scope.find(desk, tenant="default", workflow="w", track="ladder", as_of=END)
    found = by_category(desk, scope, "escalation")
    assert set(found) == {"billing", "shipping"}
    for name, sums in found.items():
        rows = frame.filter(category=name)
        expected = comparison_from_rows(
            (rows["step"] + rows["day"].cast(pl.String)).to_numpy(),
            rows["customer_id"].to_numpy(),
            (rows["arm"] == "agent").to_numpy(),
            rows["escalated"].cast(pl.Float64).to_numpy(),
            [1.0] * len(rows),
        )
        for part in ("sum_a", "sum_b", "sum_aa", "sum_ab", "sum_bb", "within", "n", "n_treated"):
            assert getattr(sums, part) == pytest.approx(getattr(expected, part), rel=1e-9), part
