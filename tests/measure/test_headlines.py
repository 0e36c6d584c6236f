"""The numbers a leader reads: right, with n, and silent where they would mislead."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from desks_for_tests import START, Desk, fact, plan_of, world

from experiments.proportions import wilson
from rollout.errors import UsageError
from rollout.report import overview, period_of

AT = datetime(2026, 4, 1, tzinfo=UTC)
DAY = START + timedelta(hours=9)


def told(desk: Desk, **options: Any) -> dict[str, Any]:
    return overview(desk, "w", AT, **({"period": "all"} | options)).to_json()


def closed(ticket: str, path: str, arm: str, **known: Any) -> dict[str, Any]:
    done = {"resolved_at": DAY + timedelta(hours=1), "resolution": "assumed", "path": path, "arm": arm}
    return fact(ticket, f"customer of {ticket}", DAY, **(done | known))


def named(points: list[dict[str, Any]], group: str, **more: Any) -> dict[str, Any]:
    (found,) = [p for p in points if p["group"] == group and all(p[k] == v for k, v in more.items())]
    return found


def test_csat_stands_beside_who_was_asked_and_who_answered(desk: Desk) -> None:
    answered = {"csat_at": DAY + timedelta(hours=2), "csat_offered_at": DAY + timedelta(hours=1)}
    asked = {"csat_offered_at": DAY + timedelta(hours=1)}
    desk.add(
        [
            closed(f"a{n}", "agent", "agent", csat=float(score), **answered)
            for n, score in enumerate((3, 4, 5))
        ]
        + [closed(f"b{n}", "agent", "agent", **asked) for n in range(7)]
        + [closed("c", "human", "human", csat=2.0, **answered)]
        + [closed("d", "agent_then_human", "agent", csat=1.0, **answered)]
        + [closed("e", "human", "human", csat=1.0, csat_at=AT.replace(tzinfo=None) + timedelta(days=1))]
    )
    csat = told(desk)["csat"]
    agent, human = named(csat["rows"], "agent"), named(csat["rows"], "human")
    assert (agent["value"], agent["n"], agent["offered"], agent["response_rate"]) == (4.0, 3, 10, 0.3)
    assert agent["lower"] < 4.0 < agent["upper"] <= 5.0
    assert (human["value"], human["n"], human["lower"]) == (2.0, 1, None)
    assert named(csat["rows"], "agent_then_human")["value"] == 1.0
    assert named(csat["by_arm"], "agent")["value"] == 3.25
    assert "Descriptive" in csat["sentence"]


def test_recontact_waits_for_its_window_and_counts_reversals(desk: Desk) -> None:
    fresh = {"resolved_at": AT.replace(tzinfo=None) - timedelta(days=2)}
    back = {"recontact_at": DAY + timedelta(days=3)}
    late = {"recontact_at": DAY + timedelta(days=20)}
    desk.add(
        [
            closed("a", "agent", "agent", resolution="confirmed"),
            closed("b", "agent", "agent", **back),
            closed("c", "agent", "agent", **late),
            closed("d", "agent", "agent", **(fresh | back)),
            closed("e", "abandoned", "agent", resolution="abandoned"),
        ]
    )
    row = named(told(desk)["recontact"]["rows"], "agent")
    assert (row["n"], row["value"], row["immature"]) == (3, pytest.approx(1 / 3), 1)
    assert (row["confirmed"], row["assumed"], row["reversed"], row["abandoned"]) == (1, 3, 1, 1)
    assert row["provisional_until"] == "2026-04-06T00:00:00+00:00"


def test_escalation_cells_with_few_tickets_say_so_instead_of_a_share(desk: Desk) -> None:
    desk.add(
        [
            closed(
                f"b{n}",
                "human",
                "agent",
                category="billing",
                escalated=n < 30,
                escalated_at_triage=n < 10,
            )
            for n in range(40)
        ]
        + [closed(f"s{n}", "human", "agent", category="shipping", escalated=True) for n in range(29)]
    )
    plan = plan_of(
        metrics={"escalation": {"margin": "5pp", "by": "category", "band": {"billing": ["5%", "45%"]}}}
    )
    found = told(desk, plan=plan)["escalation"]
    billing, shipping = named(found["rows"], "billing"), named(found["rows"], "shipping")
    expected = wilson(30, 40)
    assert (billing["value"], billing["lower"]) == (0.75, pytest.approx(expected.lower))
    assert (billing["at_triage"], billing["mid_conversation"], billing["band"]) == (0.25, 0.5, "above")
    assert (shipping["value"], shipping["enough"], shipping["n"]) == (None, False, 29)
    assert "billing (above, agent arm)" in found["sentence"]
    assert "fewer than 30" in found["sentence"]


def test_cost_per_resolution_counts_people_and_returns(desk: Desk) -> None:
    back = {"recontact_at": DAY + timedelta(days=1)}
    desk.add(
        [
            closed("a", "agent", "agent", cost_usd=0.5),
            closed("b", "agent_then_human", "agent", cost_usd=0.5, human_seconds=600.0, **back),
            closed("c", "abandoned", "agent", cost_usd=1.0, resolution="abandoned"),
            closed("d", "agent", "agent", cost_usd=None),
            closed("e", "human", "human", human_seconds=1200.0),
        ]
    )
    found = told(desk, plan=plan_of())["cost"]
    agent, human = named(found["rows"], "agent"), named(found["rows"], "human")
    assert agent["gross"] == pytest.approx((0.5 + 0.5 + 5.0 + 1.0) / 2)
    assert agent["net"] == pytest.approx(agent["gross"] / (1 - 1 / 2))
    assert (agent["model"], agent["human"], agent["unknown"]) == (1.0, 2.5, 1)
    assert (human["gross"], human["model"]) == (10.0, 0.0)
    assert "unknown cost" in found["sentence"]


def test_without_a_wage_the_price_of_people_is_unknown_and_said_to_be(desk: Desk) -> None:
    desk.add([closed("a", "agent_then_human", "agent", cost_usd=0.5, human_seconds=600.0)])
    found = told(desk)["cost"]
    assert (found["rows"][0]["gross"], found["rows"][0]["human_minutes"]) == (0.5, 10.0)
    assert found["rows"][0]["human"] is None
    assert "people's time is not in it" in found["sentence"]


def test_excluded_and_other_tickets_are_left_out_and_counted(desk: Desk) -> None:
    desk.add(
        [
            closed("a", "agent", "agent", category="billing"),
            closed("b", "agent", "agent", category="shipping"),
            closed("c", "agent", "agent", excluded="bot"),
            closed("d", "agent", "agent", workflow="x"),
            closed("e", "agent", "agent", opened_at=AT.replace(tzinfo=None) + timedelta(days=1)),
        ]
    )
    everything, billing = told(desk), told(desk, filters={"category": "billing"})
    assert (everything["tickets"], everything["excluded"]) == (2, {"bot": 1})
    assert billing["tickets"] == 1
    assert told(desk, period="7d")["tickets"] == 0


def test_containment_and_times_are_given_with_their_n(desk: Desk) -> None:
    desk.add(
        [
            closed("a", "agent", "agent", first_response_seconds=10.0, handle_seconds=100.0),
            closed("b", "agent_then_human", "agent", first_response_seconds=30.0, handle_seconds=300.0),
            fact("c", "c", DAY, arm="agent"),
        ]
    )
    row = named(told(desk)["flow"]["rows"], "agent")
    assert (row["value"], row["n"]) == (0.5, 2)
    assert (row["first_response_median"], row["handle_time_median"], row["handle_time_n"]) == (20.0, 200.0, 2)


def test_trends_follow_the_period_by_day_or_by_week(desk: Desk) -> None:
    desk.add_frame(world(2000, days=29))
    weekly, daily = told(desk), told(desk, period="14d")
    assert {point["at"][8:10] for point in weekly["recontact"]["trend"]} <= {"02", "09", "16", "23", "30"}
    assert len({point["at"] for point in daily["csat"]["trend"]}) > 10
    assert sum(point["n"] for point in weekly["recontact"]["trend"]) == sum(
        row["n"] for row in weekly["recontact"]["rows"]
    )


def test_shadow_is_read_beside_the_humans_and_never_as_an_outcome(desk: Desk) -> None:
    desk.add([fact(f"t{n}", f"c{n}", DAY, arm="human", mode="shadow", category="billing") for n in range(40)])
    desk.add(
        [
            {
                "seq": n,
                "event_id": f"comparison:{n}",
                "tenant": "default",
                "workflow": "w",
                "occurred_at": DAY,
                "ticket_id": f"t{n}",
                "version": "v@1",
                "agreement": 1.0 if n < 30 else None,
                "abstained": n >= 35,
                "agent_escalated": n < 5,
                "human_escalated": n < 10,
                "dropped": "deadline" if n == 39 else None,
            }
            for n in range(40)
        ],
        "shadow_comparisons",
    )
    shadow = told(desk)["shadow"]
    assert (shadow["comparisons"], shadow["abstained"], shadow["dropped"]) == (39, 4, {"deadline": 1})
    assert named(shadow["by_category"], "billing")["n"] == 30
    assert {(row["agent_escalated"], row["human_escalated"], row["n"]) for row in shadow["escalation"]} == {
        (True, True, 5),
        (False, True, 5),
        (False, False, 29),
    }
    assert shadow["gaps"] == [{"category": "billing", "withheld": 4, "tickets": 39}]


def test_an_empty_desk_has_sentences_and_no_numbers(desk: Desk) -> None:
    found = told(desk)
    assert (found["tickets"], found["shadow"], found["newest"]) == (0, None, None)
    for headline in ("csat", "recontact", "escalation", "cost", "flow"):
        assert found[headline]["rows"] == []
        assert found[headline]["sentence"].startswith("No ")
        assert "SELECT" in found[headline]["sql"]


@pytest.mark.parametrize(("text", "days"), [("7d", 7), ("2w", 14), ("48h", 2)])
def test_a_period_is_a_number_and_a_unit(text: str, days: int) -> None:
    assert period_of(text) == timedelta(days=days)


@pytest.mark.parametrize("text", ["", "d", "7", "-7d", "7m", "0d", "1.5d", "²d"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"write e\.g\. 7d"):
        period_of(text)


def test_an_unknown_dimension_is_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match="cannot filter by 'colour'"):
        told(desk, filters={"colour": "red"})
