"""What was used and what it cost, counted once, when it happened, and to each tenant only its own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from rollout.api.reads import create_app as create_reads
from rollout.cli import app
from rollout.errors import UsageError
from rollout.measure.usage import shadow_spending
from rollout.observe.usage import account, period_of
from rollout.record.folder import DataFolder
from rollout.records import Assigned, Compared, Event, Handled, Kind, TicketOpened

DAY = datetime(2026, 9, 1, tzinfo=UTC)
END = DAY + timedelta(days=30)


def happened(name: str, kind: Kind, payload: Any, day: int = 0, tenant: str = "acme") -> Event:
    return Event(name, kind, DAY + timedelta(days=day, hours=1), payload, tenant=tenant, workflow="w")


def ticket(number: int, arm: str, version: str | None, day: int = 0, tenant: str = "acme") -> list[Event]:
    at = DAY + timedelta(days=day, hours=1)
    opened = TicketOpened(f"t{number}", f"c{number}", at)
    given = Assigned(
        ticket_id=f"t{number}",
        unit=f"c{number}",
        arm=arm,
        mode="live",
        version=version,
        step="five",
        bucket=1,
        weight=5.0,
        canary_weight=0.0,
        holdout=0.0,
        eligible=True,
        reason="SPLIT",
        detail="",
        plan_digest="d",
        position=1,
        assigned_at=at,
    )
    return [
        happened(f"ticket:t{number}", Kind.TICKET, opened, day, tenant),
        happened(f"assignment:t{number}", Kind.ASSIGNMENT, given, day, tenant),
    ]


def answered(number: int, cost: float | None, day: int = 0, tenant: str = "acme", **more: Any) -> Event:
    at = DAY + timedelta(days=day, hours=2)
    done = Handled(f"t{number}", "agent", "bot@1", finished_at=at, cost_usd=cost, tokens=100, **more)
    return happened(f"handling:t{number}:agent:1", Kind.HANDLING, done, day, tenant)


def by_a_person(number: int, minutes: float, day: int = 0) -> Event:
    done = Handled(f"t{number}", "human", human_seconds=minutes * 60)
    return happened(f"handling:t{number}:human", Kind.HANDLING, done, day)


def watched(number: int, rater: str, cost: float | None, **more: Any) -> Event:
    return happened(
        f"comparison:{rater}:t{number}",
        Kind.COMPARISON,
        Compared(f"t{number}", "bot@2", rater, cost_usd=cost, **more),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataFolder]:
    with DataFolder.open(tmp_path_factory.mktemp("usage") / "data") as opened:
        opened.record(
            [
                *ticket(1, "agent", "bot@1"),
                *ticket(2, "agent", "bot@1", day=1),
                *ticket(3, "human", None, day=1),
                *ticket(4, "agent", "bot@1", tenant="globex"),
                answered(1, 0.5),
                answered(2, None, day=1, outcome="failed"),
                by_a_person(2, 3.0, day=1),
                by_a_person(3, 12.0, day=1),
                answered(4, 7.0, tenant="globex"),
                watched(3, "heuristic", 0.25),
                watched(3, "human:eve", 0.25),
                watched(5, "heuristic", None),
                watched(6, "heuristic", None, dropped="budget"),
            ]
        )
        opened.catch_up()
        yield opened


def rows(folder: DataFolder, by: Any, tenant: str | None = "acme") -> dict[str | None, dict[str, Any]]:
    return {row[by]: row for row in account(folder.view, DAY, END, by, tenant)["rows"]}


def test_a_tenants_account_holds_everything_once(folder: DataFolder) -> None:
    told = account(folder.view, DAY, END, "workflow", "acme")
    assert told["rows"] == [{"workflow": "w", **told["total"]}]
    assert told["total"] == {
        "tickets": 3,
        "agent_replies": 2,
        "tokens": 200,
        "model_usd": 0.5,
        "model_unknown": 1,
        "shadow_replies": 2,
        "shadow_usd": 0.25,
        "shadow_unknown": 1,
        "human_minutes": 15.0,
    }


def test_by_version_people_stand_apart_and_the_shadow_by_its_own(folder: DataFolder) -> None:
    found = rows(folder, "version")
    assert {version: (row["tickets"], row["agent_replies"]) for version, row in found.items()} == {
        "bot@1": (2, 2),
        "bot@2": (0, 0),
        None: (1, 0),
    }
    assert (found["bot@2"]["shadow_usd"], found["bot@1"]["shadow_usd"]) == (0.25, None)
    assert found[None]["human_minutes"] == 15.0


def test_by_day_everything_counts_when_it_happened(folder: DataFolder) -> None:
    found = rows(folder, "day")
    assert [(day, row["tickets"], row["model_usd"]) for day, row in found.items()] == [
        ("2026-09-01", 1, 0.5),
        ("2026-09-02", 2, None),
    ]
    later = account(folder.view, DAY + timedelta(days=1), END, "day", "acme")
    assert [row["day"] for row in later["rows"]] == ["2026-09-02"]


def test_everybody_is_everybody_and_a_tenant_only_itself(folder: DataFolder) -> None:
    assert set(rows(folder, "tenant", None)) == {"acme", "globex"}
    assert set(rows(folder, "tenant")) == {"acme"}
    assert rows(folder, "tenant", "globex")["globex"]["model_usd"] == 7.0
    assert account(folder.view, DAY, END, "tenant", "nobody")["total"]["model_usd"] is None


def test_the_rows_of_every_kind_sum_to_the_same_total(folder: DataFolder) -> None:
    totals = [account(folder.view, DAY, END, by, None)["total"] for by in ("tenant", "version", "day")]
    assert totals[0] == totals[1] == totals[2]


def test_todays_shadow_spending_counts_a_reply_once_whoever_rated_it(folder: DataFolder) -> None:
    (row,) = shadow_spending(folder.view, DAY.date())
    assert (row["tenant"], row["version"], row["usd"], row["unknown"]) == ("acme", "bot@2", 0.25, 1)
    assert shadow_spending(folder.view, (DAY + timedelta(days=1)).date()) == []


def test_a_period_defaults_to_the_month_and_must_have_a_length() -> None:
    now = datetime(2026, 9, 17, 5, tzinfo=UTC)
    assert period_of(None, None, now) == (datetime(2026, 9, 1, tzinfo=UTC), now)
    for since, until in ((now, now), (now, DAY), (datetime(2026, 9, 1), None)):  # noqa: DTZ001
        with pytest.raises(UsageError, match="from="):
            period_of(since, until, now)
    with pytest.raises(UsageError, match="one of tenant"):
        account(None, DAY, END, "customer", None)  # type: ignore[arg-type]


def test_the_command_tells_it_as_json_and_as_text(folder: DataFolder, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with DataFolder.open(data) as own:
        own.record([*ticket(1, "agent", "bot@1"), answered(1, None)])
    asked = ["usage", "--data", str(data), "--from", "2026-09-01", "--to", "2026-10-01", "--by", "version"]
    told = CliRunner().invoke(app, [*asked, "--json"])
    assert told.exit_code == 0, told.output
    (row,) = orjson.loads(told.output)["rows"]
    assert (row["version"], row["model_usd"], row["model_unknown"]) == ("bot@1", None, 1)
    words = CliRunner().invoke(app, asked).output
    assert "unknown" in words
    assert "1 answers have no known price" in words


class Books:
    """An analyst that says whose account it was asked for."""

    position = 1

    def usage(self, tenant: str | None, since: Any, until: Any, by: str) -> dict[str, Any]:
        return {"tenant": tenant, "by": by, "from": since, "to": until}


@pytest.mark.parametrize(
    ("who", "query", "whose"),
    [
        ("acme", "", "acme"),
        ("house", "", None),
        ("house", "?tenant=globex", "globex"),
        ("house", "?tenant=_installation", None),
    ],
)
def test_the_door_asks_for_whom_the_caller_may_see(place: Any, who: str, query: str, whose: str) -> None:
    import httpx

    reads = create_reads(Books())  # type: ignore[arg-type]
    place.door.analyst._http = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=reads), base_url="http://analyst"
    )
    answer = place.ask(who, "GET", f"/v1/usage{query}")
    assert (answer.status_code, answer.json()["tenant"]) == (200, whose), answer.text


def test_the_door_gives_nobody_anothers_account(place: Any) -> None:
    assert place.ask("acme", "GET", "/v1/usage?tenant=globex").status_code == 403
    assert place.ask("acme", "GET", "/v1/usage?tenant=_installation").status_code == 403
    assert place.ask("agent", "GET", "/v1/usage").status_code == 403
