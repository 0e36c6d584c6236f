"""What reviewers say of shadow replies: weighted, clustered, once per ticket, and people's word only."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from desks_for_tests import END, START, Desk, fact, plan_of
from statsmodels.stats.inter_rater import cohens_kappa

from experiments.rows import one_sample_from_rows
from rollout.cli.gate_text import gate_text
from rollout.gating import gate
from rollout.measure.gate_query import Wanted
from rollout.measure.gate_samples import collect
from rollout.measure.scope import Scope
from rollout.report import overview
from rollout.shadow_reading import ShadowReading, read_shadow

DAY = START + timedelta(hours=9)
PARAMS = {"tenant": "default", "workflow": "w", "as_of": END, "version": "v@1", "since": None}


def shadow_plan(**settings: Any) -> Any:
    step = {
        "name": "shadow",
        "mode": "shadow",
        "gate": ["agreement", "missed_escalation"],
        "shadow": {"budget_usd_per_day": 40.0, "concurrency": 8, "deadline": "20s"} | settings,
    }
    return plan_of(agent="v@1", steps=[step, {"name": "ten", "set_weight": 10}])


def rating(ticket: str, rater: str = "human:anna", at: datetime = DAY, **known: Any) -> dict[str, Any]:
    version = known.pop("version", "v@1")
    return {
        "seq": 1,
        "event_id": f"comparison:{version}:{ticket}:{rater}:{at:%H%M}",
        "tenant": "default",
        "workflow": "w",
        "occurred_at": at,
        "ticket_id": ticket,
        "version": version,
        "rater": rater,
        "accuracy": None,
        "agreement": None,
        "agent_escalated": None,
        "human_escalated": None,
        "abstained": False,
        "confidence": None,
        "dropped": None,
        "sampling_probability": 1.0,
    } | known


def watched(ticket: str, customer: str, **known: Any) -> dict[str, Any]:
    return fact(ticket, customer, DAY, arm="human", mode="shadow", step="shadow", **known)


def reviews(desk: Desk, n: int = 400, seed: int = 0) -> list[dict[str, Any]]:
    """Replies by 120 customers; the surer ones are reviewed at one in ten and are better."""
    rng = np.random.default_rng(seed)
    sure = rng.random(n)
    rows = []
    for ticket in range(n):
        good = float(rng.random() < 0.3 + 0.7 * sure[ticket])
        needed = bool(rng.random() < 0.6 * (1 - sure[ticket]))
        rows.append(
            rating(
                f"t{ticket}",
                confidence=sure[ticket],
                accuracy=good,
                agreement=good,
                human_escalated=needed,
                agent_escalated=bool(sure[ticket] < 0.4),
                abstained=bool(sure[ticket] < 0.4),
                sampling_probability=0.1 if sure[ticket] > 0.5 else 1.0,
                customer=int(rng.integers(0, 120)),
            )
        )
    desk.add([watched(row["ticket_id"], f"c{row['customer']}") for row in rows])
    desk.add([{k: v for k, v in row.items() if k != "customer"} for row in rows], "shadow_comparisons")
    return rows


def level(desk: Desk, metric: str) -> Any:
    scope = Scope.find(desk, tenant="default", workflow="w", track="ladder", as_of=END, step="shadow")
    return collect(desk, scope, [Wanted(metric, against="limit")]).metrics[metric]


def read(desk: Desk, cost: float | None = None) -> ShadowReading:
    return read_shadow(desk, PARAMS, cost)


def test_levels_are_weighted_and_clustered_as_counting_by_hand_says(desk: Desk) -> None:
    rows = reviews(desk)
    who = [row["customer"] for row in rows]
    chance = [row["sampling_probability"] for row in rows]
    missed = [float(row["human_escalated"] and not row["agent_escalated"]) for row in rows]
    for metric, y in (("agreement", [row["agreement"] for row in rows]), ("missed_escalation", missed)):
        expected = one_sample_from_rows(who, y, np.ones(len(y)), chance)
        found = level(desk, metric).level
        for name in expected.__slots__:
            assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9), name


def test_a_gate_that_ignored_the_weights_would_promote(desk: Desk) -> None:
    """Easy tickets always reviewed and all agreed on; the hard ones, one in twenty, mostly not."""
    easy = [rating(f"e{n}", agreement=1.0) for n in range(600)]
    hard = [rating(f"h{n}", agreement=float(n % 4 == 0), sampling_probability=0.05) for n in range(60)]
    desk.add([watched(row["ticket_id"], row["ticket_id"]) for row in easy + hard])
    desk.add(easy + hard, "shadow_comparisons")
    plan = shadow_plan().model_copy(update={"monitors": []})
    (row,) = (row for row in gate(desk, plan, "w", END, step="shadow").rows if row.metric == "agreement")
    assert (600 + 15) / 660 > 0.9, "unweighted it looks like more than the floor of 80 %"
    assert row.verdict.estimate == pytest.approx((600 + 15 * 20) / (600 + 60 * 20))
    assert row.verdict.failed


def test_a_gate_that_ignored_the_customers_would_promote(desk: Desk) -> None:
    """900 replies that all agree, to twelve customers: that many customers prove no floor."""
    rows = [rating(f"t{n}", agreement=1.0) for n in range(900)]
    desk.add([watched(f"t{n}", f"c{n % 12}") for n in range(900)])
    desk.add(rows, "shadow_comparisons")
    report = gate(desk, shadow_plan(), "w", END, step="shadow")
    (row,) = (row for row in report.rows if row.metric == "agreement")
    assert not row.verdict.passed
    assert row.verdict.effective_clusters == pytest.approx(12.0)


def test_a_ticket_counts_once_however_many_people_rated_it(desk: Desk) -> None:
    desk.add([watched(t, t) for t in "ab"])
    desk.add(
        [
            rating("a", "heuristic", agent_escalated=False, agreement=0.0),
            rating("a", "human:anna", agreement=1.0, human_escalated=True, sampling_probability=0.5),
            rating("a", "human:ben", agreement=0.0, human_escalated=False, sampling_probability=0.25),
            rating("b", "human:anna", at=DAY, agreement=0.0),
            rating("b", "human:anna", at=DAY + timedelta(hours=1), agreement=1.0),
        ],
        "shadow_comparisons",
    )
    found = level(desk, "agreement")
    assert (found.level.sum_a, found.level.sum_b, found.level.n) == (2 * 0.5 + 1.0, 3.0, 2.0)
    missed = level(desk, "missed_escalation")
    assert (missed.level.sum_a, missed.level.sum_b, missed.unknown) == (1.0, 2.0, 1)


def test_what_is_excluded_by_rule_or_has_no_chance_stays_out(desk: Desk) -> None:
    desk.add([watched("a", "a"), watched("bot", "b", excluded="bot"), watched("c", "c"), watched("d", "d")])
    desk.add(
        [
            rating("a", agreement=1.0),
            rating("bot", agreement=0.0),
            rating("c", agreement=0.0, sampling_probability=0.0),
            rating("d", agreement=0.0, at=END.replace(tzinfo=None) + timedelta(days=1)),
            rating("a", version="v@0", agreement=0.0),
        ],
        "shadow_comparisons",
    )
    found = level(desk, "agreement")
    assert (found.level.sum_a, found.level.n, found.unknown) == (1.0, 1.0, 1)
    assert len(read(desk).labels.ratings.reply) == 1


def test_the_matrix_and_a_threshold_are_what_counting_by_hand_says(desk: Desk) -> None:
    rows = reviews(desk)
    found = read(desk)
    total = sum(1 / row["sampling_probability"] for row in rows)

    def share(keep: Any) -> float:
        return sum(1 / row["sampling_probability"] for row in rows if keep(row)) / total

    assert found.matrix.missed.share == pytest.approx(
        share(lambda row: row["human_escalated"] and not row["agent_escalated"])
    )
    assert found.matrix.n == 400
    (point,) = (each for each in found.thresholds.points if each.threshold == 0.62)
    assert point.answered == pytest.approx(share(lambda row: row["confidence"] >= 0.62))
    assert point.missed == pytest.approx(
        share(lambda row: row["confidence"] >= 0.62 and row["human_escalated"])
    )
    assert point.cost == pytest.approx(5 * point.missed + point.needless)
    assert found.calibration.overall.value == pytest.approx(share(lambda row: row["accuracy"] == 1.0))
    assert found.calibration.overall.clusters == len({row["customer"] for row in rows})


def test_agreement_with_the_agent_is_kappa_of_the_decisions(desk: Desk) -> None:
    rows = reviews(desk)
    table = np.zeros((2, 2))
    for row in rows:
        table[int(row["agent_escalated"]), int(row["human_escalated"])] += 1 / row["sampling_probability"]
    kappa = read(desk).agreement[0]
    assert (kappa.between, kappa.on) == ("agent and people", "escalation")
    assert kappa.found.value == pytest.approx(cohens_kappa(table).kappa)


def test_raters_are_compared_with_each_other_and_with_the_rules(desk: Desk) -> None:
    rng = np.random.default_rng(1)
    rows = []
    for n in range(60):
        truth = bool(rng.random() < 0.5)
        rows += [
            rating(f"t{n}", "heuristic", accuracy=float(rng.random() < 0.5), agent_escalated=False),
            rating(f"t{n}", "human:anna", accuracy=float(truth), human_escalated=truth),
            rating(f"t{n}", "human:ben", accuracy=float(truth), human_escalated=not truth),
        ]
    desk.add([watched(f"t{n}", f"c{n}") for n in range(60)])
    desk.add(rows, "shadow_comparisons")
    found = {(each.between, each.on, each.coefficient): each.found for each in read(desk).agreement}
    assert found["people", "answer", "alpha"].value == pytest.approx(1.0)
    assert found["people", "escalation", "alpha"].value < -0.9, "they never agree on it"
    assert abs(found["heuristic and people", "answer", "kappa"].value) < 0.4
    assert found["heuristic and people", "answer", "kappa"].n == 120


def test_the_gate_of_a_shadow_step_tells_it_and_decides_nothing_by_it(desk: Desk) -> None:
    reviews(desk)
    desk.add([watched(f"x{n}", "x") for n in range(5)])
    desk.add(
        [rating(f"x{n}", "heuristic", dropped="budget" if n else "deadline") for n in range(5)],
        "shadow_comparisons",
    )
    shown = gate(desk, shadow_plan(missed_cost=3), "w", END, step="shadow").to_json()
    shadow = shown["shadow"]
    assert (shadow["basis"], shadow["version"]) == ("people", "v@1")
    assert (shadow["compared"], shadow["rated"]) == (400, 400)
    assert shadow["dropped"] == {"budget": 4, "deadline": 1}
    assert (shadow["missed_cost"], shadow["missed_cost_declared"]) == (3.0, True)
    assert shadow["thresholds"]["low"] <= shadow["thresholds"]["best"] <= shadow["thresholds"]["high"]
    assert "cheapest between" in shadow["thresholds"]["sentence"]
    assert "assumed" not in shadow["thresholds"]["sentence"]
    text = gate_text(shown, colour=False)
    assert "agent hands over" in text
    assert "should have gone to a human" in text
    assert "4 budget, 1 deadline" in text
    assert "Cohen's kappa" in text


def test_an_undeclared_cost_is_said_to_be_assumed(desk: Desk) -> None:
    reviews(desk)
    shadow = gate(desk, shadow_plan(), "w", END, step="shadow").to_json()["shadow"]
    assert (shadow["missed_cost"], shadow["missed_cost_declared"]) == (5.0, False)
    assert "5 needless ones (assumed: the plan states no missed_cost)" in shadow["thresholds"]["sentence"]


def test_rules_guesses_are_shown_as_guesses_and_price_nothing(desk: Desk) -> None:
    rows = reviews(desk)
    desk.query("DELETE FROM shadow_comparisons")
    made = [{k: v for k, v in row.items() if k != "customer"} | {"rater": "heuristic"} for row in rows]
    desk.add(made, "shadow_comparisons")
    shadow = read(desk).to_json()
    assert (shadow["basis"], shadow["rated"]) == ("heuristic", 0)
    for part in ("escalation", "reliability", "thresholds"):
        assert shadow[part]["sentence"].startswith("No person has rated a reply")
    assert shadow["thresholds"]["best"] is None
    assert shadow["agreement"] == []


def test_nothing_watched_is_nothing_known(desk: Desk) -> None:
    shadow = gate(desk, shadow_plan(), "w", END, step="shadow").to_json()["shadow"]
    assert (shadow["basis"], shadow["compared"], shadow["dropped"]) == ("none", 0, {})
    assert shadow["thresholds"]["best"] is None
    assert shadow["reliability"]["error"] is None
    assert shadow["escalation"]["sensitivity"]["value"] is None


def test_a_live_step_has_no_shadow(desk: Desk) -> None:
    desk.add([fact("a", "a", DAY, arm="agent", version="v@1")])
    assert gate(desk, plan_of(), "w", END, step="ten").to_json()["shadow"] is None


def test_the_overview_reads_the_newest_version_and_counts_a_reply_once(desk: Desk) -> None:
    rows = reviews(desk)
    later = DAY + timedelta(hours=2)
    again = [
        rating(row["ticket_id"], "heuristic", at=DAY - timedelta(hours=1), agreement=0.0) for row in rows[:50]
    ]
    desk.add([*again, rating("t0", version="v@2", at=later, agreement=1.0)], "shadow_comparisons")
    shadow = overview(desk, "w", END, period="all", plan=shadow_plan(missed_cost=2)).to_json()["shadow"]
    assert shadow["comparisons"] == 401
    assert "401 of them by people" in shadow["sentence"]
    assert (shadow["reading"]["version"], shadow["reading"]["missed_cost"]) == ("v@2", 2.0)
    one = overview(desk, "w", END, period="all", filters={"version": "v@1"}).to_json()["shadow"]
    assert (one["reading"]["version"], one["reading"]["rated"]) == ("v@1", 400)
    of_category = overview(desk, "w", END, period="all", filters={"category": "billing"}).to_json()
    assert of_category["shadow"] is None
