"""The covariate from before the rollout: sharper where there is history, never the new arm's doing."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from desks_for_tests import START, Desk, fact, plan_of, world

from experiments.estimate import adjusted, estimate_difference
from experiments.rows import comparison_from_rows
from experiments.samples import Comparison
from rollout.gating import gate
from rollout.measure.day_sums import DaySums
from rollout.measure.gate_query import gate_query
from rollout.measure.gate_samples import collect
from rollout.measure.history_query import SHRINKAGE, exposed_from, known_by, past
from rollout.measure.query import Query
from rollout.measure.scope import Scope
from rollout.measure.wanted import Wanted

AT = datetime(2026, 5, 8, tzinfo=UTC)
WANTED = (Wanted("csat"), Wanted("recontact_7d"), Wanted("escalation"), Wanted("cost", cap=20.0))


def veterans(tickets: int = 6000, customers: int = 500, seed: int = 0) -> pl.DataFrame:
    """Customers with tempers: thirty days with people only, not randomised, then thirty of a rollout."""
    steps = (("before", 0.0), ("thirty", 30.0))
    frame = world(tickets, customers=customers, weights=steps, response=0.6, seed=seed)
    ours = pl.col("step") == "thirty"
    marks = [
        pl.when(ours).then(pl.col(name)).alias(name) for name in ("step", "weight") if name in frame.columns
    ]
    return frame.with_columns(*marks)


def scope_at(desk: Desk, at: datetime = AT) -> Scope:
    scope = Scope.find(desk, tenant="default", workflow="w", track="ladder", as_of=at, step="thirty")
    return replace(scope, exposed_at=exposed_from(desk, scope))


def sums_of(desk: Desk, metric: str) -> Comparison:
    found = collect(desk, scope_at(desk), WANTED, wage=30.0).metrics[metric].difference
    assert found is not None
    return found


def covariates(desk: Desk) -> dict[str, tuple[float, ...]]:
    scope = scope_at(desk)
    wanted = [replace(want, history=True) for want in WANTED]
    params = {**scope.params, **known_by(scope.exposed_at), "wage": 30.0, "cap_cost": 20.0}
    rows = Query(past(wanted), params).rows(desk)
    return {row["unit"]: tuple(row[f"x_{want.metric}"] for want in wanted) for row in rows}


def by_hand(frame: pl.DataFrame) -> tuple[Comparison, dict[str, np.ndarray]]:
    """CSAT's sums with the covariate, from the rows."""
    began = frame.filter(pl.col("step") == "thirty")["opened_at"].min()
    before = frame.filter(pl.col("resolved_at") < began, pl.col("csat_at") < began)
    mean = before["csat"].mean()
    shrunk = pl.col("csat").sum() - pl.len() * mean
    x = before.group_by("customer_id").agg(x=shrunk / (pl.len() + SHRINKAGE))
    rated = frame.filter(pl.col("csat_at") <= AT.replace(tzinfo=None)).sort("csat_at", "ticket_id")
    week = pl.col("csat_at").dt.epoch("us") // (7 * 86_400_000_000)
    ours = rated.filter(pl.col("step") == "thirty")
    ours = ours.unique(["customer_id", week], keep="first", maintain_order=True)
    ours = ours.join(x, on="customer_id", how="left").with_columns(pl.col("x").fill_null(0.0))
    rows = {name: ours[name].to_numpy() for name in ("x", "csat", "customer_id")}
    rows |= {
        "stratum": ours["day"].cast(pl.String).to_numpy(),
        "treated": (ours["arm"] == "agent").to_numpy(),
    }
    ones = np.ones(len(ours))
    parts = (rows["stratum"], rows["customer_id"], rows["treated"], rows["csat"], ones, rows["x"])
    return comparison_from_rows(*parts), rows


@pytest.mark.parametrize("seed", [0, 1])
def test_the_sums_equal_the_reference_builder(desk: Desk, seed: int) -> None:
    frame = veterans(seed=seed)
    desk.add_frame(frame)
    expected, _ = by_hand(frame)
    found = sums_of(desk, "csat")
    assert found.covariate is not None
    assert expected.covariate is not None
    assert asdict(found.covariate) == pytest.approx(asdict(expected.covariate), rel=1e-9, abs=1e-9)
    assert found.sum_a == pytest.approx(expected.sum_a, rel=1e-9)
    for name in ("n", "n_control", "mean_control", "within", "clusters", "strata"):
        told = f"{name}: what nobody randomised is no control group"
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9), told


def test_the_estimate_is_that_of_regression_on_what_the_covariate_leaves(desk: Desk) -> None:
    """β is pooled inside strata and arms together; given β, fixed effects and clusters are least squares.

    With β estimated beside the effect, least squares lands within a fraction of the standard error.
    """
    import statsmodels.api as sm

    frame = veterans()
    desk.add_frame(frame)
    sums, (_, rows) = sums_of(desk, "csat"), by_hand(frame)
    found = estimate_difference(sums)
    assert found.adjusted
    beta = sums.covariate.within_xy / sums.covariate.within_xx
    labels, stratum = np.unique(rows["stratum"], return_inverse=True)
    _, groups = np.unique(rows["customer_id"], return_inverse=True)
    effects = np.column_stack([rows["treated"], np.eye(len(labels))[stratum]]).astype(float)
    clustered = {"cov_type": "cluster", "cov_kwds": {"groups": groups, "use_correction": False}}
    given = sm.OLS(rows["csat"] - beta * rows["x"], effects).fit(**clustered)
    beside = sm.OLS(rows["csat"], np.column_stack([effects, rows["x"]])).fit(**clustered)
    small = max(
        min(sums.n_treated, sums.n_control) / (min(sums.n_treated, sums.n_control) - 1),
        sums.clusters / (sums.clusters - 1),
    )
    assert found.effect == pytest.approx(given.params[0], rel=1e-9)
    assert found.variance_robust == pytest.approx(given.bse[0] ** 2 * small, rel=1e-9)
    assert found.effect == pytest.approx(beside.params[0], abs=0.1 * beside.bse[0])
    assert found.se == pytest.approx(beside.bse[0], rel=0.05)
    assert adjusted(sums, sums.covariate, beta).covariate is None


def test_history_makes_ratings_surer(desk: Desk) -> None:
    desk.add_frame(veterans())
    sums = sums_of(desk, "csat")
    plain = estimate_difference(replace(sums, covariate=None))
    assert estimate_difference(sums).variance < 0.95 * plain.variance


def test_nothing_from_after_the_first_exposure_is_read(desk: Desk) -> None:
    """Whatever happens afterwards, to old tickets and to new ones, every covariate stays what it was."""
    desk.add_frame(veterans(3000))
    before = covariates(desk)
    exposed_at = scope_at(desk).exposed_at
    assert exposed_at is not None
    began = exposed_at.replace(tzinfo=None)
    late = {"closed_reason": None, "path": "human", "resolution": "assumed", "arm": "human"}
    unassigned = {"step": None, "weight": None, "mode": None, "assignment_reason": None, "eligible": None}
    rows = []
    for hours in (0, 1, 100):
        opened = began + timedelta(hours=hours)
        told = {
            "resolved_at": opened,
            "csat": 1.0,
            "csat_at": opened,
            "escalated": True,
            **late,
            **unassigned,
        }
        rows.append(fact(f"new{hours}", "c1", opened, **told))
        earlier = began - timedelta(days=20)
        told = {"resolved_at": began + timedelta(hours=hours), "human_seconds": 1e6}
        rows.append(fact(f"slow{hours}", "c1", earlier, escalated=True, **told, **late, **unassigned))
    desk.add(rows)
    # Silent customers answer now, quiet ones come back now: on tickets from before, but too late.
    now = {"now": began, "soon": began + timedelta(hours=2)}
    desk.query(
        "UPDATE facts SET csat = 1, csat_at = $soon WHERE opened_at < $now AND csat IS NULL",
        now,
    )
    desk.query(
        "UPDATE facts SET recontact_at = $soon WHERE opened_at < $now AND resolved_at > $now - INTERVAL 6 DAY"
        " AND recontact_at IS NULL",
        now,
    )
    after = covariates(desk)
    assert after.keys() == before.keys()
    for unit, values in before.items():
        assert after[unit] == pytest.approx(values, rel=1e-12, abs=1e-12)


def test_a_change_before_the_first_exposure_is_read(desk: Desk) -> None:
    """The other side of the test above: it would notice."""
    desk.add_frame(veterans(3000))
    before = covariates(desk)
    desk.query("UPDATE facts SET csat = 1 WHERE opened_at < $now AND csat > 4", {"now": START + timedelta(9)})
    assert covariates(desk) != before


def test_without_history_nothing_is_joined(desk: Desk) -> None:
    desk.add_frame(world(2000))
    scope = scope_at(desk)
    assert scope.exposed_at is None
    evidence = collect(desk, scope, WANTED, wage=30.0)
    assert evidence.metrics["csat"].difference.covariate is None
    assert "past" not in evidence.queries["gate"]


def test_kept_days_know_the_same_history(desk: Desk) -> None:
    desk.add_frame(veterans(4000))
    sums = DaySums(desk, least=0)
    wanted = [replace(want, history=True) for want in WANTED]
    for hours in (0, 0, 1, 30, 200):
        scope = scope_at(desk, datetime(2026, 4, 20, tzinfo=UTC) + timedelta(hours=hours))
        found, full = sums.row(scope, wanted, 30.0), gate_query(scope, wanted, 30.0).one(desk)
        assert found.keys() == full.keys()
        for name, value in full.items():
            if isinstance(value, float):
                assert found[name] == pytest.approx(value, rel=1e-10, abs=1e-9), name
            else:
                assert found[name] == value, name
    assert sums.kept_looks == 3


def test_the_gate_says_what_history_was_worth(desk: Desk) -> None:
    desk.add_frame(veterans())
    plan = plan_of(steps=[{"name": "thirty", "set_weight": 30}])
    rows = {row["metric"]: row for row in gate(desk, plan, "w", AT, step="thirty").to_json()["metrics"]}
    told = rows["csat"]["cuped"]
    assert told["used"]
    assert 0.05 < told["variance_saved"] < 0.9
    assert 400 < told["customers"] <= 500


def test_a_covariate_of_other_customers_keeps_the_error_rate() -> None:
    """Permuted, x tells nothing: an A/A difference beyond 1.96 standard errors stays one in twenty."""
    rng, beyond, worlds = np.random.default_rng(4), 0, 600
    for _ in range(worlds):
        cluster = rng.integers(0, 150, 600)
        treated, temper, x = rng.random(150) < 0.4, rng.normal(0, 1, 150), rng.normal(0, 1, 150)
        y = temper[cluster] + rng.normal(0, 1, 600)
        sums = comparison_from_rows(
            rng.integers(0, 5, 600), cluster, treated[cluster], y, np.ones(600), x[cluster]
        )
        beyond += abs(estimate_difference(sums).effect) > 1.96 * estimate_difference(sums).se
    assert beyond / worlds < 0.05 + 3 * (0.05 * 0.95 / worlds) ** 0.5
