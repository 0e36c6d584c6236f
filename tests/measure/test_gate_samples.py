"""The one query of a gate counts what the definitions say, exactly."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from desks_for_tests import END, START, Desk, fact, world

from experiments.rows import comparison_from_rows, one_sample_from_rows
from experiments.samples import Comparison, OneSample
from rollout.evidence import GateEvidence
from rollout.measure.gate_samples import collect
from rollout.measure.scope import Scope, expected_share
from rollout.measure.wanted import Wanted

METRICS = (
    Wanted("csat"),
    Wanted("recontact_7d"),
    Wanted("escalation"),
    Wanted("cost", cap=20.0),
    Wanted("handle_time", relative=True, cap=3000.0),
    Wanted("violations", against="limit"),
)
WAGE = 30.0


def look(desk: Desk, at: datetime = END, *wanted: Wanted, track: str = "ladder") -> GateEvidence:
    scope = Scope.find(desk, tenant="default", workflow="w", track=track, as_of=at)
    return collect(desk, scope, wanted or METRICS, wage=WAGE)


def columns(frame: pl.DataFrame, at: datetime) -> dict[str, np.ndarray]:
    """Numerators and denominators computed by hand from the rows."""
    moment = at.replace(tzinfo=None)
    frame = frame.filter(pl.col("opened_at") <= moment)
    ripe = frame["resolved_at"] + timedelta(days=7) <= moment
    back = (frame["recontact_at"] <= frame["resolved_at"] + timedelta(days=7)).fill_null(value=False)
    closed = (frame["resolved_at"] <= moment).cast(pl.Float64).to_numpy()
    model = frame["cost_usd"].fill_null(0.0)
    usd = (model + frame["human_seconds"] * WAGE / 3600).clip(upper_bound=20.0).to_numpy()
    answered = (
        frame.with_row_index()
        .filter(pl.col("csat").is_not_null() & (pl.col("csat_at") <= moment))
        .with_columns(week=pl.col("csat_at").dt.epoch("s") // (7 * 86400))
        .sort("csat_at", "ticket_id")
        .unique(["customer_id", "week"], keep="first", maintain_order=True)
    )
    first = np.zeros(len(frame))
    first[answered["index"].to_numpy()] = 1
    return {
        "stratum": (frame["step"] + frame["day"].cast(pl.String)).to_numpy(),
        "cluster": frame["customer_id"].to_numpy(),
        "treated": (frame["arm"] == "agent").to_numpy(),
        "y_csat": frame["csat"].fill_null(0).to_numpy() * first,
        "d_csat": first,
        "y_recontact_7d": (ripe & back).cast(pl.Float64).to_numpy(),
        "d_recontact_7d": ripe.cast(pl.Float64).to_numpy(),
        "y_escalation": frame["escalated"].cast(pl.Float64).to_numpy(),
        "d_escalation": np.ones(len(frame)),
        "y_cost": usd * closed,
        "d_cost": closed,
        "y_handle_time": frame["handle_seconds"].clip(upper_bound=3000).to_numpy() * closed,
        "d_handle_time": closed,
        "y_violations": (frame["violations"] > 0).cast(pl.Float64).to_numpy(),
        "d_violations": np.ones(len(frame)),
    }


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("at", [END, datetime(2026, 4, 6, 13, tzinfo=UTC)])
def test_sums_equal_the_reference_builder(desk: Desk, seed: int, at: datetime) -> None:
    frame = world(3000, seed=seed)
    desk.add_frame(frame)
    rows, evidence = columns(frame, at), look(desk, at)
    for want in METRICS:
        y, d = rows[f"y_{want.metric}"], rows[f"d_{want.metric}"]
        if want.against == "limit":
            arm = rows["treated"].astype(float)
            expected = one_sample_from_rows(rows["cluster"], y * arm, d * arm)
        else:
            expected = comparison_from_rows(rows["stratum"], rows["cluster"], rows["treated"], y, d)
            expected = expected if want.relative else replace(expected, treated_part=None)
        found = evidence.metrics[want.metric]
        assert flat(found.difference or found.level) == pytest.approx(flat(expected), rel=1e-9, abs=1e-9)


def flat(sums: Comparison | OneSample) -> dict[str, float]:
    """The sums by name, those of a companion among them."""
    parts = asdict(sums)
    inner = parts.pop("treated_part", None) or {}
    return {name: value for name, value in (parts | inner).items() if value is not None}


def test_the_estimate_equals_fixed_effects_regression_with_clustered_errors(desk: Desk) -> None:
    import statsmodels.api as sm

    from experiments.estimate import estimate_difference

    frame = world(2000, days=20)
    desk.add_frame(frame)
    rows, evidence = columns(frame, END), look(desk)
    keep = rows["d_recontact_7d"] > 0
    labels, stratum = np.unique(rows["stratum"][keep], return_inverse=True)
    design = np.column_stack([rows["treated"][keep], np.eye(len(labels))[stratum]]).astype(float)
    _, groups = np.unique(rows["cluster"][keep], return_inverse=True)
    fit = sm.OLS(rows["y_recontact_7d"][keep], design).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    sums = evidence.metrics["recontact_7d"].difference
    found = estimate_difference(sums)
    small = sums.n_treated / (sums.n_treated - 1)
    assert found.effect == pytest.approx(fit.params[0], rel=1e-9)
    assert found.variance_robust == pytest.approx(fit.bse[0] ** 2 * small, rel=1e-9)


def test_order_of_rows_does_not_matter(desk: Desk) -> None:
    frame = world(1500)
    desk.add_frame(frame)
    shuffled = Desk()
    shuffled.add_frame(frame.sample(fraction=1, shuffle=True, seed=3))
    again = look(shuffled).metrics
    for metric, found in look(desk).metrics.items():
        other = again[metric].difference or again[metric].level
        assert flat(found.difference or found.level) == pytest.approx(flat(other), rel=1e-12, abs=1e-9)
    shuffled.close()


def test_only_randomised_tickets_of_the_two_arms_count(desk: Desk) -> None:
    day = START + timedelta(hours=9)
    desk.add(
        [
            fact("kept", "a", day, arm="agent", version="v@1", escalated=True),
            fact("held", "b", day, arm="human", assignment_reason="HOLDOUT", escalated=False),
            fact("merged", "c", day, arm="agent", version="v@1", escalated=True, excluded="merged"),
            fact(
                "hard",
                "d",
                day,
                arm="human",
                eligible=False,
                assignment_reason="NOT_ELIGIBLE",
                escalated=False,
            ),
            fact("dark", "e", day, arm="human", assignment_reason="NO_SAFE_STATE", escalated=False),
            fact("update", "f", day, arm="canary", version="v@2", escalated=True),
            fact(
                "watched",
                "g",
                day - timedelta(days=9),
                arm="human",
                mode="shadow",
                step="shadow",
                escalated=False,
            ),
            fact("elsewhere", "h", day, arm="agent", workflow="x", escalated=True),
            fact("older", "i", day - timedelta(days=1), arm="agent", version="v@0", escalated=True),
        ]
    )
    found = look(desk, END, Wanted("escalation")).metrics["escalation"].difference
    assert (found.n_treated, found.n_control) == (1, 1)


def test_the_canary_is_compared_with_the_stable_agent(desk: Desk) -> None:
    day = START + timedelta(hours=9)
    share = {"weight": 30.0, "canary_weight": 5.0, "step": "thirty"}
    desk.add(
        [
            fact("a", "a", day, arm="human", **share, escalated=False),
            fact("b", "b", day, arm="agent", version="v@1", **share, escalated=True),
            fact("c", "c", day, arm="canary", version="v@2", **share, escalated=True),
        ]
    )
    evidence = look(desk, END, Wanted("escalation"), track="canary")
    found = evidence.metrics["escalation"].difference
    assert (found.n_treated, found.n_control) == (1, 1)
    assert evidence.version == "v@2"
    assert evidence.treated_share == pytest.approx(0.05)


def test_unmatured_resolutions_are_counted_apart_even_when_the_customer_is_back(desk: Desk) -> None:
    at = datetime(2026, 3, 20, tzinfo=UTC)
    now = at.replace(tzinfo=None)
    known = {"arm": "agent", "version": "v@1", "resolution": "confirmed", "path": "agent"}
    desk.add(
        [
            fact("old", "a", now - timedelta(days=9), resolved_at=now - timedelta(days=8), **known),
            fact(
                "back",
                "b",
                now - timedelta(days=3),
                resolved_at=now - timedelta(days=2),
                recontact_at=now - timedelta(days=1),
                **known,
            ),
            fact("open", "c", now - timedelta(days=1), arm="agent", version="v@1"),
            fact(
                "gone",
                "d",
                now - timedelta(days=9),
                resolved_at=now - timedelta(days=8),
                **(known | {"resolution": "abandoned"}),
            ),
        ]
    )
    evidence = look(desk, at, Wanted("recontact_7d")).metrics["recontact_7d"]
    assert (evidence.difference.n, evidence.immature) == (1, 1)
    assert evidence.matures_at == at + timedelta(days=5)
    assert evidence.mature_by == at + timedelta(days=5)


def test_a_customer_has_one_voice_a_week(desk: Desk) -> None:
    day = START + timedelta(days=3, hours=9)
    rated = {"resolution": "assumed", "path": "agent", "arm": "agent", "version": "v@1"}
    desk.add(
        [
            fact(f"t{n}", "loud", day, csat=5.0, csat_at=day + timedelta(minutes=n), resolved_at=day, **rated)
            for n in range(50)
        ]
        + [fact("next", "loud", day, csat=1.0, csat_at=day + timedelta(days=9), resolved_at=day, **rated)]
    )
    found = look(desk, END, Wanted("csat")).metrics["csat"].difference
    assert (found.n, found.mean_treated) == (2, 3.0)


def test_an_unknown_cost_is_unknown_and_never_nothing(desk: Desk) -> None:
    day = START + timedelta(hours=9)
    done = {"resolved_at": day + timedelta(hours=1), "resolution": "assumed"}
    desk.add(
        [
            fact("a", "a", day, arm="agent", version="v@1", path="agent", cost_usd=0.4, **done),
            fact("b", "b", day, arm="agent", version="v@1", path="agent", cost_usd=None, **done),
            fact("c", "c", day, arm="human", path="human", human_seconds=360.0, **done),
            fact("d", "d", day, arm="human", path="human", human_seconds=None, **done),
            fact("e", "e", day, arm="agent", version="v@1", path="agent_then_human", cost_usd=0.1, **done),
        ]
    )
    evidence = look(desk, END, Wanted("cost")).metrics["cost"]
    assert (evidence.difference.n_treated, evidence.difference.mean_treated) == (1, 0.4)
    assert (evidence.difference.n_control, evidence.difference.mean_control) == (1, 3.0)
    assert (evidence.unknown, evidence.unknown_treated) == (3, 2)


def test_an_empty_desk_has_no_evidence(desk: Desk) -> None:
    evidence = look(desk)
    assert evidence.step is None
    assert evidence.tickets == 0
    assert all((each.difference or each.level).n == 0 for each in evidence.metrics.values())


def test_shadow_comparisons_are_weighted_by_their_chance_to_be_sampled(desk: Desk) -> None:
    day = START + timedelta(hours=9)
    desk.add([fact(t, t, day, arm="human", mode="shadow", step="shadow") for t in "abcde"])
    desk.add(
        [
            {
                "seq": number,
                "event_id": f"comparison:v@1:{ticket}",
                "tenant": "default",
                "workflow": "w",
                "occurred_at": day,
                "ticket_id": ticket,
                "version": "v@1",
                "agreement": agreement,
                "sampling_probability": chance,
                "dropped": dropped,
                "rater": rater,
            }
            for number, (ticket, agreement, chance, dropped, rater) in enumerate(
                [
                    ("a", 1.0, 1.0, None, "human:review-team"),
                    ("b", 0.0, 0.25, None, "human:review-team"),
                    ("c", None, 1.0, "deadline", "human:review-team"),
                    ("d", None, 1.0, None, "human:review-team"),
                    ("e", 1.0, 1.0, None, "heuristic"),
                ]
            )
        ],
        "shadow_comparisons",
    )
    evidence = look(desk, END, Wanted("agreement", against="limit"))
    found = evidence.metrics["agreement"]
    assert (found.level.sum_a, found.level.sum_b, found.level.n, found.unknown) == (1, 5, 2, 2), (
        "a heuristic's guess is no evidence: it stays among the unrated"
    )
    assert (evidence.mode, evidence.version) == ("shadow", "v@1")


@pytest.mark.parametrize(
    ("track", "weight", "canary", "share"),
    [
        ("ladder", 30.0, 0.0, 0.3),
        ("ladder", 30.0, 50.0, 0.15 / 0.85),
        ("canary", 30.0, 5.0, 0.05),
        ("ladder", None, None, None),
    ],
)
def test_the_expected_share_is_that_among_the_compared_arms(
    track: str, weight: float | None, canary: float | None, share: float | None
) -> None:
    assert expected_share(track, weight, canary) == (None if share is None else pytest.approx(share))
