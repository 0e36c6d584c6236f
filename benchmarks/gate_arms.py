"""One way to count a gate, in a process of its own, for ``gates.py``.

    python benchmarks/gate_arms.py ARM FOLDER

Reads one moment per line from its standard input, with the number of a late rating to take in before, and
answers each with a line of JSON: seconds from file to sums, the process's peak memory, and the sums. Where
the line ends in ``check``, what a full scan says stands beside them, counted after the clock has stopped.
Imports only what the arm needs, so that it runs under an interpreter that has nothing but the peer.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

BOTH = ("csat", "csat_response", "recontact_7d", "escalation", "cost", "handle_time")
LIMIT = "violations"
WAGE, CAPS = 30.0, {"cost": 20.0, "handle_time": 3000.0}
KEYS = ["step", "weight", "day"]
Sums = dict[str, float]
Arm = Callable[[Path, datetime], Sums]


def full(folder: Path, at: datetime) -> Sums:
    from rollout.measure.gate_query import gate_query

    view, scope, wanted = _ours(folder, at)
    return _numbers(gate_query(scope, wanted, WAGE).one(view))


def incremental(folder: Path, at: datetime) -> Sums:
    from rollout.measure.day_sums import day_sums

    view, scope, wanted = _ours(folder, at)
    return _numbers(day_sums(view).row(scope, wanted, WAGE))


def gate(folder: Path, at: datetime) -> Sums:
    """A whole look: scope, sums, categories, life tables, integrity, the human arm, judgement."""
    from types import SimpleNamespace

    from gate_world import START

    from policies.plan import plan_from_json
    from rollout.gating import gate as look

    view, scope, _ = _ours(folder, at)
    here = SimpleNamespace(step=scope.step, version=scope.version, since=START, looks=None)
    report = look(view, plan_from_json(PLAN), scope.workflow, at, state=SimpleNamespace(ladder=here))
    return {"tickets": float(report.evidence.tickets)}


PLAN: dict[str, Any] = {
    "workflow": "support",
    "owners": {"workflow": "a", "technical": "b", "escalation": "c"},
    "unit": "customer",
    "salt": "gates-1",
    "agent": "resolution@1.2.0",
    "steps": [{"name": f"step{i}", "set_weight": weight} for i, weight in enumerate((5, 10, 30, 60))],
    "metrics": {
        "csat": {"margin": "0.2"},
        "recontact_7d": {"margin": "4pp"},
        "escalation": {"margin": "5pp"},
        "cost": {"margin": "1.0", "cap": CAPS["cost"]},
        "handle_time": {"margin": "10%", "cap": CAPS["handle_time"]},
    },
    "monitors": ["violations"],
    "inference": {"alpha": 0.05, "power": 0.8},
    "cost": {"human_usd_per_hour": WAGE},
}

_OPEN: dict[Path, Any] = {}


def _ours(folder: Path, at: datetime) -> tuple[Any, Any, Any]:
    from rollout.measure.scope import Scope
    from rollout.measure.wanted import Wanted
    from rollout.record.view import View

    view = _OPEN.setdefault(folder, None) or View(folder / "facts.duckdb")
    _OPEN[folder] = view
    wanted = [Wanted(m, relative=m == "handle_time", cap=CAPS.get(m)) for m in BOTH if m != "csat_response"]
    scope = Scope(
        tenant="default",
        workflow="support",
        track="ladder",
        as_of=at,
        step="step3",
        mode="live",
        version="resolution@1.2.0",
        steps=("step0", "step1", "step2", "step3"),
        every_step=True,
    )
    return view, scope, [*wanted, Wanted(LIMIT, against="limit")]


def _numbers(row: dict[str, Any]) -> Sums:
    return {name: float(value) for name, value in row.items() if isinstance(value, int | float)}


def _rows(folder: Path, at: datetime) -> Any:
    """What every ticket carries of every metric, y and d, lazily in Polars."""
    import polars as pl

    now = at.replace(tzinfo=None)
    rows = pl.scan_parquet(folder / "facts.parquet").filter(pl.col("opened_at") <= now)
    week = pl.col("csat_at").dt.epoch("us") // (7 * 86_400_000_000)
    counted = (
        rows.filter(pl.col("csat").is_not_null() & (pl.col("csat_at") <= now))
        .group_by("customer_id", week.alias("week"))
        .agg(pl.col("ticket_id").sort_by("csat_at", "ticket_id").first())
        .select("ticket_id", counted=True)
    )
    closed = pl.col("resolved_at") <= now
    answered = (pl.col("csat_at") <= now).fill_null(value=False)
    ripe = pl.col("csat_offered_at") <= now - timedelta(days=3)
    old = pl.col("resolution").is_in(["confirmed", "assumed"]) & (
        pl.col("resolved_at") <= now - timedelta(days=7)
    )
    back = pl.col("recontact_at") <= pl.col("resolved_at") + timedelta(days=7)
    person = pl.col("human_seconds") * (WAGE / 3600)
    usd = (pl.col("cost_usd").fill_null(0.0) + person).clip(upper_bound=CAPS["cost"])
    parts = {
        "csat": (pl.col("csat"), pl.col("counted").fill_null(value=False)),
        "csat_response": (answered, ripe),
        "recontact_7d": (back.fill_null(value=False), old),
        "escalation": (pl.col("escalated"), pl.col("escalated").is_not_null()),
        "cost": (usd, closed),
        "handle_time": (pl.col("handle_seconds").clip(upper_bound=CAPS["handle_time"]), closed),
        LIMIT: (pl.col("violations") > 0, pl.col("violations").is_not_null()),
    }
    marks = [(pl.col("arm") == "agent").cast(pl.Float64).alias("a"), "customer_id", *KEYS]
    values = [
        expression
        for m, (y, d) in parts.items()
        for expression in (
            pl.when(d).then(y.cast(pl.Float64)).otherwise(0.0).alias(f"y_{m}"),
            d.cast(pl.Float64).alias(f"d_{m}"),
        )
    ]
    return rows.join(counted, on="ticket_id", how="left").select(*marks, *values)


def polars(folder: Path, at: datetime) -> Sums:
    import polars as pl

    rows, a = _rows(folder, at), pl.col("a")
    y, d = ({m: pl.col(f"{kind}_{m}") for m in (*BOTH, LIMIT)} for kind in "yd")
    sums = {}
    for m in (*BOTH, LIMIT):
        sums |= {f"n_{m}": d[m].sum(), f"nt_{m}": (a * d[m]).sum()}
        sums |= {f"s_{m}": y[m].sum(), f"st_{m}": (a * y[m]).sum()}
        sums |= {f"q_{m}": (y[m] ** 2).sum(), f"qt_{m}": (a * y[m] ** 2).sum()}
    strata = rows.group_by(KEYS).agg(**sums).collect(engine="streaming")
    n = {m: pl.when(pl.col(f"n_{m}") > 0).then(pl.col(f"n_{m}")) for m in BOTH}
    means = strata.select(
        *KEYS,
        *(
            (pl.col(f"{part}_{m}") / n[m]).fill_null(0.0).alias(f"{name}_{m}")
            for m in BOTH
            for part, name in (("nt", "p"), ("s", "m"), ("st", "mx"))
        ),
    )
    units = {f"a_{LIMIT}": (a * y[LIMIT]).sum(), f"b_{LIMIT}": (a * d[LIMIT]).sum()}
    for m in BOTH:
        contrast = a - pl.col(f"p_{m}")
        units[f"a_{m}"] = (contrast * (y[m] - pl.col(f"m_{m}") * d[m])).sum()
        units[f"b_{m}"] = (contrast * contrast * d[m]).sum()
        units[f"d_{m}"] = d[m].sum()
    units["x_handle_time"] = (
        (a - pl.col("p_handle_time")) * (a * y["handle_time"] - pl.col("mx_handle_time") * d["handle_time"])
    ).sum()
    ends = {}
    for m in (*BOTH, LIMIT):
        first, second = pl.col(f"a_{m}"), pl.col(f"b_{m}")
        ends |= {f"{m}__a": first.sum(), f"{m}__b": second.sum(), f"{m}__aa": (first * first).sum()}
        ends |= {f"{m}__ab": (first * second).sum(), f"{m}__bb": (second * second).sum()}
        ends |= {f"{m}__largest": second.max()}
    first, second, x = (pl.col(f"{part}_handle_time") for part in "abx")
    ends |= {"handle_time__x": x.sum(), "handle_time__xx": (x * x).sum()}
    ends |= {"handle_time__ax": (first * x).sum(), "handle_time__xb": (x * second).sum()}
    ends |= {f"{m}__clusters": (pl.col(f"d_{m}") > 0).sum() for m in BOTH}
    found = rows.join(means.lazy(), on=KEYS).group_by("customer_id").agg(**units).select(**ends)
    return found.collect(engine="streaming").row(0, named=True) | _totals(strata)


def _totals(strata: Any) -> Sums:
    import polars as pl

    totals = {}
    for m in (*BOTH, LIMIT):
        count, s, q = (pl.col(f"{part}_{m}") for part in ("n", "s", "q"))
        within = pl.when(count > 0).then(q - s * s / count).otherwise(0.0)
        totals |= {f"{m}__{part}": pl.col(f"{part}_{m}").sum() for part in ("n", "nt", "s", "st", "qt")}
        totals[f"{m}__within"] = within.sum()
    return dict(strata.select(**totals).row(0, named=True))


def pandas(folder: Path, at: datetime) -> Sums:
    """The customer-clustered sums of ``polars``, over a frame that is read whole."""
    frame = _frame(folder, at)
    frame["h"] = frame.groupby(KEYS, observed=True).ngroup()
    sums: Sums = {}
    units: dict[str, Any] = {}
    for m in BOTH:
        y, d, a = frame[f"y_{m}"], frame[f"d_{m}"], frame["a"]
        parts = {"n": d, "nt": a * d, "s": y, "st": a * y, "q": y * y}
        strata = _frame_of(parts).groupby(frame["h"]).sum()
        n = strata["n"].where(strata["n"] > 0)
        p, mean = (frame["h"].map((strata[part] / n).fillna(0.0)) for part in ("nt", "s"))
        units |= {f"a_{m}": (a - p) * (y - mean * d), f"b_{m}": (a - p) ** 2 * d}
        if m == "handle_time":
            other = frame["h"].map((strata["st"] / n).fillna(0.0))
            units["x"] = (a - p) * (a * y - other * d)
        sums |= {f"{m}__{part}": strata[part].sum() for part in ("n", "nt", "s", "st")}
        sums[f"{m}__within"] = (strata["q"] - strata["s"] ** 2 / n).fillna(0.0).sum()
    units |= {f"a_{LIMIT}": frame["a"] * frame[f"y_{LIMIT}"], f"b_{LIMIT}": frame["a"] * frame[f"d_{LIMIT}"]}
    grouped = _frame_of(units).groupby(frame["customer_id"], sort=False).sum()
    for m in (*BOTH, LIMIT):
        first, second = grouped[f"a_{m}"], grouped[f"b_{m}"]
        sums |= {f"{m}__a": first.sum(), f"{m}__b": second.sum(), f"{m}__aa": (first * first).sum()}
        sums |= {f"{m}__ab": (first * second).sum(), f"{m}__bb": (second * second).sum()}
    sums["handle_time__xx"] = (grouped["x"] ** 2).sum()
    return {name: float(value) for name, value in sums.items()}


def _frame_of(columns: dict[str, Any]) -> Any:
    import pandas as pd

    return pd.DataFrame(columns)


def _frame(folder: Path, at: datetime) -> Any:
    """The same in pandas."""
    import numpy as np
    import pandas as pd

    now, day = pd.Timestamp(at.replace(tzinfo=None)), pd.Timedelta(days=1)
    rows = pd.read_parquet(folder / "facts.parquet")
    rows = rows[rows["opened_at"] <= now].reset_index(drop=True)
    closed = (rows["resolved_at"] <= now).to_numpy()
    answered = (rows["csat_at"] <= now).to_numpy()
    rated = rows.loc[answered, ["customer_id", "csat_at", "ticket_id"]]
    rated = rated.assign(
        week=rated["csat_at"].astype("datetime64[us]").astype("int64") // (7 * 86_400_000_000)
    )
    first = rated.sort_values(["csat_at", "ticket_id"]).drop_duplicates(["customer_id", "week"]).index
    counted = np.zeros(len(rows), dtype=bool)
    counted[first] = True
    old = (
        rows["resolution"].isin(["confirmed", "assumed"]) & (rows["resolved_at"] <= now - 7 * day)
    ).to_numpy()
    usd = rows["cost_usd"].fillna(0.0) + rows["human_seconds"] * (WAGE / 3600)
    parts = {
        "csat": (rows["csat"], counted),
        "csat_response": (answered, (rows["csat_offered_at"] <= now - 3 * day).to_numpy()),
        "recontact_7d": (rows["recontact_at"] <= rows["resolved_at"] + 7 * day, old),
        "escalation": (rows["escalated"], np.ones(len(rows), dtype=bool)),
        "cost": (usd.clip(upper=CAPS["cost"]), closed),
        "handle_time": (rows["handle_seconds"].clip(upper=CAPS["handle_time"]), closed),
        LIMIT: (rows["violations"] > 0, np.ones(len(rows), dtype=bool)),
    }
    columns: dict[str, Any] = {"a": (rows["arm"] == "agent").astype(float)}
    for m, (y, d) in parts.items():
        columns |= {f"y_{m}": np.where(d, np.asarray(y, dtype=float), 0.0), f"d_{m}": d.astype(float)}
    return rows[["customer_id", *KEYS]].assign(**columns)


def tea_tasting(folder: Path, at: datetime) -> Sums:
    """Ratios by the delta method over customers; no strata, so a customer has one arm: the first."""
    import polars as pl
    import tea_tasting as tt

    sums = [pl.col(f"{kind}_{m}").sum() for m in BOTH for kind in "yd"]
    users = (_rows(folder, at).group_by("customer_id", variant=pl.col("a").cast(pl.Int8)).agg(sums)).collect(
        engine="streaming"
    )
    experiment = tt.Experiment({m: tt.RatioOfMeans(f"y_{m}", f"d_{m}") for m in BOTH})
    result = experiment.analyze(users)
    return {
        f"{m}__{side}": float(getattr(result[m], side)) for m in BOTH for side in ("treatment", "control")
    }


_OUTCOMES = """
SELECT customer_id, CAST(arm = 'agent' AS TINYINT) AS variant, {sums}
FROM (
    SELECT *, csat_at <= $at AS answered, resolved_at <= $at AS closed,
        csat_at <= $at AND row_number() OVER (
            PARTITION BY customer_id, CASE WHEN csat_at <= $at THEN epoch_us(csat_at) // 604800000000 END
            ORDER BY csat_at, ticket_id) = 1 AS counted,
        resolution IN ('confirmed', 'assumed') AND resolved_at <= $at - INTERVAL 7 DAY AS matured
    FROM facts WHERE opened_at <= $at
) GROUP BY customer_id, variant"""
_PARTS = {
    "csat": ("csat", "counted"),
    "csat_response": ("answered", "csat_offered_at <= $at - INTERVAL 3 DAY"),
    "recontact_7d": ("recontact_at <= resolved_at + INTERVAL 7 DAY", "matured"),
    "escalation": ("escalated", "TRUE"),
    "cost": (f"least(coalesce(cost_usd, 0) + human_seconds * {WAGE} / 3600, {CAPS['cost']})", "closed"),
    "handle_time": (f"least(handle_seconds, {CAPS['handle_time']})", "closed"),
}


def tea_tasting_duckdb(folder: Path, at: datetime) -> Sums:
    """The same experiment on the backend tea-tasting documents for DuckDB: Ibis over the view's file."""
    import ibis
    import tea_tasting as tt

    sums = ", ".join(
        f"coalesce(sum(CAST({y} AS DOUBLE)) FILTER ({d}), 0) AS y_{m},"
        f" CAST(count(*) FILTER ({d}) AS DOUBLE) AS d_{m}"
        for m, (y, d) in _PARTS.items()
    )
    query = _OUTCOMES.format(sums=sums).replace("$at", f"TIMESTAMP '{at.replace(tzinfo=None)}'")
    found = ibis.duckdb.connect(str(folder / "facts.duckdb"), read_only=True)
    experiment = tt.Experiment({m: tt.RatioOfMeans(f"y_{m}", f"d_{m}") for m in BOTH})
    result = experiment.analyze(found.sql(query))
    found.disconnect()
    return {
        f"{m}__{side}": float(getattr(result[m], side)) for m in BOTH for side in ("treatment", "control")
    }


def gbstats(folder: Path, at: datetime) -> Sums:
    """Moments per arm by Polars, judged by gbstats; a row is a customer in an arm, without strata."""
    import polars as pl
    from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
    from gbstats.models.statistics import RatioStatistic

    users = (
        _rows(folder, at)
        .group_by("customer_id", "a")
        .agg(pl.col(f"{kind}_{m}").sum() for m in BOTH for kind in "yd")
    )
    moments = {}
    for m in BOTH:
        y, d = pl.col(f"y_{m}"), pl.col(f"d_{m}")
        moments |= {f"y_{m}": y.sum(), f"yy_{m}": (y * y).sum(), f"d_{m}": d.sum()}
        moments |= {f"dd_{m}": (d * d).sum(), f"yd_{m}": (y * d).sum()}
    arms = users.group_by("a").agg(n=pl.len(), **moments).sort("a").collect(engine="streaming")
    found: Sums = {}
    for m in BOTH:
        control, treated = (
            RatioStatistic(
                n=row["n"],
                m_statistic=_moment(row["n"], row[f"y_{m}"], row[f"yy_{m}"]),
                d_statistic=_moment(row["n"], row[f"d_{m}"], row[f"dd_{m}"]),
                m_d_sum_of_products=row[f"yd_{m}"],
            )
            for row in arms.iter_rows(named=True)
        )
        TwoSidedTTest(control, treated, FrequentistConfig(difference_type="absolute")).compute_result()
        found |= {f"{m}__treatment": treated.mean, f"{m}__control": control.mean}
    return found


def _moment(n: int, total: float, squares: float) -> Any:
    from gbstats.models.statistics import SampleMeanStatistic

    return SampleMeanStatistic(n=n, sum=total, sum_squares=squares)


def statsmodels(folder: Path, at: datetime) -> Sums:
    """One metric, escalation: least squares with stratum fixed effects, clustered by customer."""
    import numpy as np
    import statsmodels.api as sm

    frame = _rows(folder, at).collect(engine="streaming")
    _, h = np.unique(frame.select(KEYS).to_struct().hash().to_numpy(), return_inverse=True)
    codes = frame["customer_id"].rank("dense").to_numpy().astype(np.int64)
    y, a = frame["y_escalation"].to_numpy(), frame["a"].to_numpy()
    size = np.bincount(h)
    within = [column - (np.bincount(h, column) / size)[h] for column in (y, a)]
    fit = sm.OLS(within[0], within[1]).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
    )
    return {"escalation__effect": float(fit.params[0]), "escalation__variance": float(fit.bse[0] ** 2)}


ARMS: dict[str, Arm] = {
    "full": full,
    "again": full,
    "incremental": incremental,
    "polars": polars,
    "pandas": pandas,
    "tea_tasting": tea_tasting,
    "tea_tasting_duckdb": tea_tasting_duckdb,
    "gbstats": gbstats,
    "statsmodels": statsmodels,
    "gate": gate,
    "gate_kept": gate,
}
"""``again`` is ``full`` a second time: how far two runs of the same differ."""
OURS = ("full", "again", "incremental", "gate", "gate_kept")
CHECK = "check"

NEEDS = {
    "full": ("rollout.measure.gate_query",),
    "again": ("rollout.measure.gate_query",),
    "gate": ("rollout.gating",),
    "gate_kept": ("rollout.gating",),
    "tea_tasting_duckdb": ("ibis", "tea_tasting"),
    "incremental": ("rollout.measure.day_sums",),
    "polars": ("polars",),
    "pandas": ("pandas", "pyarrow.parquet"),
    "tea_tasting": ("polars", "tea_tasting"),
    "gbstats": ("polars", "gbstats.frequentist.tests"),
    "statsmodels": ("polars", "statsmodels.api"),
}
"""Imported before the clock starts; a view is opened before it, too."""


def main() -> None:
    arm, folder = ARMS[sys.argv[1]], Path(sys.argv[2])
    for module in NEEDS.get(sys.argv[1], ()):
        import_module(module)
    if sys.argv[1] in OURS:
        _ours(folder, datetime.now(UTC))
    for line in sys.stdin:
        moment, *more = line.split()
        at = datetime.fromisoformat(moment)
        if late := [word for word in more if word != CHECK]:
            from gate_world import rate_late

            rate_late(_OPEN[folder], int(late[0]))
        began = time.perf_counter(), time.process_time()
        sums = arm(folder, at)
        wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        answer = {"wall": wall, "cpu": cpu, "gib": peak, "sums": sums}
        if CHECK in more:
            answer["full"] = full(folder, at)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
