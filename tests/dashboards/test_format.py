"""People read numbers as they were meant."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dashboards import format as fmt


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        (fmt.number(12345), "12,345"),
        (fmt.number(-0.004, 2), "0.00"),
        (fmt.number(-0.05, 2), "−0.05"),
        (fmt.number(None), "–"),
        (fmt.percent(0.1234), "12.3 %"),
        (fmt.weight(2.5), "2.5 %"),
        (fmt.weight(10.0), "10 %"),
        (fmt.usd(1234.5), "$1,234.50"),
        (fmt.usd(0.0123), "$0.0123"),
        (fmt.usd(0), "$0.00"),
        (fmt.seconds(40), "40 s"),
        (fmt.seconds(3.19), "3.2 s"),
        (fmt.seconds(720), "12 min"),
        (fmt.seconds(2 * 86400), "2.0 days"),
        (fmt.difference(0.012, "rate"), "+1.2 pp"),
        (fmt.difference(-0.05, "points"), "−0.05"),
        (fmt.size(0.02, "rate"), "2.0 pp"),
        (fmt.words("ROLL_BACK"), "Roll back"),
    ],
)
def test_a_number_is_written_for_people(shown: str, meant: str) -> None:
    assert shown == meant


def test_a_moment_is_shown_in_the_viewers_zone() -> None:
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert fmt.moment(at, ZoneInfo("Europe/Berlin")) == "2 Jul 2026, 00:30"
    assert fmt.moment(at.isoformat(), UTC) == "1 Jul 2026, 22:30"
    assert fmt.moment(None) == "–"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_never_starts_a_formula(start: str) -> None:
    assert str(fmt.inert(f"{start}1+1")).startswith("'")


def test_ordinary_cells_stay_as_they_are() -> None:
    assert fmt.inert("refund") == "refund"
    assert fmt.inert(-3.5) == -3.5
