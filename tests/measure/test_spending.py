"""What a shadow took per day: each reply once, and everything that was left out counted by its reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

from policies.plan import ShadowSettings
from rollout.measure.headlines.slice import Slice
from rollout.measure.headlines.spending import spending

DAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = ShadowSettings(budget_usd_per_day=2.0, concurrency=4, deadline=timedelta(seconds=20))


def reply(ticket: str, day: int, **more: Any) -> dict[str, Any]:
    at = (DAY + timedelta(days=day)).replace(tzinfo=None)
    return {
        "seq": 1,
        "tenant": "default",
        "workflow": "support",
        "event_id": f"{ticket}-{more.get('rater')}",
        "ticket_id": ticket,
        "version": "a@1",
        "rater": "heuristic",
        "occurred_at": at,
        "cost_usd": 0.5,
    } | more


def told(desk: Any, settings: ShadowSettings | None = SETTINGS, days: int = 28) -> dict[str, Any]:
    now = DAY + timedelta(days=20)
    return spending(desk, Slice("support", now, now - timedelta(days=days)), settings)


def test_a_reply_costs_once_however_many_rated_it(desk: Any) -> None:
    desk.add(
        [
            reply("t1", 0),
            reply("t1", 0, rater="human:ada"),
            reply("t2", 0),
            reply("t3", 1, cost_usd=None),
            reply("t4", 1, cost_usd=1.5),
        ],
        "shadow_comparisons",
    )
    found = told(desk)
    assert [(row["replies"], row["usd"], row["unknown"]) for row in found["days"]] == [
        (2, 1.0, 0),
        (2, 1.5, 1),
    ]
    assert found["days"][0]["at"] == "2026-03-02T00:00:00+00:00"
    assert "$2.50 on 2 days, at most $1.50 on one of them: 75% of the $2.00 a day" in found["sentence"]
    assert "price of 1 replies is unknown" in found["sentence"]


def test_what_was_left_out_is_counted_by_its_reason_and_costs_nothing(desk: Any) -> None:
    reasons = ("budget", "budget", "capacity", "deadline", "error", "sampled_out")
    desk.add(
        [reply(f"t{n}", 0, dropped=reason, cost_usd=None) for n, reason in enumerate(reasons)],
        "shadow_comparisons",
    )
    (day,) = told(desk)["days"]
    assert (day["over_budget"], day["shed"], day["late"], day["failed"]) == (2, 1, 1, 1)
    assert (day["replies"], day["usd"], day["unknown"]) == (0, None, 0)


def test_a_plan_without_a_shadow_step_allows_nothing_in_particular(desk: Any) -> None:
    desk.add([reply("t1", 0)], "shadow_comparisons")
    assert told(desk, None)["allowed"] is None
    assert told(desk, None, days=2) | {"sql": ""} == {
        "days": [],
        "allowed": None,
        "sentence": "Nothing ran in shadow.",
        "sql": "",
    }
