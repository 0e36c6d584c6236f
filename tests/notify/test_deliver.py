"""What is told arrives, signed, however its receiver behaves; what a customer wrote does nothing there."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from policies.webhooks import Retry, Subscription
from rollout.clock import SimulatedClock
from rollout.notify.deliver import Courier
from rollout.notify.slack import inert, slack
from rollout.notify.store import FILE, Outbox
from rollout.notify.target import Forbidden, is_public, post
from rollout.record.content import Text
from rollout.record.folder import DataFolder
from rollout.records import Escalated, Event, IncidentNoted, Kind, Rated
from rollout.webhooks.settings import Target
from rollout.webhooks.signature import Key, verify_signed

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
SECRET = b"a secret of sixteen"
HOSTILE = (
    "<!channel> <https://evil.example|your bank> @here https://evil.example/x evil.example "
    "*bold* #general :boom: \u202egnp.exe\x00 &lt;!here&gt;\n\n`code` mailto:a@b.example"
)


class Receiver:
    """A receiver that does as it is told: a status, headers, or silence."""

    def __init__(self) -> None:
        self.says: list[tuple[int | str, dict[str, str]]] = []
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append((dict(self.headers), body))
                status, headers = receiver.says.pop(0) if receiver.says else (200, {})
                if self.path.endswith("/deaf"):
                    status = "silence"
                if status == "silence":
                    receiver.released.wait(20)
                    return
                self.send_response(int(status))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/in"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def subscriber(url: str, name: str = "ops", **changes: Any) -> Target:
    given = {"events": ["handoff", "incident"], "secrets": ["env:X"], "private": True}
    retry = Retry(attempts=4, first="2s", longest="1m", timeout="3s")
    subscription = Subscription.model_validate({"name": name, "url": url, "retry": retry} | given | changes)
    return Target(subscription, url, (SECRET,) if subscription.secrets else ())


class World:
    def __init__(self, folder: DataFolder, outbox: Outbox) -> None:
        self.folder, self.outbox = folder, outbox
        self.clock = SimulatedClock(NOW)
        self.courier = Courier(folder.path, outbox, folder.content, clock=self.clock)

    def hand_off(self, number: int, tenant: str = "default", reason: str = "asked for a human") -> None:
        payload = Escalated(f"t-{number}", reason, queue="human-queue-standard")
        event = Event(f"escalation:{number}", Kind.ESCALATION, NOW, payload, tenant, "w")
        rated = Event(f"csat:{number}", Kind.CSAT, NOW, Rated(f"t-{number}", 5.0, NOW), tenant, "w")
        self.folder.record([event, rated])

    def go(self, *targets: Target) -> None:
        """One round of everybody, to the end of what is due."""

        async def rounds() -> None:
            for target in targets:
                while await self.courier.deliver(target):
                    pass

        self.courier.collect(targets)
        asyncio.run(rounds())

    def states(self) -> list[tuple[str, int, str | None]]:
        return [(each.state, each.attempts, each.cause) for each in reversed(self.outbox.all())]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with DataFolder.open(tmp_path / "data", parts=("journal",)) as folder, Outbox(tmp_path / FILE) as outbox:
        yield World(folder, outbox)


def test_a_message_is_signed_and_says_what_happened(world: World, receiver: Receiver) -> None:
    ops = subscriber(receiver.url)
    world.go(ops)
    world.hand_off(1)
    world.folder.content.put([Text("default", "c", "t-1", "subject", HOSTILE)])
    world.go(ops)
    ((headers, body),) = receiver.heard
    told = json.loads(body)
    assert verify_signed([Key(SECRET, "us")], body, headers["Ridealong-Signature"], NOW) == "us"
    assert headers["Ridealong-Delivery"] == told["id"]
    assert (headers["Ridealong-Event"], told["event"], told["workflow"]) == ("handoff", "handoff", "w")
    assert told["data"]["ticket_id"] == "t-1"
    assert told["data"]["subject"] == HOSTILE[:200]
    assert world.states() == [("delivered", 1, None)]


def test_a_subscriber_hears_what_comes_after_it_of_its_own_tenant_and_workflows(
    world: World, receiver: Receiver
) -> None:
    ops = subscriber(receiver.url, workflows=["w"])
    other = subscriber(receiver.url, "other", workflows=["elsewhere"])
    world.hand_off(1)
    world.go(ops, other)
    world.hand_off(2, tenant="acme")
    world.hand_off(3)
    world.go(ops, other)
    assert [json.loads(body)["data"]["ticket_id"] for _, body in receiver.heard] == ["t-3"]


def test_silence_errors_and_too_many_are_tried_again_until_it_heals(world: World, receiver: Receiver) -> None:
    ops = subscriber(receiver.url)
    world.go(ops)
    world.hand_off(1)
    receiver.says = [("silence", {}), (500, {}), (429, {"Retry-After": "90"})]
    waits = []
    for _ in range(3):
        world.go(ops)
        (waiting,) = world.outbox.all("pending")
        waits.append(waiting.due - world.clock.now().timestamp())
        world.go(ops)  # not due: nobody is asked
        world.clock.advance(timedelta(seconds=waits[-1] + 0.001))
    world.go(ops)
    assert 1.0 <= waits[0] <= 2.0
    assert 2.0 <= waits[1] <= 4.0
    assert waits[2] == pytest.approx(90.0, abs=0.01), "the receiver knows best"
    assert len(receiver.heard) == 4
    assert len({headers["Ridealong-Delivery"] for headers, _ in receiver.heard}) == 1
    assert world.states() == [("delivered", 4, None)]


@pytest.mark.parametrize(
    ("says", "cause", "tries"),
    [
        ((500, {}), "HTTP 500", 4),
        ((302, {"Location": "http://127.0.0.1:9/"}), "HTTP 302; redirects are not followed", 4),
        ((410, {}), "HTTP 410", 1),
        ((404, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}), "HTTP 404", 4),
    ],
)
def test_what_never_arrives_is_set_aside_with_its_cause_and_can_be_replayed(
    world: World, receiver: Receiver, says: tuple[int, dict[str, str]], cause: str, tries: int
) -> None:
    ops = subscriber(receiver.url)
    world.go(ops)
    world.hand_off(1)
    receiver.says = [says] * tries
    for _ in range(tries + 2):
        world.go(ops)
        world.clock.advance(timedelta(minutes=2))
    assert world.states() == [("dead", tries, cause)]
    assert len(receiver.heard) == tries
    (letter,) = world.outbox.all("dead")
    assert world.outbox.replay([letter.id, "dlv_unknown"], world.clock.now().timestamp()) == 1
    world.go(ops)
    assert world.states() == [("delivered", 1, None)]
    assert receiver.heard[-1][0]["Ridealong-Delivery"] == letter.id


def test_nobody_there_is_a_cause_without_the_address(world: World) -> None:
    ops = subscriber("http://127.0.0.1:1/secret-path")
    world.go(ops)
    world.hand_off(1)
    world.go(ops)
    ((_, _, cause),) = world.states()
    assert cause == "cannot be reached (ConnectError)"


def test_restarts_neither_lose_nor_double(world: World, receiver: Receiver, tmp_path: Path) -> None:
    ops = subscriber(receiver.url)
    world.go(ops)
    for number in range(30):
        world.hand_off(number)
        with Outbox(tmp_path / FILE) as outbox:
            again = World(world.folder, outbox)
            again.courier.collect([ops])
            if number % 3 == 0:
                asyncio.run(again.courier.deliver(ops))
    world.go(ops)
    heard = [json.loads(body)["data"]["ticket_id"] for _, body in receiver.heard]
    assert sorted(heard) == sorted(f"t-{number}" for number in range(30))


def test_what_was_found_before_is_not_found_again(world: World) -> None:
    """Two readings of the same records, as after a crash or with a second reader, are one message."""
    world.outbox.begin(["ops"], 0)
    for _ in range(2):
        world.outbox.add([("ops", 1, "handoff")], ["ops"], 1, 0.0)
        (delivery,) = world.outbox.all()
        world.outbox.delivered(delivery, 0.0)
    assert world.states() == [("delivered", 2, None)]
    world.outbox.add([("ops", 1, "handoff")], ["ops"], 1, 0.0)
    assert world.states() == [("delivered", 2, None)]


def test_one_that_is_silent_keeps_no_other_waiting(world: World, receiver: Receiver) -> None:
    from rollout.notify.worker import Rounds

    deaf, ops = subscriber(receiver.url + "/deaf", "deaf"), subscriber(receiver.url)
    deaf = Target(
        deaf.subscription.model_copy(update={"retry": Retry(timeout="15s")}), deaf.url, deaf.secrets
    )
    arrived = threading.Event()
    order: list[str] = []
    waiting: list[tuple[str, int]] = []

    class Known:
        out = (deaf, ops)

    class File:
        def current(self) -> Known:
            return Known()

    async def run() -> None:
        stopped = asyncio.Event()
        rounds = asyncio.create_task(
            Rounds(world.courier, world.outbox, File(), poll=0.02).run(stopped, lambda: 0.0)
        )
        while not arrived.is_set():
            await asyncio.sleep(0.02)
            order[:] = [each.subscription for each in world.outbox.all("delivered")]
            waiting[:] = [(each.subscription, each.attempts) for each in world.outbox.all("pending")]
            if order:
                arrived.set()
        stopped.set()
        await rounds

    world.courier.collect([deaf, ops])
    world.hand_off(1)
    asyncio.run(run())
    assert order == ["ops"]
    assert waiting == [("deaf", 0)], "the silent one is still being waited for"


def test_an_erased_customer_is_erased_from_what_waits(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    ops = subscriber(receiver.url)
    world.go(ops)
    world.folder.content.put([Text("default", "c", "t-1", "subject", "my address is 5 Elm St")])
    world.hand_off(1)
    world.courier.collect([ops])
    assert all(b"Elm" not in path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
    world.folder.content.erase_customer("default", "c")
    world.go(ops)
    assert json.loads(receiver.heard[0][1])["data"]["subject"] is None


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1"),
    ],
)
def test_an_address_that_is_not_the_internet_is_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808"]
)
def test_an_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "private", [["10.0.0.7"], ["93.184.216.34", "169.254.169.254"], ["::ffff:127.0.0.1"]]
)
def test_a_name_is_judged_by_every_address_it_stands_for(
    monkeypatch: pytest.MonkeyPatch, private: list[str]
) -> None:
    """Whatever the spelling: it is the resolver's answer that is looked at."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in private]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Forbidden, match="private: true"):
        asyncio.run(post("http://innocent.example/", b"", {}, seconds=2, private=False, now=NOW))


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    """A name that answers differently the second time leads nowhere else."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if host != "inside.example":
            return real(host, port, *rest, **more)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = receiver.url.replace("127.0.0.1", "inside.example")
    answer = asyncio.run(post(url, b"{}", {}, seconds=5, private=True, now=NOW))
    assert (answer.status, asked) == (200, ["inside.example"])
    assert receiver.heard[0][0]["Host"].startswith("inside.example:")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/", "http://me:pw@127.0.0.1/", "gopher://x/", "http:///x"]
)
def test_nothing_but_http_is_asked(url: str) -> None:
    with pytest.raises(Forbidden, match="http and https"):
        asyncio.run(post(url, b"", {}, seconds=2, private=True, now=NOW))


def test_a_private_address_is_set_aside_at_once(world: World, receiver: Receiver) -> None:
    ops = subscriber(receiver.url, private=False)
    world.go(ops)
    world.hand_off(1)
    world.go(ops)
    ((state, attempts, cause),) = world.states()
    assert (state, attempts) == ("dead", 1)
    assert "private network" in str(cause)
    assert not receiver.heard


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from texts_of(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_of(part)
    elif isinstance(value, str):
        yield value


def test_slack_gets_text_and_blocks_in_which_nothing_acts(world: World, receiver: Receiver) -> None:
    ops = subscriber(receiver.url, format="slack", secrets=[])
    world.go(ops)
    world.folder.content.put([Text("default", "c", "t-1", "subject", HOSTILE)])
    world.hand_off(1, reason=HOSTILE[:99].replace("\x00", ""))
    noted = IncidentNoted("inc-1", "open", 2, title=HOSTILE, version="resolution@1.2.0", origin="person")
    world.folder.record([Event("incident:inc-1", Kind.INCIDENT, NOW, noted, "default", "w", actor="<@U1>")])
    world.go(ops)
    assert len(receiver.heard) == 2
    for headers, body in receiver.heard:
        told = json.loads(body)
        assert "Ridealong-Signature" not in headers
        assert set(told) == {"text", "blocks"}
        for text in texts_of(told):
            assert not set(text) & set("<>&*`\x00\u202e\n"), text
            for active in ("://", "@h", "@U", "@b", "evil.e", "#general", ":boom", "!ch", "b.ex"):
                assert active not in text, (active, text)
        kinds = {
            block.get("text", block.get("elements", [{}])[0])["type"]
            for block in told["blocks"]
            if block["type"] != "context"
        }
        assert kinds == {"plain_text"}


def test_an_inert_text_is_readable_short_and_stays_inert() -> None:
    assert inert("The order has not arrived, since 3 days!") == "The order has not arrived, since 3 days!"
    assert len(inert("x" * 999)) == 280
    assert inert(inert(HOSTILE)) == inert(HOSTILE) or "://" not in inert(inert(HOSTILE))


@pytest.mark.parametrize("decision", ["PROMOTE", "HOLD", "ROLL_BACK"])
def test_a_transition_is_a_verdict_too_where_a_gate_spoke(decision: str) -> None:
    from rollout.notify.notice import events_in, notice
    from rollout.records import Record

    evidence = {
        "decision": decision,
        "reason": "R",
        "reasons": ["because."],
        "step": "ten",
        "track": "ladder",
        "metrics": [{"metric": "csat", "verdict": "PASS", "sentence": "fine"}],
    }
    payload = {
        "action": "promote",
        "track": "ladder",
        "from_step": "ten",
        "to_step": "full",
        "reason": "R",
        "sentence": "ten → full",
        "evidence": evidence,
        "plan_digest": "d",
    }
    record = Record(7, "t", Kind.TRANSITION, NOW, NOW, "default", "w", None, "controller", payload, "", "")
    assert list(events_in(record)) == ["verdict", "transition"]
    told = notice("verdict", record).to_json("dlv_1")
    assert (told["data"]["decision"], told["data"]["metrics"][0]["metric"]) == (decision, "csat")
    assert decision in slack(notice("verdict", record))["text"]
    assert "ten → full" in slack(notice("transition", record))["text"]
    counted = {**payload, "action": "count"}
    record = Record(8, "t", Kind.TRANSITION, NOW, NOW, "default", "w", None, "controller", counted, "", "")
    assert list(events_in(record)) == ["verdict"]
