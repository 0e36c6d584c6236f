"""The row of ``gate_query`` as evidence."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.samples import NO_COMPARISON, NO_SAMPLE, Companion, Comparison, OneSample
from rollout.evidence import Histogram, MetricEvidence
from rollout.measure.csat import RESPONSE
from rollout.measure.gate_query import Wanted
from rollout.measure.query import aware_utc

Row = Mapping[str, Any]


def evidence_of(row: Row, wanted: Sequence[Wanted]) -> dict[str, MetricEvidence]:
    return {want.metric: _metric(row, want) for want in wanted}


def _metric(row: Row, want: Wanted) -> MetricEvidence:
    name = want.metric
    immature, unknown = row[f"{name}__immature"], row[f"{name}__unknown"]
    difference = _difference(row, want) if want.against == "control" else None
    level = _level(row, name) if want.against == "limit" else None
    tickets = row["tickets"] if difference is not None else row["treated"] or 0
    carried = (difference.n if difference else level.n if level else 0) / max(tickets - immature, 1)
    return MetricEvidence(
        metric=name,
        difference=difference,
        level=level,
        immature=immature,
        matures_at=aware_utc(row[f"{name}__matures_at"]),
        unknown=unknown,
        unknown_treated=row[f"{name}__unknown_treated"],
        carried=min(carried, 1.0) if tickets > immature else None,
        treated=_histogram(row, "treated") if name == "csat" else None,
        control=_histogram(row, "control") if name == "csat" else None,
        response=_difference(row, Wanted(RESPONSE.metric)) if name == "csat" else None,
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
        row_aa=row[f"{m}__raa"],
        row_ab=row[f"{m}__rab"],
        row_bb=row[f"{m}__rbb"],
        n=row[f"{m}__b"],
        events=row[f"{m}__a"],
        clusters=row[f"{m}__clusters"],
    )


def _histogram(row: Row, arm: str) -> Histogram:
    one, two, three, four, five = (row[f"{arm}_{score}"] for score in range(1, 6))
    return Histogram((one, two, three, four, five), row[f"offered_{arm}"], row[f"answered_{arm}"])


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")
