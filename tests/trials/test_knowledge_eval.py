"""A knowledge evaluation counts what people cited, beside rivals that read nothing, and names no ticket."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from agents.contract import Ticket
from agents.knowledge import Article
from rollout.trials.desk_export import DeskExport, Message, Thread, read_export
from rollout.trials.knowledge_eval import KnowledgeEval, Rate, evaluate
from rollout.trials.knowledge_eval_page import drawing, page

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2025, 1, 1, tzinfo=UTC)
ARTICLES = (
    Article(
        "printer", "Clean the printer head", "Open the maintenance menu of the printer and start cleaning."
    ),
    Article("password", "Choose a new password", "Open the sign in page and choose a new password there."),
)


def thread(number: int, text: str, *cited: str, excluded: str | None = None) -> Thread:
    at = START + timedelta(days=number)
    ticket = Ticket(f"t{number}", f"c{number}", at, "w", text=text, language="en")
    answer = Message(at + timedelta(hours=1), by_desk=True, text="See there.", cited=frozenset(cited))
    return Thread(ticket, (answer,), None, excluded=excluded)


def desk(*threads: Thread) -> DeskExport:
    return DeskExport("a desk", threads, ARTICLES, threads[-1].messages[-1].at)


PRINTER = "How do I clean the head of my printer? There are streaks."
PASSWORD = "How do I choose a new password? I forgot the one I had."


def test_search_is_held_against_what_people_had_cited_until_then() -> None:
    found = evaluate(
        desk(
            thread(0, PASSWORD, "password"),
            thread(1, PASSWORD, "password"),
            thread(2, PRINTER, "printer"),
            thread(3, PRINTER, "an-article-nobody-has"),
            thread(4, PRINTER, "printer", excluded="spam"),
        )
    )
    one = found.hits[0]
    assert (found.tickets, found.cited) == (4, 3)
    assert (one.search.hits, one.search.n) == (3, 3)
    # The first ticket has no past; the second finds the first's article; the third wants another one.
    assert one.most_cited.hits == 1
    assert one.hindsight.hits == 2
    assert (one.only_search, one.only_most_cited) == (2, 0)


def test_a_citation_after_the_ticket_was_opened_is_not_known_to_it() -> None:
    late = thread(0, PASSWORD, "password")
    answer = Message(START + timedelta(days=9), by_desk=True, text="See.", cited=frozenset({"password"}))
    slow = Thread(late.ticket, (answer,), None)
    found = evaluate(desk(slow, thread(1, PASSWORD, "password")))
    assert found.hits[0].most_cited.hits == 0


@pytest.fixture(scope="module")
def found() -> KnowledgeEval:
    return evaluate(read_export(Path(__file__).parent.parent / "data" / "desk_export", "thunderbird"))


def test_the_curve_only_falls_and_everything_adds_up(found: KnowledgeEval) -> None:
    covered = [point.coverage.hits for point in found.curve]
    assert covered == sorted(covered, reverse=True)
    assert found.answered.hits + sum(found.reasons.values()) == found.sample == found.tickets
    assert found.abstained <= sum(found.reasons.values())
    assert [one.search.hits for one in found.hits] == sorted(one.search.hits for one in found.hits)


def test_a_sample_is_the_same_every_time(found: KnowledgeEval) -> None:
    export = read_export(Path(__file__).parent.parent / "data" / "desk_export", "thunderbird")
    one, other = (evaluate(export, sample=4) for _ in range(2))
    assert one == other
    assert (one.sample, one.hits) == (4, found.hits)


def test_the_page_and_the_picture_hold_figures_and_nobodys_words(found: KnowledgeEval) -> None:
    text, svg = page(found, "x.svg"), drawing(found)
    ET.fromstring(svg)
    for one in read_export(Path(__file__).parent.parent / "data" / "desk_export", "thunderbird").threads:
        assert one.ticket.subject not in text
        assert one.ticket.text not in text
    assert "nan%" not in f"{text}{svg}".lower()


def test_no_tickets_are_no_rate() -> None:
    assert Rate.of(0, 0) == Rate(0, 0, None, None, None)


@pytest.mark.shared_data
@pytest.mark.slow
def test_the_published_figures_are_those_of_the_forum(shared_data: Path) -> None:
    """The searches, which take seconds; the page says what the answers came to."""
    found = evaluate(read_export(shared_data / "thunderbird", "thunderbird"), sample=1)
    published = (ROOT / "docs" / "knowledge-eval.md").read_text()
    for one in found.hits:
        row = re.search(rf"^\| {one.rank} \| ([\d.]+)% .*?\| ([\d.]+)% ", published, re.MULTILINE)
        assert row is not None
        assert row.groups() == (f"{one.search.value:.1%}"[:-1], f"{one.most_cited.value:.1%}"[:-1])
