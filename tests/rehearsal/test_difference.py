"""A dry run: both policies over what was said, changed decisions counted by rule, nobody's details shown."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from policies.conduct import ConductPolicy
from policies.detectors import shipped
from policies.effective import effective
from policies.regions import Policies
from rollout.cli import app
from rollout.errors import UsageError
from rollout.record.content import Text
from rollout.record.folder import DataFolder
from rollout.records import Compared, Event, Handled, Kind, Said, TicketOpened
from rollout.rehearsal.difference import difference
from rollout.rehearsal.traffic import FromFolder, Heard, from_csv

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
OLD = "tone_guidelines: {voice: direct}\n"
NEW = "tone_guidelines: {voice: direct, prohibited_phrases: [purple]}\n"
Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def policies(**content: Any) -> Policies:
    whole = ConductPolicy.model_validate({"tone_guidelines": {"voice": "x"}, **content})
    return Policies(effective("p", whole, shipped()), {})


def rule(**settings: Any) -> Policies:
    return policies(rules={"no_purple": {"patterns": ["purple"], **settings}})


def reply(text: str, **more: Any) -> Heard:
    return Heard("reply", "t-1", text, **more)


class TestDifference:
    def test_the_same_policy_changes_nothing(self) -> None:
        found = difference(rule(), rule(), [reply("purple"), reply("green")])
        assert (found.changed, found.examples) == (0, [])
        assert found.examined == {"reply": 2}

    def test_a_stricter_rule_stops_and_a_milder_one_sends(self) -> None:
        heard = [reply("purple"), reply("green")]
        stricter = difference(policies(), rule(), heard)
        assert (stricter.newly_stopped, stricter.newly_sent, stricter.otherwise) == (1, 0, 0)
        count = stricter.rules["rule:no_purple"]
        assert (count.before, count.after, count.newly_stopped) == (0, 1, 1)
        milder = difference(rule(), rule(mode="observe"), heard)
        assert (milder.newly_stopped, milder.newly_sent) == (0, 1)
        assert (milder.rules["rule:no_purple"].before, milder.rules["rule:no_purple"].after) == (1, 1)

    def test_another_way_of_stopping_is_a_change_too(self) -> None:
        found = difference(rule(on_fail="block"), rule(on_fail="escalate"), [reply("purple")])
        assert (found.newly_stopped, found.newly_sent, found.otherwise) == (0, 0, 1)

    def test_a_new_observing_rule_decides_nothing_and_is_counted(self) -> None:
        found = difference(policies(), rule(mode="observe"), [reply("purple")])
        assert found.changed == 0
        assert found.rules["rule:no_purple"].after == 1

    def test_messages_are_put_to_the_sensitive_topics(self) -> None:
        topic = {"account_security_concern": {"action": "escalate_immediately"}}
        said = "I see a suspicious login."
        heard = [Heard("message", "t-1", said, (said,)), Heard("message", "t-2", "Hi", ("Hi",))]
        found = difference(policies(), policies(sensitive_topic_handlers=topic), heard)
        assert found.newly_stopped == 1
        assert found.rules["sensitive_topic:account_security_concern"].newly_stopped == 1

    def test_examples_are_few_short_and_redacted(self) -> None:
        text = f"{'far away ' * 40} write to jane.doe@example.org about the purple one {'and so on ' * 40}"
        heard = [reply(text, said=("I am jane.doe@example.org",))] * 5
        found = difference(policies(), rule(), heard, examples=2)
        assert found.newly_stopped == 5
        assert len(found.examples) == 2
        shown = found.examples[0].text
        assert "purple" in shown
        assert "jane" not in shown
        assert len(shown) < 220

    def test_each_tickets_region_decides_unless_one_is_given(self) -> None:
        strict, plain = rule().base, policies().base
        regional = Policies(plain, {"EU": strict})
        heard = [reply("purple", region="EU"), reply("purple", region="US")]
        assert difference(policies(), regional, heard).newly_stopped == 1
        assert difference(policies(), regional, heard, region="EU").newly_stopped == 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ticket with two messages, an answer, a withheld one, a shadow's, a human's, and one that is gone."""
    data = tmp_path / "data"
    with DataFolder.open(data) as desk:

        def keep(part: str, body: str, ticket: str = "t-1") -> dict[str, str]:
            (ref,) = desk.content.put([Text("default", "c-1", ticket, part, body)])
            return {part: ref}

        def record(name: str, kind: Kind, payload: Any) -> None:
            desk.record([Event(name, kind, NOW, payload, workflow="support", region="EU")])

        def handled(name: str, handler: str, content: dict[str, str], ticket: str = "t-1") -> None:
            record(f"handling:{ticket}:{name}", Kind.HANDLING, Handled(ticket, handler, content=content))

        opening = TicketOpened("t-1", "c-1", NOW, language="en", content=keep("text", "Is it 20 EUR?"))
        record("ticket:t-1", Kind.TICKET, opening)
        handled("agent:1", "agent", keep("reply", "Yes, 20 EUR."))
        said = Said("t-1", 2, "customer", 2, content=keep("text", "And 30?"))
        record("turn:t-1:2", Kind.TURN, said)
        handled("agent:2", "agent", keep("withheld", "So purple."))
        handled("human", "human", keep("reply", "Purple."))
        shadow = Compared("t-1", "a@1", "heuristic", content=keep("shadow-reply", "It is purple."))
        record("comparison:a@1:t-1", Kind.COMPARISON, shadow)
        gone = keep("reply", "purple prose", "t-2")
        desk.content.erase(gone.values())
        handled("agent:1", "agent", gone, "t-2")
    return data


class TestTraffic:
    def test_a_folder_gives_what_customers_and_agents_said(self, folder: Path) -> None:
        heard = FromFolder(folder)
        found = [(one.source, one.text) for one in heard]
        assert found == [
            ("message", "Is it 20 EUR?"),
            ("reply", "Yes, 20 EUR."),
            ("message", "And 30?"),
            ("withheld", "So purple."),
            ("shadow-reply", "It is purple."),
        ]
        assert heard.gone == 1

    def test_replies_know_what_was_said_before_them_and_where(self, folder: Path) -> None:
        first = next(one for one in FromFolder(folder) if one.source == "reply")
        assert (first.said, first.region, first.language) == (("Is it 20 EUR?",), "EU", "en")

    def test_a_file_needs_a_column_of_replies(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("a,b\n1,2\n")
        with pytest.raises(UsageError, match="no column 'reply' or 'text'"):
            list(from_csv(tmp_path / "x.csv"))
        (tmp_path / "x.csv").write_bytes(b"reply\n\xff\n")
        with pytest.raises(UsageError, match="UTF-8"):
            list(from_csv(tmp_path / "x.csv"))


class TestCommand:
    @pytest.fixture
    def files(self, tmp_path: Path) -> tuple[Path, Path]:
        old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
        old.write_text(OLD)
        new.write_text(NEW)
        return old, new

    def test_it_counts_changed_decisions_and_exits_with_one(
        self, run: Run, files: tuple[Path, Path], folder: Path
    ) -> None:
        result = run("conduct", "diff", *files, "--data", folder, "--json")
        told = json.loads(result.stdout)
        assert result.exit_code == 1
        assert (told["newly_stopped"], told["texts_gone"]) == (2, 1)
        assert told["examined"] == {"message": 2, "reply": 1, "withheld": 1, "shadow-reply": 1}
        assert told["old"] != told["new"]
        assert run("conduct", "diff", *files, "--data", folder, "--allow", "2").exit_code == 0

    def test_it_reads_well(self, run: Run, files: tuple[Path, Path], folder: Path) -> None:
        text = run("conduct", "diff", *files, "--data", folder).stdout
        assert "2 decisions change: 2 newly stopped, 0 newly sent, 0 otherwise" in text
        assert "1 texts are gone from the store" in text
        assert "prohibited_phrase:purple" in text
        assert run("conduct", "diff", files[0], files[0], "--data", folder).stdout.endswith(
            "No decision changes.\n"
        )

    def test_one_source_is_named(self, run: Run, files: tuple[Path, Path], folder: Path) -> None:
        assert isinstance(run("conduct", "diff", *files).exception, UsageError)
        assert isinstance(
            run("conduct", "diff", *files, "--data", folder, "--csv", files[0]).exception, UsageError
        )
        assert isinstance(run("conduct", "diff", *files, "--data", folder.parent).exception, UsageError)
        assert isinstance(run("conduct", "show", files[0].parent / "gone.yaml").exception, UsageError)
        assert isinstance(run("conduct", "show", files[0], "--region", "EU").exception, UsageError)

    def test_show_and_try(self, run: Run, files: tuple[Path, Path]) -> None:
        shown = json.loads(run("conduct", "show", files[1], "--json").stdout)
        assert "prohibited_phrase:purple" in [one["code"] for one in shown["rules"]]
        assert "purple: low, rewrite [base]" in run("conduct", "show", files[1]).stdout
        assert run("conduct", "try", files[1], "All is well.").exit_code == 0
        tried = run("conduct", "try", files[1], "All is  Purple.")
        assert tried.exit_code == 1
        assert 'prohibited_phrase:purple (low, rewrite): "Purple"' in tried.stdout
