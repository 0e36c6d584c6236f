"""The row of ``gate_query`` as evidence."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.samples import NO_COMPARISON, NO_SAMPLE, Companion, Comparison, OneSample
from rollout.evidence import Histogram, MetricEvidence
from rollout.measure.csat import RESPONSE
from rollout.measure.query import aware_utc
from rollout.measure.wanted import Wanted

Row = Mapping[str, Any]


def evidence_of(row: Row, wanted: Sequence[Wanted], ratings: Sequence[Row]) -> dict[str, MetricEvidence]:
    """The metrics by name; ``ratings`` are the rows of ``histogram_query``."""
    return {want.metric: _metric(row, want, ratings) for want in wanted}


def _metric(row: Row, want: Wanted, ratings: Sequence[Row]) -> MetricEvidence:
    name = want.metric
    immature = int(row.get(f"{name}__immature") or 0)
    difference = _difference(row, want) if want.against == "control" else None
    level = _level(row, name) if want.against == "limit" else None
    tickets = int((row["tickets"] if difference is not None else row["treated"]) or 0)
    carried = (difference.n if difference else level.n if level else 0) / max(tickets - immature, 1)
    return MetricEvidence(
        metric=name,
        difference=difference,
        level=level,
        immature=immature,
        matures_at=aware_utc(row.get(f"{name}__matures_at")),
        mature_by=aware_utc(row.get(f"{name}__mature_by")),
        unknown=int(row.get(f"{name}__unknown") or 0),
        unknown_treated=int(row.get(f"{name}__unknown_treated") or 0),
        carried=min(carried, 1.0) if tickets > immature else None,
        treated=_histogram(row, ratings, 1) if name == "csat" else None,
        control=_histogram(row, ratings, 0) if name == "csat" else None,
        response=_difference(row, Wanted(RESPONSE.metric)) if name == "csat" else None,
        remembered=int(row.get(f"{name}__remembered") or 0),
    )


def _difference(row: Row, want: Wanted) -> Comparison:
    m = want.metric
    if not row[f"{m}__n"]:
        return NO_COMPARISON
    n, treated = row[f"{m}__n"], row[f"{m}__nt"]
    part = None
    if want.relative:
        part = Companion(
            sum_x=row[f"{m}__x"],
            sum_xx=row[f"{m}__xx"],
            sum_ax=row[f"{m}__ax"],
            sum_xb=row[f"{m}__xb"],
            within_xx=row[f"{m}__wxx"],
            within_xy=row[f"{m}__wxy"],
        )
    past = None
    if row.get(f"{m}__remembered"):
        past = Companion(
            sum_x=row[f"{m}__z"],
            sum_xx=row[f"{m}__zz"],
            sum_ax=row[f"{m}__az"],
            sum_xb=row[f"{m}__zb"],
            within_xx=row[f"{m}__wzz"] or 0.0,
            within_xy=row[f"{m}__wzy"] or 0.0,
        )
    return Comparison(
        sum_a=row[f"{m}__a"],
        sum_b=row[f"{m}__b"],
        sum_aa=row[f"{m}__aa"],
        sum_ab=row[f"{m}__ab"],
        sum_bb=row[f"{m}__bb"],
        within=row[f"{m}__within"],
        n=n,
        n_treated=treated,
        n_control=n - treated,
        clusters=row[f"{m}__clusters"],
        strata=row[f"{m}__strata"],
        mean_treated=_ratio(row[f"{m}__st"], treated),
        mean_control=_ratio(row[f"{m}__s"] - row[f"{m}__st"], n - treated),
        largest_b=row[f"{m}__largest"],
        covariate=past,
        treated_part=part,
    )


def _level(row: Row, m: str) -> OneSample:
    if not row[f"{m}__b"]:
        return NO_SAMPLE
    return OneSample(
        sum_a=row[f"{m}__a"],
        sum_b=row[f"{m}__b"],
        sum_aa=row[f"{m}__aa"],
        sum_ab=row[f"{m}__ab"],
        sum_bb=row[f"{m}__bb"],
        row_aa=row[f"{m}__qt"],
        row_ab=row[f"{m}__a"],  # d is 0 or 1, and y is 0 where d is
        row_bb=row[f"{m}__b"],
        n=row[f"{m}__b"],
        events=row[f"{m}__a"],
        clusters=row[f"{m}__clusters"],
    )


def _histogram(row: Row, ratings: Sequence[Row], arm: int) -> Histogram:
    given = {rating["score"]: rating["n"] for rating in ratings if rating["a"] == arm}
    m, t = RESPONSE.metric, "t" if arm else ""
    offered, answered = row[f"{m}__n{t}"] or 0, row[f"{m}__s{t}"] or 0
    if not arm:
        offered, answered = offered - (row[f"{m}__nt"] or 0), answered - (row[f"{m}__st"] or 0)
    return Histogram(
        (given.get(1, 0), given.get(2, 0), given.get(3, 0), given.get(4, 0), given.get(5, 0)),
        round(offered),
        round(answered),
    )


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")
