"""What a scraper reads of the door: right, to each tenant only its own, and no endless list of names."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from rollout.observe.agents import Watch, asker
from rollout.observe.counts import MOST
from rollout.records import Compared, Event, Handled, Kind

HANDLED = Handled("t-1", "agent", version="bot@1", tokens=120, model="m-1", cost_usd=0.5)


def values(family: Any, *names: str) -> dict[tuple[str, ...], float]:
    return {tuple(s.labels.get(name, "") for name in names): s.value for s in family.samples}


def event(number: int, kind: Kind, payload: Any, place: Any, tenant: str = "acme") -> Event:
    at = place.door.clock.now()
    return Event(f"{kind}:{number}", kind, at, payload, tenant=tenant, workflow="w")


def recorded(place: Any, *events: Event) -> None:
    """As the desk has them recorded: what is there already is not told again."""
    for each in events:
        (receipt,) = place.folder.journal.append([each])
        if not receipt.duplicate:
            place.door.desk.recorded([each])


def test_decisions_are_told_by_workflow_arm_mode_and_reason(place: Any) -> None:
    for number in range(3):
        assert place.ask("acme", "POST", "/v1/route", json=place.ticket(f"t{number}")).status_code == 200
    seen = values(place.scraped("acme")["ridealong_decisions"], "tenant", "arm", "mode", "reason")
    assert seen == {("acme", "human", "shadow", "SHADOW"): 3}


def test_a_tenant_sees_its_own_and_nothing_of_the_process(place: Any) -> None:
    place.ask("globex", "POST", "/v1/route", json=place.ticket("x", workflow="globex-only"))
    place.analyst.said = SAID
    mine = place.ask("acme", "GET", "/metrics").text
    assert "globex" not in mine
    for word in ("http_request", "queue", "disk", "sync", "cpu", "agents_up"):
        assert word not in mine
    assert place.ask("acme", "GET", "/metrics?tenant=globex").status_code == 403
    assert place.ask("agent", "GET", "/metrics").status_code == 403


def test_those_of_the_whole_installation_see_every_tenant_and_the_process(place: Any) -> None:
    for who in ("acme", "globex"):
        place.ask(who, "POST", "/v1/route", json=place.ticket("same"))
    seen = place.scraped("house")
    assert values(seen["ridealong_decisions"], "tenant") == {("acme",): 1, ("globex",): 1}
    requests = values(seen["ridealong_http_requests"], "route", "status")
    assert requests["POST /v1/route", "200"] == 2
    assert values(seen["ridealong_journal_queue_capacity_events"])[()] == 20_000
    assert values(seen["ridealong_disk_free_bytes"])[()] > 0
    buckets = seen["ridealong_journal_sync_duration_seconds"].samples
    assert next(s.value for s in buckets if s.name.endswith("_count")) >= 4
    assert set(values(place.scraped("house", "?tenant=acme")["ridealong_decisions"], "tenant")) == {("acme",)}


def test_every_request_is_timed_under_its_routes_template(place: Any) -> None:
    place.ask("acme", "GET", "/v1/workflows/somebodys-name/gate")
    place.ask("acme", "GET", "/nothing/here?card=4111")
    page = place.ask("house", "GET", "/metrics").text
    assert "somebodys-name" not in page
    assert "4111" not in page
    counted = values(place.scraped("house")["ridealong_http_requests"], "route", "status")
    assert counted["GET /v1/workflows/{workflow}/gate", "503"] == 1
    assert counted["none", "404"] == 1


def test_refusals_are_counted_by_reason_for_the_tenant_that_met_them(place: Any) -> None:
    place.ask("acme", "POST", "/v1/route", json={"nonsense": 1})
    place.ask("acme", "GET", "/v1/workflows")
    place.ask("agent", "GET", "/v1/export")
    place.http.request("GET", "/v1/workflows")
    kind = {"content-type": "application/json"}
    place.http.request("POST", "/v1/route", content=b"x" * 3_000_000, headers=kind)
    mine = values(place.scraped("acme")["ridealong_refusals"], "status", "reason")
    assert mine == {("422", "invalid"): 1, ("503", "unavailable"): 1, ("403", "forbidden"): 1}
    nobodys = values(place.scraped("house")["ridealong_refusals"], "tenant", "status", "reason")
    assert nobodys["", "401", "unauthenticated"] == 1
    assert nobodys["", "413", "too-large"] == 1


def test_what_agents_did_is_counted_once_with_its_cost_and_what_nobody_knows(place: Any) -> None:
    handled = event(1, Kind.HANDLING, HANDLED, place)
    unpriced = Handled("t-2", "agent", version="bot@1", outcome="failed", cost_usd=None)
    human = Handled("t-3", "human", cost_usd=9.0)
    watched = Compared("t-4", "bot@2", "heuristic", cost_usd=0.25)
    recorded(
        place,
        handled,
        handled,
        event(2, Kind.HANDLING, unpriced, place),
        event(3, Kind.HANDLING, human, place),
        event(4, Kind.COMPARISON, watched, place),
        event(5, Kind.COMPARISON, Compared("t-5", "bot@2", "heuristic", dropped="budget"), place),
        event(6, Kind.HANDLING, HANDLED, place, "globex"),
    )
    seen = place.scraped("acme")
    replies = values(seen["ridealong_agent_replies"], "version", "mode", "outcome")
    assert replies == {
        ("bot@1", "live", "replied"): 1,
        ("bot@1", "live", "failed"): 1,
        ("bot@2", "shadow", "replied"): 1,
    }
    assert values(seen["ridealong_model_tokens"], "version", "model") == {("bot@1", "m-1"): 120}
    assert values(seen["ridealong_model_cost_usd"], "version") == {("bot@1",): 0.5, ("bot@2",): 0.25}
    assert values(seen["ridealong_model_cost_unknown"], "version") == {("bot@1",): 1}
    shadows = values(seen["ridealong_shadow_tickets"], "version", "result")
    assert shadows == {("bot@2", "compared"): 1, ("bot@2", "budget"): 1}


def test_a_caller_that_makes_up_workflows_cannot_make_the_page_long(place: Any) -> None:
    for start in range(0, 3 * MOST, 100):
        many = [place.ticket(f"t{n}", workflow=f"w{n}") for n in range(start, start + 100)]
        assert place.ask("acme", "POST", "/v1/route", json=many).status_code == 200
    counted = values(place.scraped("acme")["ridealong_decisions"], "workflow")
    assert len(counted) == MOST + 1
    assert sum(counted.values()) == 3 * MOST


SAID = {
    "position": 1,
    "plans": {"refused": 2, "waiting": 1},
    "figures": {
        "looks": [
            {
                "tenant": tenant,
                "workflow": "w",
                "track": "ladder",
                "decision": "HOLD",
                "reason": "UNDERPOWERED",
                "verdicts": [{"metric": "csat", "state": "INCONCLUSIVE", "reason": "UNDERPOWERED"}],
            }
            for tenant in ("acme", "globex")
        ],
        "shadow": [{"tenant": "acme", "workflow": "w", "version": "bot@2", "usd": 1.5, "unknown": 3}],
    },
}


def test_the_newest_looks_and_the_lag_come_from_the_analyst(place: Any) -> None:
    assert "ridealong_view_position" not in place.scraped("acme"), "nobody knows while it is away"
    place.analyst.said = SAID
    seen = place.scraped("acme")
    verdicts = values(seen["ridealong_gate_verdict"], "tenant", "track", "metric", "state", "reason")
    assert verdicts == {("acme", "ladder", "csat", "INCONCLUSIVE", "UNDERPOWERED"): 1}
    assert values(seen["ridealong_gate_decision"], "decision")["HOLD",] == 1
    assert values(seen["ridealong_shadow_spent_usd_today"], "version") == {("bot@2",): 1.5}
    assert values(seen["ridealong_shadow_unpriced_today"], "version") == {("bot@2",): 3}
    assert values(seen["ridealong_plans_refused"])[()] == 2
    head = place.folder.journal.head().seq
    assert values(seen["ridealong_view_lag_records"])[()] == head - 1
    assert values(seen["ridealong_view_lag_seconds"])[()] > 0
    place.analyst.said = {**SAID, "position": head}
    assert values(place.scraped("acme")["ridealong_view_lag_seconds"])[()] == 0


def test_where_a_rollout_stands_is_told_from_the_journal_alone(place: Any) -> None:
    seen = place.scraped("acme")
    (step,) = seen["ridealong_rollout_step"].samples
    assert (step.labels["status"], step.labels["mode"], step.value) == ("running", "shadow", 0)
    weights = values(seen["ridealong_rollout_weight_percent"], "tenant", "share")
    assert set(weights) == {("acme", "agent"), ("acme", "canary"), ("acme", "holdout")}


@pytest.mark.parametrize("who", ["acme", "house"])
def test_open_incidents_are_told_by_severity(place: Any, who: str) -> None:
    body = {"workflow": "w", "severity": 2, "title": "wrong promises"}
    made = place.ask("acme", "POST", "/v1/incidents", json=body)
    assert made.status_code in (200, 201), made.text
    found = values(place.scraped(who)["ridealong_incidents_open"], "tenant", "severity")
    assert (found["acme", "2"], found["acme", "1"]) == (1, 0)
    assert found.get(("globex", "2")) == (0 if who == "house" else None)


def test_the_agents_process_is_told_to_those_of_the_installation(place: Any) -> None:
    async def said() -> dict[str, Any]:
        row = {"process": "live", "version": "bot@1", "answered": 7, "failed": 2, "running": 1}
        states = {"openai": "open", "local": "closed"}
        providers = [
            {"process": "live", "provider": name, "breaker": state} for name, state in states.items()
        ]
        return {"versions": [row, row | {"version": "bot@2"}], "providers": providers}

    place.door.agents = said
    seen = place.scraped("house")
    assert values(seen["ridealong_agents_up"])[()] == 1
    calls = values(seen["ridealong_agent_calls"], "version", "result")
    assert (calls["bot@1", "answered"], calls["bot@1", "failed"]) == (7, 2)
    assert values(seen["ridealong_model_breaker_open"], "provider") == {("openai",): 1, ("local",): 0}


def test_two_processes_of_agents_are_told_apart_and_one_that_is_away_is_no_zero() -> None:
    async def asked(**lines: Watch) -> Any:
        apps = {name: Starlette(routes=[watch.route()]) for name, watch in lines.items()}
        asks = asker(
            **{
                name: httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a")
                for name, app in apps.items()
            }
        )
        return await asks()

    live, shadow = Watch(lambda _: None, lambda: {"openai": "half-open"}), Watch(lambda _: None)  # type: ignore[arg-type,return-value]
    for _ in range(2):
        shadow("bot@1")
    told = asyncio.run(asked(live=live, shadow=shadow))
    assert told["providers"] == [{"provider": "openai", "breaker": "half-open", "process": "live"}]
    assert [(row["process"], row["version"], row["running"]) for row in told["versions"]] == [
        ("shadow", "bot@1", 0)
    ]
    gone = asker(
        live=httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds="gone.sock"), base_url="http://a")
    )
    assert asyncio.run(gone()) is None
