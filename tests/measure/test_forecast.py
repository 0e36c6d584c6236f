"""When an open gate will be decided: dates from where it stands, here and at the next weight."""

from datetime import date, datetime, timedelta
from typing import Any

from desks_for_tests import END, Desk, plan_of, world

from rollout.cli.gate_text import gate_text
from rollout.gating import gate

EARLY = END - timedelta(days=60)


def asked(desk: Desk, at: datetime = EARLY, **plan: Any) -> dict[str, Any]:
    found = gate(desk, plan_of(**plan), "w", at, forecast=True).to_json()
    return found | {"by": {row["metric"]: row for row in found["metrics"]}}


def test_an_open_metric_has_dates_with_their_assurance_at_this_weight_and_the_next(desk: Desk) -> None:
    desk.add_frame(world(12_000, customers=4_000))
    forecast = asked(desk)["by"]["csat"]["forecast"]
    here, following = forecast["here"], forecast["next"]
    assert (here["weight"], following["weight"]) == (0.1, 0.3)
    assert 0 < here["even"]["days"] <= here["planned"]["days"] <= here["late"]["days"]
    assert following["planned"]["days"] < here["planned"]["days"]
    assert following["planned"]["tickets"] < here["planned"]["tickets"]
    assert date.fromisoformat(here["even"]["date"]) >= EARLY.date()
    assert forecast["assumes"] == "no difference"


def test_the_last_step_has_no_next_weight(desk: Desk) -> None:
    desk.add_frame(world(3_000, weights=(("thirty", 30.0),)))
    forecasts = [row["forecast"] for row in asked(desk)["metrics"] if "forecast" in row]
    assert forecasts
    assert {forecast["next"] for forecast in forecasts} == {None}


def test_what_is_decided_needs_no_date(desk: Desk) -> None:
    desk.add_frame(world(24_000, customers=8_000))
    found = asked(desk, END)
    decided = [row for row in found["metrics"] if row["verdict"] in ("PASS", "FAIL")]
    assert decided
    assert all("forecast" not in row for row in decided)


def test_dates_are_only_there_when_asked_for(desk: Desk) -> None:
    desk.add_frame(world(12_000, customers=4_000))
    plain = gate(desk, plan_of(), "w", EARLY).to_json()
    assert all("forecast" not in row for row in plain["metrics"])


def test_people_read_the_dates_in_one_line(desk: Desk) -> None:
    desk.add_frame(world(12_000, customers=4_000))
    text = gate_text(asked(desk))
    assert "Decided, were there no difference: at 10% by 2026-" in text
    assert "at 30% by 2026-" in text
