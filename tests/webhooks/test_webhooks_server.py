"""Webhooks against the server as its processes: forged ones, repeated ones, killed ones."""

import json
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from rollout.record.reader import JournalReader
from rollout.record.view import View
from rollout.serve import server
from rollout.webhooks.settings import Settings
from rollout.webhooks.signature import intercom_signature, signed, zendesk_signature

WAIT = 60.0
ZENDESK, ZENDESK_OLD, ZENDESK_RETIRED = (
    b"zendesk-secret-of-now",
    b"zendesk-secret-before",
    b"zendesk-secret-gone",
)
RIVAL, INTERCOM, GENERIC, OUT = (name.encode() * 4 for name in ("rival", "intercom", "generic", "outgoing"))
SECRETS = {
    "zendesk": ZENDESK,
    "old": ZENDESK_OLD,
    "rival": RIVAL,
    "intercom": INTERCOM,
    "generic": GENERIC,
    "out": OUT,
}
FILE = """\
zendesk:
  - {name: acme, workflow: tier1-support, secrets: ["file:zendesk", "file:old"], agents: ["77"]}
  - {name: rival, tenant: rival, workflow: tier1-support, secrets: ["file:rival"]}
intercom:
  - {name: chat, workflow: chat-support, secrets: ["file:intercom"]}
generic:
  - name: desk
    workflow: tier1-support
    secrets: ["file:generic"]
    mapping:
      id: id
      time: at
      events:
        - {record: csat, when: {type: rated}, fields: {ticket_id: t, score: s}}
        - {record: escalation, when: {type: up}, fields: {ticket_id: t, reason: why}}
out:
  - {name: ops, url: "URL", events: [handoff, incident], secrets: ["file:out"], private: true,
     retry: {attempts: 60, first: 0.1s, longest: 0.5s, timeout: 2s}}
"""
Post = Callable[[bytes], httpx.Response]


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for something to become true; never a measurement."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {WAIT:g} s for: {what}")


class Moody:
    """A receiver that is slow, broken and busy before it heals."""

    def __init__(self) -> None:
        self.moods: list[str] = []
        self.arrived: list[str] = []
        self.closing = threading.Event()
        moody = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                mood = moody.moods.pop(0) if moody.moods else "well"
                if mood == "silent":
                    moody.closing.wait(10)
                    return
                if mood == "well":
                    moody.arrived.append(body["data"]["ticket_id"])
                self.send_response({"well": 200, "broken": 500, "busy": 429}[mood])
                self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/in"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}).start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


class Run:
    """A running server, its data and its client."""

    def __init__(self, supervisor: Any, url: str, data: Path, receiver: Moody) -> None:
        self.supervisor, self.data, self.receiver = supervisor, data, receiver
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=20.0)

    def records(self) -> list[Any]:
        return list(JournalReader(self.data / "journal").read())

    def zendesk(
        self, body: bytes, secret: bytes = ZENDESK, at: datetime | None = None, **headers: str
    ) -> httpx.Response:
        stamp = (at or datetime.now(UTC)).isoformat()
        given = {
            "Content-Type": "application/json",
            "X-Zendesk-Webhook-Signature": zendesk_signature(secret, stamp, body),
            "X-Zendesk-Webhook-Signature-Timestamp": stamp,
        }
        return self.http.post("/webhooks/zendesk", content=body, headers=given | headers)

    def intercom(self, body: bytes, secret: bytes = INTERCOM) -> httpx.Response:
        given = {"Content-Type": "application/json", "X-Hub-Signature": intercom_signature(secret, body)}
        return self.http.post("/webhooks/intercom", content=body, headers=given)

    def generic(
        self, body: bytes, secret: bytes = GENERIC, at: datetime | None = None, *, patience: float = 20.0
    ) -> httpx.Response:
        given = {
            "Content-Type": "application/json",
            "Ridealong-Signature": signed([secret], body, at or datetime.now(UTC)),
        }
        return self.http.post("/webhooks/generic/desk", content=body, headers=given, timeout=patience)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    data = tmp_path_factory.mktemp("webhooks") / "data"
    data.mkdir()
    receiver = Moody()
    (data / "webhooks.yaml").write_text(FILE.replace("URL", receiver.url))
    for name, secret in SECRETS.items():
        (data / name).write_bytes(secret)
    with ExitStack() as stack:
        stack.callback(receiver.close)
        supervisor, url = stack.enter_context(server.running(data, port=0))
        server.wait_until_ready(supervisor, url)
        found = Run(supervisor, url, data, receiver)
        stack.enter_context(found.http)
        until((data / "notify.sqlite").exists, "the notifier")
        yield found


def event(number: int, topic: str, ticket: int, seconds: float, **event: Any) -> bytes:
    at = datetime(2026, 9, 1, 12, tzinfo=UTC) + timedelta(seconds=seconds)
    return json.dumps(
        {
            "type": f"zen:event-type:ticket.{topic}",
            "account_id": 1,
            "id": f"evt-{number}",
            "time": at.isoformat(),
            "detail": {
                "id": str(ticket),
                "subject": "Where is it?",
                "description": "My order has not arrived",
                "requester_id": str(ticket // 3),
                "created_at": "2026-09-01T12:00:00Z",
            },
            "event": event,
        }
    ).encode()


def spoil(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    other = chance.choice([letter for letter in "0123456789abcdefXYZ+/=" if letter != text[place]])
    return text[:place] + other + text[place + 1 :]


@pytest.mark.slow
def test_of_two_thousand_forgeries_none_is_taken(run: Run) -> None:
    """Bodies, signatures, times and secrets that are not quite right, under load from one client."""
    chance = random.Random(2026)
    before = len(run.records())
    taken = 0
    now = datetime.now(UTC)
    for number in range(2_000):
        body = event(number, "status_changed", number, 0, previous="open", current="solved")
        stamp = now.isoformat()
        mark, header, hub = (
            zendesk_signature(ZENDESK, stamp, body),
            signed([GENERIC], body, now),
            intercom_signature(INTERCOM, body),
        )
        kind = number % 10
        path, headers = (
            "/webhooks/zendesk",
            {
                "X-Zendesk-Webhook-Signature": mark,
                "X-Zendesk-Webhook-Signature-Timestamp": stamp,
            },
        )
        sent = bytearray(body)
        if kind in (0, 1, 2):
            sent[chance.randrange(len(sent))] ^= 1 << chance.randrange(8)
        if kind == 1:
            path, headers = "/webhooks/generic/desk", {"Ridealong-Signature": header}
        elif kind == 2:
            path, headers = "/webhooks/intercom", {"X-Hub-Signature": hub}
        elif kind == 3:
            headers["X-Zendesk-Webhook-Signature"] = spoil(mark, chance)
        elif kind == 4:
            path, headers = "/webhooks/generic/desk", {"Ridealong-Signature": spoil(header, chance)}
        elif kind == 5:
            path, headers = "/webhooks/intercom", {"X-Hub-Signature": spoil(hub, chance)}
        elif kind == 6:
            headers["X-Zendesk-Webhook-Signature-Timestamp"] = spoil(stamp, chance)
        elif kind == 7:
            old = (now - timedelta(seconds=chance.randrange(301, 10**6))).isoformat()
            headers = {
                "X-Zendesk-Webhook-Signature": zendesk_signature(ZENDESK, old, body),
                "X-Zendesk-Webhook-Signature-Timestamp": old,
            }
        elif kind == 8:
            wrong = chance.choice([ZENDESK_RETIRED, GENERIC, OUT, b"", ZENDESK[:-1], ZENDESK + b"\n"])
            headers["X-Zendesk-Webhook-Signature"] = zendesk_signature(wrong, stamp, body)
        else:
            headers.pop(chance.choice(list(headers)))
        answer = run.http.post(
            path, content=bytes(sent), headers=headers | {"Content-Type": "application/json"}
        )
        taken += answer.status_code != 401
        assert answer.status_code == 401, (kind, answer.text)
    assert taken == 0
    new = run.records()[before:]
    assert {record.kind for record in new} <= {"access"}, (
        "refusals are counted on the record, nothing else is"
    )


@pytest.mark.slow
def test_both_secrets_are_taken_during_a_change_and_the_secret_names_the_tenant(run: Run) -> None:
    for number, (secret, tenant) in enumerate(
        ((ZENDESK, "default"), (ZENDESK_OLD, "default"), (RIVAL, "rival"))
    ):
        body = event(20_000 + number, "status_changed", 1, 5, previous="open", current="solved")
        body = body.replace(b'"account_id"', b'"tenant": "default", "workflow": "other", "account_id"')
        assert run.zendesk(body, secret).json()["result"] == "recorded"
        record = run.records()[-1]
        assert (record.tenant, record.workflow, record.event_id) == (
            tenant,
            "tier1-support",
            f"webhook:zendesk:evt-{20_000 + number}",
        )


@pytest.mark.slow
def test_unknown_topics_are_acknowledged_and_what_cannot_be_read_is_named(run: Run) -> None:
    before = len(run.records())
    assert run.zendesk(event(1, "tags_changed", 1, 0)).json()["result"] == "ignored"
    assert run.zendesk(b"").json() == {"topic": "empty", "result": "ignored", "receipts": [], "decisions": []}
    counted = run.http.get("/metrics").text
    assert re.search(r'ridealong_webhooks_total\{[^}]*sender="acme",result="ignored"\} 2\b', counted)
    unreadable = run.generic(b'{"id": "x", "at": 1788264000, "type": "rated", "t": 1, "s": "six"}')
    assert (unreadable.status_code, unreadable.json()["detail"]) == (422, "s: a number belongs there")
    assert run.zendesk(b'{"type": ').status_code == 422
    assert run.zendesk(b"[" * 100_000).status_code == 422
    assert run.http.post("/webhooks/generic/nobody", json={}).status_code == 404
    assert len(run.zendesk(b"x" * (2 * 1024 * 1024 + 1)).content) > 0
    assert run.zendesk(b"x" * (2 * 1024 * 1024 + 1)).status_code == 413
    assert len(run.records()) == before


@pytest.mark.slow
def test_a_public_name_reaches_only_the_doors_that_are_signed(run: Run) -> None:
    """A tunnel or proxy may keep the name it was called by."""
    body = event(30_000, "tags_changed", 1, 0)
    assert run.zendesk(body, Host="desk.example.com").status_code == 200
    assert run.http.get("/v1/workflows", headers={"Host": "desk.example.com"}).status_code == 421


@pytest.mark.slow
def test_repeats_and_any_order_give_the_same_facts(run: Run) -> None:
    """Each delivery five times, shuffled: one record each, and the facts of the ordered ones."""
    told: list[bytes] = []
    for ticket in range(100, 130):
        base = 1000 * ticket
        told.append(event(base, "created", ticket, 0))
        comment = {"is_public": True, "author": {"id": "9", "is_staff": True}}
        told.append(event(base + 1, "comment_added", ticket, 60, comment=comment))
        told.append(event(base + 2, "status_changed", ticket, 120, previous="OPEN", current="Solved"))
        if ticket % 3 == 0:
            told.append(event(base + 3, "status_changed", ticket, 200, previous="solved", current="open"))
            told.append(event(base + 4, "status_changed", ticket, 300, previous="open", current="solved"))
        if ticket % 5 == 0:
            told.append(event(base + 5, "merged", ticket, 150, target_ticket_id=ticket - 1))
    start = len(run.records())
    many = told * 5
    random.Random(5).shuffle(many)
    for body in many:
        assert run.zendesk(body).status_code == 200
    records = run.records()[start:]
    ids = [record.event_id for record in records]
    assert len(ids) == len(set(ids))
    facts = _facts(records)
    assert len(facts) == 30
    assert facts == _facts(_in_order(records))
    merged = {row["ticket_id"] for row in facts if row["excluded"] == "merged"}
    assert merged == {str(ticket) for ticket in range(100, 130, 5)}
    assert {row["first_response_seconds"] for row in facts} == {60.0}
    moment = datetime(2026, 9, 1, 12, tzinfo=UTC)
    for row in facts:
        seconds = 300 if int(row["ticket_id"]) % 3 == 0 else 120
        assert row["resolved_at"] == moment + timedelta(seconds=seconds)


def _in_order(records: list[Any]) -> list[Any]:
    from dataclasses import replace

    ordered = sorted(records, key=lambda record: (record.occurred_at, record.event_id))
    return [replace(record, seq=number) for number, record in enumerate(ordered, start=1)]


def _facts(records: list[Any]) -> list[dict[str, Any]]:
    from dataclasses import replace

    with View() as view:
        view.apply([replace(record, seq=number) for number, record in enumerate(records, start=1)])
        view.refresh()
        return view.query("SELECT * EXCLUDE (seq) FROM facts ORDER BY ticket_id")


@pytest.mark.slow
def test_the_same_id_with_other_content_is_refused(run: Run) -> None:
    body = event(40_000, "status_changed", 7, 5, previous="open", current="solved")
    assert run.zendesk(body).json()["result"] == "recorded"
    assert run.zendesk(body).json()["result"] == "duplicate"
    assert run.zendesk(body.replace(b'"7"', b'"8"')).status_code == 409


@pytest.mark.slow
def test_conversations_are_routed_and_rated(run: Run) -> None:
    def told(topic: str, number: int, **item: Any) -> bytes:
        given = {"id": "215", "created_at": 1788263940, "contacts": {"contacts": [{"id": "c-8"}]}} | item
        body = {
            "topic": topic,
            "id": f"notif_{number}",
            "created_at": 1788264000 + number,
            "data": {"item": given},
        }
        return json.dumps(body).encode()

    opened = told("conversation.user.created", 1)
    assert run.intercom(opened).json()["decisions"] == [{"ticket_id": "215", "arm": "human", "mode": ""}]
    before = len(run.records())
    assert run.intercom(opened).status_code == 200
    assert len(run.records()) == before, "an old notification changes nothing, whenever it comes again"
    assert (
        run.intercom(told("conversation.rating.added", 2, conversation_rating={"rating": 2})).json()["result"]
        == "recorded"
    )
    record = run.records()[-1]
    assert (record.kind, record.payload["score"], record.workflow) == ("csat", 2.0, "chat-support")


@pytest.mark.slow
def test_a_moody_receiver_slows_nobody_and_gets_everything(run: Run) -> None:
    run.receiver.moods = ["silent", "silent", "broken", "busy", "broken"]
    wanted = {f"moody-{number}" for number in range(8)}
    for ticket in sorted(wanted):
        body = json.dumps(
            {"id": ticket, "at": 1788264000, "type": "up", "t": ticket, "why": "asked"}
        ).encode()
        assert run.generic(body).status_code == 200
    assert not wanted <= set(run.receiver.arrived), "nobody waited for the receiver"
    until(lambda: wanted <= set(run.receiver.arrived), "all messages")
    assert run.receiver.moods == []


@pytest.mark.slow
def test_killing_everything_during_delivery_loses_nothing(run: Run) -> None:
    """The notifier and the router die by SIGKILL in the middle, again and again."""
    wanted: set[str] = set()
    chance = random.Random(3)
    for number in range(24):
        ticket = f"kill-{number}"
        body = json.dumps(
            {"id": ticket, "at": 1788264000, "type": "up", "t": ticket, "why": "asked"}
        ).encode()
        until(lambda body=body: _accepted(run, body), f"delivery {number} to be taken")
        wanted.add(ticket)
        if number in (3, 11, 19):
            run.receiver.moods = ["broken"] * 3
            time.sleep(chance.uniform(0.0, 0.4))
            for name in ("notifier", "router"):
                os.kill(run.supervisor.child(name).process.pid, signal.SIGKILL)
    until(lambda: (run.supervisor.check(), wanted <= set(run.receiver.arrived))[1], "all messages")
    recorded = [r.payload["ticket_id"] for r in run.records() if r.kind == "escalation"]
    assert sorted(t for t in recorded if t.startswith("kill-")) == sorted(wanted), "recorded once each"


def _accepted(run: Run, body: bytes) -> bool:
    run.supervisor.check()
    try:
        return run.generic(body, patience=1.0).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow
def test_a_secret_is_rotated_without_a_restart_and_a_bad_file_changes_nothing(run: Run, caplog: Any) -> None:
    file = run.data / "webhooks.yaml"
    good = file.read_text()
    body = event(50_000, "tags_changed", 1, 0)
    (run.data / "next").write_bytes(b"zendesk-secret-of-tomorrow")
    file.write_text(good.replace('"file:zendesk", "file:old"', '"file:next", "file:zendesk"'))
    until(lambda: run.zendesk(body, b"zendesk-secret-of-tomorrow").status_code == 200, "the new secret")
    assert run.zendesk(body, ZENDESK).status_code == 200
    assert run.zendesk(body, ZENDESK_OLD).status_code == 401
    file.write_text(good.replace("workflow:", "workflw:"))
    broken = Settings(file)
    assert broken.current() is None
    assert broken.wanted
    assert "did you mean 'workflow'?" in caplog.text
    assert all(secret.decode() not in caplog.text for secret in SECRETS.values())
    time.sleep(1.5)
    assert run.zendesk(body, b"zendesk-secret-of-tomorrow").status_code == 200, "the last good one stays"
    file.write_text(good)
    until(lambda: run.zendesk(body, ZENDESK_OLD).status_code == 200, "the good one again")


@pytest.mark.slow
def test_a_severe_incident_is_in_force_for_the_gate_at_once(run: Run) -> None:
    made = run.http.post(
        "/v1/incidents", json={"workflow": "tier1-support", "severity": 1, "title": "leaked", "actor": "ada"}
    ).json()
    assert made["blocks"] is True
    change = {"reason": "contained", "actor": "ada"}
    assert (
        run.http.post(f"/v1/incidents/{made['incident_id']}/acknowledge", json=change).json()["status"]
        == "acknowledged"
    )
    listed = run.http.get("/v1/incidents", params={"workflow": "tier1-support"}).json()["incidents"]
    assert [row["incident_id"] for row in listed] == [made["incident_id"]]
    assert (
        run.http.post(f"/v1/incidents/{made['incident_id']}/close", json=change).json()["status"] == "closed"
    )
    again = run.http.post(f"/v1/incidents/{made['incident_id']}/close", json=change)
    assert (again.status_code, again.json()["code"]) == (409, "refused")
    assert run.http.post("/v1/incidents/none/close", json=change).status_code == 404
    assert run.http.post(f"/v1/incidents/{made['incident_id']}/erase", json=change).status_code == 404
    assert (
        run.http.post(f"/v1/incidents/{made['incident_id']}/close", json={"actor": "ada"}).status_code == 422
    )
