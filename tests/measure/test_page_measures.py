"""What the pages on knowledge and quality read is counted once, by kind, within its period and tenant."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from desks_for_tests import START, Desk, fact

from rollout.measure.drift import drift
from rollout.measure.headlines.slice import Slice
from rollout.measure.knowledge import STALE_DAYS, knowledge
from rollout.measure.quality import quality

NOW = (START + timedelta(days=20)).replace(tzinfo=UTC)
THESE = Slice("w", NOW, NOW - timedelta(days=10))
BY_AGENT = {
    "arm": "agent",
    "mode": "live",
    "path": "agent",
    "escalated": False,
    "confidence": 0.9,
    "errors": 0,
}


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def ticket(desk: Desk, name: str, at: float = 15, **known: Any) -> None:
    desk.add([fact(name, f"c-{name}", day(at), **(BY_AGENT | {"errors": 0} | known))])


def reply(desk: Desk, name: str, at: float = 15, **known: Any) -> None:
    row = {
        "seq": 1,
        "event_id": f"handling:{name}",
        "tenant": "default",
        "workflow": "w",
        "occurred_at": day(at),
        "ticket_id": name,
        "handler": "agent",
        "version": "a@1",
        "outcome": "replied",
        "violations": [],
        "sources": [],
    }
    desk.add([row | known], "handlings")


def test_every_kind_of_gap_is_found_once_and_a_good_answer_is_none(desk: Desk) -> None:
    ticket(desk, "good")
    ticket(desk, "unsure", confidence=0.3)
    ticket(desk, "thin", confidence=0.9, retrieval_confidence=0.2)
    ticket(desk, "withheld", path="agent_then_human", escalated=True, escalation_reason="low-confidence")
    ticket(desk, "asked", path="agent_then_human", escalated=True, escalation_reason="asked-for-human")
    ticket(desk, "gone", path="abandoned")
    ticket(desk, "failed", errors=1)
    ticket(desk, "human", arm="human", confidence=0.1)
    ticket(desk, "before", at=2, confidence=0.1)
    ticket(desk, "theirs", tenant="another", confidence=0.1)
    found = knowledge(desk, THESE, None)
    kinds = {row["kind"]: row["tickets"] for row in found["gaps"]}
    assert kinds == {"unsure": 2, "withheld": 1, "unanswered": 2}
    assert all(row["usd"] is None for row in found["gaps"]), "without a wage no cost is known"


def test_a_gap_costs_models_and_peoples_time(desk: Desk) -> None:
    known = {"path": "agent_then_human", "escalated": True, "escalation_reason": "low-confidence"}
    ticket(desk, "dear", **known, human_seconds=1800.0, cost_usd=0.5)
    (row,) = knowledge(desk, THESE, 40.0)["gaps"]
    assert row["usd"] == 20.5
    assert (row["minutes"], row["examples"]) == (30.0, ["dear"])


def test_an_article_is_as_old_as_where_it_was_used_alone_says(desk: Desk) -> None:
    reply(desk, "t-1", sources=["old", "new"], retrieval_age_days=400.0)
    reply(desk, "t-2", sources=["new"], retrieval_age_days=10.0)
    reply(desk, "t-3", sources=["old", "mid"], retrieval_age_days=380.0, outcome="handed_off")
    reply(desk, "t-4", at=1, sources=["forgotten"], retrieval_age_days=900.0)
    found = knowledge(desk, THESE, None)
    articles = {row["article"]: row for row in found["articles"]}
    assert (articles["new"]["age_days"], articles["new"]["exact"]) == (10.0, True)
    assert (articles["old"]["age_days"], articles["old"]["exact"]) == (380.0, False)
    assert (articles["old"]["replies"], articles["old"]["handed_off"]) == (2, 1)
    assert [row["article"] for row in found["stale"]] == ["old", "mid"]
    assert all(row["age_days"] > STALE_DAYS for row in found["stale"])
    assert "forgotten" not in articles
    assert articles["new"]["newest"].endswith("+00:00")


def test_violations_are_counted_by_rule_version_and_day_of_all_replies(desk: Desk) -> None:
    reply(desk, "t-1", violations=["promises-money", "no-greeting"])
    reply(desk, "t-2", violations=["promises-money"])
    reply(desk, "t-3")
    reply(desk, "t-4", version="a@2", at=16, violations=["promises-money"])
    found = quality(desk, THESE)["violations"]
    rows = {(row["version"], row["rule"]): (row["n"], row["replies"]) for row in found["rows"]}
    assert rows[("a@1", "promises-money")] == (2, 3)
    assert rows[("a@1", "no-greeting")] == (1, 3)
    assert rows[("a@2", "promises-money")] == (1, 1)
    assert found["sentence"] == "4 times a rule was broken, most often promises-money (3)."


def test_latency_is_told_in_percentiles_and_an_unknown_price_apart(desk: Desk) -> None:
    for number in range(101):
        reply(desk, f"t-{number}", latency_seconds=float(number), cost_usd=None if number else 2.0)
    found = quality(desk, THESE)
    (row,) = found["latency"]["rows"]
    assert (row["p50"], row["p95"], row["p99"]) == (50.0, 95.0, 99.0)
    (cost,) = found["cost"]["rows"]
    assert (cost["usd"], cost["unknown"]) == (2.0, 100)
    assert "The price of 100 more is unknown" in found["cost"]["sentence"]


def test_a_person_counts_in_neither(desk: Desk) -> None:
    reply(desk, "t-1", handler="human", sources=["old"], violations=["x"], latency_seconds=1.0)
    assert knowledge(desk, THESE, None)["articles"] == []
    found = quality(desk, THESE)
    assert not any(found[part]["rows"] for part in ("violations", "latency", "cost"))


def test_harder_tickets_drift_and_the_agent_does_not(desk: Desk) -> None:
    for half, billing in ((5, 20), (15, 80)):
        for number in range(100):
            hard = number < billing
            escalated = number % 2 == 0 if hard else number % 10 == 0
            ticket(
                desk,
                f"t-{half}-{number}",
                at=half,
                category="billing" if hard else "general",
                escalated=escalated,
            )
    found = drift(desk, THESE)
    assert found is not None
    (category,) = (row for row in found["mix"] if row["dimension"] == "category")
    assert category["drifted"]
    (row,) = (row for row in found["quality"] if (row["metric"], row["arm"]) == ("escalation", "agent"))
    assert (row["then"], row["now"]) == pytest.approx((0.18, 0.42))
    assert abs(row["quality"]) < 1e-9
    assert abs(row["mix"] - 0.24) < 1e-9


def test_all_time_has_nothing_to_be_compared_with(desk: Desk) -> None:
    assert drift(desk, Slice("w", NOW)) is None
    empty = drift(desk, THESE)
    assert empty is not None
    assert empty["sentence"] == "There is no period before this one to compare with."
