"""Charts show what the rows say; checked on the specification that the browser draws."""

from typing import Any

import pytest

from dashboards import charts


def data_of(picture: Any) -> list[dict[str, Any]]:
    """Every row in every data set of a chart."""
    return [row for rows in picture.to_dict()["datasets"].values() for row in rows]


def test_the_ladder_marks_what_is_behind_here_and_ahead(samples: Any) -> None:
    picture = charts.ladder(samples.workflow()["steps"], "thirty", "running", 5.0)
    states = {row["step"]: row["state"] for row in data_of(picture) if "state" in row}
    assert states == {
        "shadow": "Behind",
        "ten": "Behind",
        "thirty": "Here",
        "sixty": "Ahead",
        "full": "Ahead",
    }


def test_the_ladder_says_that_a_shadow_step_serves_nobody(samples: Any) -> None:
    rows = data_of(charts.ladder(samples.workflow()["steps"], "shadow", "running", 0))
    assert {row["label"] for row in rows} == {"nobody", "10 %", "30 %", "60 %", "95 %"}
    assert not any("ceiling" in row for row in rows), "no holdout, no line"


def test_the_forest_turns_every_metric_so_that_right_is_better(samples: Any) -> None:
    csat, recontact, escalation, _ = samples.gate()["metrics"]
    rows = {
        row["metric"]: row for row in data_of(charts.forest([csat, recontact, escalation])) if "mid" in row
    }
    assert rows["CSAT (1 to 5)"]["mid"] == pytest.approx(-0.05 / 0.15)
    assert rows["Re-contact within 7 days"]["mid"] == pytest.approx(+0.004 / 0.02), "fewer is better"
    assert rows["Escalation to a human"]["low"] == pytest.approx(-0.028 / 0.05)
    assert rows["CSAT (1 to 5)"]["low"] < -1 < rows["Escalation to a human"]["low"], (
        "only CSAT crosses its margin"
    )


def test_an_open_interval_runs_to_the_edge_instead_of_vanishing(samples: Any) -> None:
    metric = samples.gate()["metrics"][0] | {"lower": None}
    (row,) = (row for row in data_of(charts.forest([metric])) if "mid" in row)
    assert row["low"] == -2.5


def test_weeks_with_open_windows_are_drawn_apart(samples: Any) -> None:
    rows = data_of(charts.recontact(samples.overview()["recontact"]["trend"]))
    assert {row["open"] for row in rows if row["at"].startswith("2026-10-12")} == {True}
    assert sum(row["open"] for row in rows) == 2


def test_the_band_of_a_category_is_drawn_where_the_plan_has_one(samples: Any) -> None:
    rows = data_of(charts.by_category(samples.overview()["escalation"]["rows"]))
    assert [row for row in rows if "high" in row] == [{"category": "Billing", "low": 0.05, "high": 0.45}]


def test_cost_shows_gross_and_net_of_each_arm(samples: Any) -> None:
    rows = data_of(charts.cost(samples.overview()["cost"]["rows"]))
    assert {(row["arm"], row["kind"], row["text"]) for row in rows} == {
        ("Agent", "Gross", "$1.92 gross"),
        ("Agent", "Net of re-contact", "$2.18 net of re-contact"),
        ("Human", "Gross", "$4.61 gross"),
        ("Human", "Net of re-contact", "$5.27 net of re-contact"),
    }


@pytest.mark.parametrize("group", ["human", "agent", "canary", "agent_then_human"])
def test_a_group_keeps_its_colour_whoever_stands_beside_it(samples: Any, group: str) -> None:
    rows = samples.weekly({group: 4.0}, 0.1, 50)
    alone = charts.trend(rows, "points", "CSAT").to_dict()["layer"][0]["encoding"]["color"]["scale"]
    both = charts.trend([*rows, *samples.weekly({"abandoned": 3.0}, 0.1, 9)], "points", "CSAT")
    scale = both.to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert alone["range"][0] == scale["range"][scale["domain"].index(charts.label(group))]


def test_moments_with_and_without_fractions_stand_on_one_axis(samples: Any) -> None:
    rows = samples.workflow()["transitions"]
    rows[-1] |= {"at": "2026-10-20T10:19:30.028505+00:00"}
    assert len([row for row in data_of(charts.timeline(rows)) if "sentence" in row]) == len(rows)


def test_the_matrix_names_every_cell_with_its_share_and_count(samples: Any) -> None:
    rows = data_of(charts.confusion(samples.reading()["escalation"]["cells"]))
    assert {(row["kind"], row["reviews"]) for row in rows} == {
        ("Rightly handed over", "229 reviewed"),
        ("Missed", "41 reviewed"),
        ("Needless", "390 reviewed"),
        ("Rightly answered", "1,180 reviewed"),
    }


def test_the_reliability_curve_leaves_out_bins_without_a_share(samples: Any) -> None:
    rows = data_of(charts.reliability(samples.reading()["reliability"]["bins"]))
    assert [row["confidence"] for row in rows if "confidence" in row] == [0.66, 0.75, 0.94]
    assert [row["at"] for row in rows if "at" in row] == [0.5, 1.0], "the line of honest confidence"


def test_the_cost_curve_adds_up_and_marks_the_cheapest_with_its_range(samples: Any) -> None:
    found = samples.reading()["thresholds"]
    rows = data_of(charts.cost_curve(found, 5.0))
    at = [row for row in rows if row.get("threshold") == 0.62]
    assert sum(row["cost"] for row in at) == pytest.approx(at[0]["total"])
    assert [row["says"] for row in rows if "says" in row] == ["0.62 cheapest"]
    assert [(row["low"], row["high"]) for row in rows if "high" in row] == [(0.4, 0.7)]
    undecided = data_of(charts.cost_curve(found | {"best": None, "low": None, "high": None}, 5.0))
    assert not any("says" in row or "high" in row for row in undecided)


def test_the_path_shows_the_margin_on_the_side_that_is_worse(samples: Any) -> None:
    metric = samples.path()["metrics"][0]
    limits = {row["limit"] for row in data_of(charts.path(metric)) if "estimate" in row}
    assert limits == {-0.15}, "a lower CSAT is worse"
    fewer = charts.path(metric | {"better": "lower"})
    assert {row["limit"] for row in data_of(fewer) if "estimate" in row} == {0.15}
    assert len([row for row in data_of(charts.path(metric)) if "estimate" in row]) == 13, (
        "unknown is not drawn"
    )


def test_the_shares_before_and_after_an_order_each_make_a_whole(samples: Any) -> None:
    order = samples.orders()["tracks"]["ladder"]["abort"]
    rows = data_of(charts.shares(order["from"], order["to"], 400.0))
    for when in ("Now", "Then"):
        assert sum(row["share"] for row in rows if row["when"] == when) == 100
    assert [row["who"] for row in rows if row["when"] == "Then"] == ["Human"]


def test_a_step_that_is_never_decided_is_said_so(samples: Any) -> None:
    rows = data_of(charts.schedule(samples.forecast(None), None))
    assert {row["step"]: row["kind"] for row in rows}["thirty"] == "Never decided"
    assert "never decided" in {row["says"] for row in rows}


def test_claimed_resolutions_are_split_without_losing_any(samples: Any) -> None:
    row = {"group": "agent", "confirmed": 10, "assumed": 90, "reversed": 20, "immature": 30}
    parts = {part["kind"]: part["n"] for part in data_of(charts.resolutions([row]))}
    assert parts == {"Confirmed": 10, "Assumed": 40, "Too new to tell": 30, "Reversed": 20}
