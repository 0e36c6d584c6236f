"""A model that compares two replies: both orders are asked, and what they do not agree on is not said."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from model_server import MODEL, ModelServer
from typer.testing import CliRunner

from agents.judging.access import judge_of
from agents.judging.judge import Judge
from agents.judging.pair import HANDED_OVER, Answered, Pair
from agents.models.access import ModelAccess
from agents.models.failure import ModelFailure
from agents.models.gateway import LiteLLM
from agents.models.settings import ProviderSettings
from policies.manifest import Price
from rollout.cli import app
from rollout.cli import judge as command
from rollout.judging.ask import ask, judged
from rollout.judging.calibration import Judged, calibrate
from rollout.judging.labels import from_folder, labelled_only
from rollout.judging.record import calibration_event, ratings
from rollout.measure.comparisons import REPLIES
from rollout.record.content import Text
from rollout.record.folder import DataFolder
from rollout.records import Compared, Event, Handled, Kind, TicketOpened
from rollout.shadow_reading import read_shadow

NOW = datetime(2026, 5, 1, tzinfo=UTC)
EVERYTHING = {
    "tenant": "default",
    "workflow": "w",
    "as_of": datetime.fromisoformat("2027-01-01"),
    "version": None,
    "since": None,
}
PAIR = Pair(
    "t-1", "How do I reset it? I am eva@example.org", Answered("Press reset."), Answered("Ask somebody.")
)
GOOD = dict.fromkeys(("accuracy", "tone", "policy", "escalation"), 1)
BAD = {**GOOD, "accuracy": 0}


def said(a: dict[str, int], b: dict[str, int], better: str) -> dict[str, Any]:
    return {"because": "It is right.", "a": a, "b": b, "better": better}


def by_content(body: dict[str, Any]) -> dict[str, Any]:
    """A judge that knows a good reply when it sees one: the word 'reset' is in it."""
    material = json.loads(body["messages"][1]["content"])
    a, b = ("reset" in material[side].lower() for side in "AB")
    better = "tie" if a == b else "A" if a else "B"
    return said(GOOD if a else BAD, GOOD if b else BAD, better)


def by_place(body: dict[str, Any]) -> dict[str, Any]:
    return said(GOOD, BAD, "A")


@pytest.fixture
def judge(server: ModelServer, gateway: LiteLLM) -> Judge:
    server.reset()
    server.said = by_content
    access = ModelAccess(gateway, settings=lambda name: ProviderSettings(name, server.url, "sk-x"))
    price = Price(input_usd_per_million_tokens=1, output_usd_per_million_tokens=10)
    return judge_of(access, f"openai/{MODEL}", price=price)


def test_it_prefers_what_it_prefers_in_both_orders(judge: Judge, runner: asyncio.Runner) -> None:
    verdict = runner.run(judge.compare(PAIR))
    assert (verdict.preferred, verdict.consistent) == ("agent", True)
    assert (verdict.agent["accuracy"], verdict.human["accuracy"]) == (1.0, 0.0)
    assert verdict.cost_usd == pytest.approx(2 * (100 * 1 + 40 * 10) / 1e6)


def test_one_that_goes_by_the_place_says_nothing(
    judge: Judge, server: ModelServer, runner: asyncio.Runner
) -> None:
    server.said = by_place
    verdict = runner.run(judge.compare(PAIR))
    assert (verdict.preferred, verdict.consistent) == ("tie", False)
    assert verdict.agent["accuracy"] is None
    assert verdict.agent["tone"] == 1.0


def test_both_orders_are_shown_without_saying_whose_is_whose(
    judge: Judge, server: ModelServer, runner: asyncio.Runner
) -> None:
    runner.run(judge.compare(PAIR))
    first, second = (json.loads(body["messages"][1]["content"]) for body in server.asked)
    assert (first["A"], first["B"]) == (second["B"], second["A"])
    assert "eva@example.org" not in json.dumps(server.asked)
    assert "agent" not in json.dumps(first).lower()


def test_a_hand_off_is_shown_as_one() -> None:
    assert Answered("", escalated=True).shown() == HANDED_OVER
    assert Answered("Moment, please.", escalated=True).shown().endswith(HANDED_OVER)


@pytest.mark.parametrize("mode", ["garbage JSON", "NaN confidence", "empty choices", "prose"])
def test_without_a_usable_answer_there_is_no_verdict(
    judge: Judge, server: ModelServer, runner: asyncio.Runner, mode: str
) -> None:
    server.mode = mode
    with pytest.raises(ModelFailure):
        runner.run(judge.compare(PAIR))


@pytest.mark.parametrize(
    "changed",
    [{"better": "C"}, {"a": {**GOOD, "tone": 2}}, {"a": {"tone": 1}}, {"extra": 1}, {"because": ""}],
)
def test_an_output_of_another_form_is_none(
    judge: Judge, server: ModelServer, runner: asyncio.Runner, changed: dict[str, Any]
) -> None:
    server.said = {**said(GOOD, BAD, "A"), **changed}
    with pytest.raises(ModelFailure, match="form"):
        runner.run(judge.compare(PAIR))


def test_another_rubric_is_another_rater(judge: Judge) -> None:
    other = Judge(judge.model, judge.rubric + "\nBe strict.")
    assert judge.rater.startswith(f"judge:openai/{MODEL}#")
    assert other.rater != judge.rater


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four tickets with both replies; people labelled the first three."""
    with DataFolder.open(tmp_path / "data") as made:
        for number in range(4):
            tell(made, number, "Press reset." if number != 2 else "No idea.")
        made.record([review(number, float(number != 2)) for number in range(3)])
    return tmp_path / "data"


def tell(made: DataFolder, number: int, reply: str) -> None:
    ticket, customer = f"t-{number}", f"c-{number}"
    bodies = {"text": "It is broken.", "shadow-reply": reply, "human-reply": "Somebody will look."}
    refs = made.content.put([Text("default", customer, ticket, part, body) for part, body in bodies.items()])
    text, shadow, human = refs
    payloads: list[tuple[str, Kind, Any]] = [
        (f"ticket:{ticket}", Kind.TICKET, TicketOpened(ticket, customer, NOW, content={"text": text})),
        (
            f"handled:{ticket}",
            Kind.HANDLING,
            Handled(ticket, "human", None, "answered", finished_at=NOW, content={"human-reply": human}),
        ),
        (
            f"comparison:a@1:{ticket}",
            Kind.COMPARISON,
            Compared(ticket, "a@1", "heuristic", content={"shadow-reply": shadow}, sampling_probability=0.5),
        ),
    ]
    made.record([Event(name, kind, NOW, payload, workflow="w") for name, kind, payload in payloads])


def review(number: int, mark: float) -> Event:
    payload = Compared(f"t-{number}", "a@1", "human:eva", accuracy=mark, tone=1.0, agreement=mark)
    return Event(f"review:t-{number}", Kind.COMPARISON, NOW, payload, workflow="w")


def test_labels_are_found_with_their_texts(folder: Path) -> None:
    with DataFolder.open(folder) as opened:
        pairs = from_folder(opened, "w")
        assert from_folder(opened, "w", version="b@1") == []
        assert from_folder(opened, "another") == []
    assert [one.pair.ticket_id for one in pairs] == ["t-0", "t-1", "t-2", "t-3"]
    labelled = list(labelled_only(pairs))
    assert [one.people for one in labelled] == [{"good": m, "as_good": m} for m in (1.0, 1.0, 0.0)]
    assert labelled[0].pair.agent.text == "Press reset."
    assert labelled[0].pair.human.text == "Somebody will look."


def test_no_gate_counts_a_judge_however_well_calibrated(
    judge: Judge, folder: Path, runner: asyncio.Runner
) -> None:
    params = EVERYTHING
    counted = f"SELECT agreement, missed, chance FROM ({REPLIES}) ORDER BY ALL"
    with DataFolder.open(folder) as opened:
        opened.catch_up()
        before = opened.view.query(counted, params)
        pairs = from_folder(opened, "w")
        found = runner.run(ask(judge, pairs))
        rows = [Judged(f"c{at}", *[{"good": at % 2, "as_good": at % 2}] * 2, True, True) for at in range(400)]  # noqa: FBT003
        passed = calibrate(judge.rater, rows)
        assert passed.passed
        opened.record(ratings(judge.rater, pairs, found, NOW))
        opened.record([calibration_event(passed, workflow="w", at=NOW)])
        opened.catch_up()
        assert len(opened.view.query("SELECT * FROM comparisons WHERE starts_with(rater, 'judge:')")) == 4
        assert opened.view.query(counted, params) == before
    assert sum(row["agreement"] is not None for row in before) == 3  # what people said, and only that


def test_its_agreement_with_people_is_shown_and_without_people_nothing_is(
    judge: Judge, folder: Path, tmp_path: Path, runner: asyncio.Runner
) -> None:
    params = {**EVERYTHING, "version": "a@1", "as_of": datetime(2027, 1, 1, tzinfo=UTC)}
    with DataFolder.open(folder) as opened:
        pairs = from_folder(opened, "w")
        events = ratings(judge.rater, pairs, runner.run(ask(judge, pairs)), NOW)
        opened.record(events)
        opened.catch_up()
        found = read_shadow(opened.view, params, None).agreement
    assert [(one.on, one.found.n) for one in found if one.between == f"{judge.rater} and people"] == [
        ("answer", 3.0),
        ("answer", 3.0),
    ]
    with DataFolder.open(tmp_path / "without-people") as alone:
        for number in range(4):
            tell(alone, number, "Press reset.")
        alone.record(events)
        alone.catch_up()
        labels = read_shadow(alone.view, params, None).labels
    assert not labels.by_people
    assert set(labels.ratings.rater.tolist()) == {"heuristic"}


def test_judging_again_finds_its_noise(judge: Judge, folder: Path, runner: asyncio.Runner) -> None:
    with DataFolder.open(folder) as opened:
        pairs = list(labelled_only(from_folder(opened, "w")))
    found = runner.run(ask(judge, pairs, repeats=2))
    rows = judged(pairs, found)
    assert [row.judge["good"] for row in rows] == [1.0, 1.0, 0.0]
    assert [row.again for row in rows] == [True, True, None]


class TestCommands:
    @pytest.fixture(autouse=True)
    def _judge(self, judge: Judge, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        def asked(made: Judge, pairs: Any, repeats: int) -> Any:
            return runner.run(ask(made, pairs, repeats=repeats))

        monkeypatch.setattr(command, "_judge", lambda *_: judge)
        monkeypatch.setattr(command, "_asked", asked)

    def invoke(self, *arguments: str) -> Any:
        return CliRunner().invoke(app, ["judge", *arguments, "--model", f"openai/{MODEL}"])

    def test_run_records_ratings_once(self, folder: Path, judge: Judge) -> None:
        asked = ("run", "--data", str(folder), "--workflow", "w", "--json")
        first, second = (json.loads(self.invoke(*asked).stdout) for _ in range(2))
        assert (first["recorded"], first["known"], first["rater"]) == (4, 0, judge.rater)
        assert (second["recorded"], second["known"]) == (0, 4)
        with DataFolder.open(folder) as opened:
            opened.catch_up()
            rows = opened.view.query(
                "SELECT accuracy, agreement, sampling_probability FROM comparisons WHERE rater = ? "
                "ORDER BY ticket_id",
                [judge.rater],
            )
        assert [row["accuracy"] for row in rows] == [1.0, 1.0, 0.0, 1.0]
        assert [row["agreement"] for row in rows] == [1.0, 1.0, 1.0, 1.0]  # a tie is as good
        assert {row["sampling_probability"] for row in rows} == {0.5}

    def test_calibrate_says_what_is_missing_and_writes_it_down(self, folder: Path) -> None:
        done = self.invoke("calibrate", "--data", str(folder), "--workflow", "w", "--record", "--json")
        told = json.loads(done.stdout)
        assert (done.exit_code, told["passed"], told["pairs"]) == (1, False, 3)
        with DataFolder.open(folder) as opened:
            record = [one for one in opened.journal.read() if one.kind == Kind.CALIBRATION]
        assert [one.payload["passed"] for one in record] == [False]
        assert record[0].payload["shortfalls"]

    def test_calibrate_on_a_file(self, tmp_path: Path) -> None:
        rows = [
            {
                "ticket_id": f"t{number}",
                "question": "How?",
                "agent": "Press reset." if number % 2 else "Whatever.",
                "human": "Somebody will look.",
                "good": number % 2,
                "preferred": "agent" if number % 2 else "human",
            }
            for number in range(12)
        ]
        file = tmp_path / "labels.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)))
        done = self.invoke("calibrate", "--labels", str(file), "--repeats", "5")
        assert done.exit_code == 1
        assert "12 pairs that people labelled" in done.stdout
        assert "not calibrated" in done.stdout
        file.write_text('{"ticket_id": "t", "question": "How?", "god": 1}')
        assert "god" in str(self.invoke("calibrate", "--labels", str(file)).exception)

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ((), "one of them"),
            (("--data", "."), "--workflow"),
            (("--labels", "x", "--record"), "--record needs"),
        ],
    )
    def test_wrong_usage_is_told(self, arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
        placed = [str(tmp_path) if one == "." else one for one in arguments]
        assert told in str(self.invoke("calibrate", *placed).exception)


def test_the_factory_of_the_command_refuses_an_alias(
    monkeypatch: pytest.MonkeyPatch, gateway: LiteLLM
) -> None:
    make: Any = command._judge
    monkeypatch.setattr(ModelAccess, "prepared", lambda _: gateway)
    with pytest.raises(Exception, match="--alias"):
        make("openai/gpt-4o", False, None, None)  # noqa: FBT003 (as the command calls it)
    assert make("openai/gpt-4o", True, None, None).rater.startswith("judge:openai/gpt-4o#")  # noqa: FBT003
