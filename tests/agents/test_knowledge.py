from datetime import UTC, datetime, timedelta
from math import log, sqrt
from pathlib import Path

import pytest
from agent_cases import ARTICLES, NOW, knowledge, ticket, turns
from hypothesis import given
from hypothesis import strategies as st

from agents.knowledge import Article, KnowledgeBase, KnowledgeError, load
from agents.knowledge.passages import MAX_WORDS, passages
from agents.roles.knowledge import Findings, consult
from agents.text import terms, words

WORDS = ["printer", "password", "wifi", "streak", "plan", "month", "link", "menu", "page", "zebra"]
questions = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12)


class TestFolder:
    def test_front_matter_is_optional_and_its_fields_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "a.md").write_text(
            "---\nid: a1\ntitle: The title\nupdated_at: 2025-01-02\ntopics: [Pricing, plans]\nurl: https://x/a\n---\nBody."
        )
        (tmp_path / "b.txt").write_text("\ufeffOnly a body of text.", encoding="utf-8")
        (tmp_path / "ignored.png").write_bytes(b"\x89PNG")
        b, a = load(tmp_path)
        assert b == Article("b", "b", "Only a body of text.")
        assert a == Article(
            "a1", "The title", "Body.", datetime(2025, 1, 2, tzinfo=UTC), ("pricing", "plans"), "https://x/a"
        )

    def test_the_age_of_a_file_is_not_the_age_of_its_content(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text("# Heading\n\nText")
        (article,) = load(tmp_path)
        assert article.updated_at is None
        assert article.title == "Heading"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("---\ntitel: x\n---\nBody", ":2: 'titel: x'"),
            ("---\ntitle: x\nBody", "not closed"),
            ("---\nupdated_at: yesterday\n---\nBody", "'yesterday' is not a date"),
        ],
    )
    def test_a_mistake_is_named_with_its_place(self, tmp_path: Path, text: str, says: str) -> None:
        (tmp_path / "a.md").write_text(text)
        with pytest.raises(KnowledgeError, match=r"a\.md") as caught:
            load(tmp_path)
        assert says in str(caught.value)

    def test_nothing_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(KnowledgeError, match="no articles"):
            load(tmp_path)
        with pytest.raises(KnowledgeError, match="no such folder"):
            load(tmp_path / "nowhere")


class TestTable:
    def test_columns_are_mapped_and_undated_rows_get_the_date_of_the_snapshot(self, tmp_path: Path) -> None:
        path = tmp_path / "kb.csv"
        path.write_text(
            '\ufeffslug,title,body,changed\na,"A, quoted","two\nlines",2025-01-02T03:00:00+02:00\nb,,text,\n'
        )
        snapshot = datetime(2024, 7, 4, tzinfo=UTC)
        a, b = load(path, columns={"id": "slug", "updated_at": "changed"}, updated_at=snapshot)
        assert (a.title, a.body, a.updated_at) == (
            "A, quoted",
            "two\nlines",
            datetime(2025, 1, 2, 1, tzinfo=UTC),
        )
        assert (b.title, b.updated_at) == ("b", snapshot)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("slug,title\na,b\n", "no column body, id"),
            ("id,title,body\na,t,x\na,t,y\n", "two articles have the id 'a'"),
            ("id,title,body\na,t,\n", ":2: an article needs"),
            ("id,title,body\n", "no articles"),
        ],
    )
    def test_a_table_that_cannot_be_read_says_why(self, tmp_path: Path, text: str, says: str) -> None:
        path = tmp_path / "kb.csv"
        path.write_text(text)
        with pytest.raises(KnowledgeError) as caught:
            load(path)
        assert says in str(caught.value)


class TestPassages:
    def test_markup_goes_and_what_it_marked_stays(self) -> None:
        body = (
            "Intro **bold** and [a link](https://x/y) to read.\n\n- [Contents](#a)\n- [More](#b)\n\n"
            "# Head &amp; *tail*\n\n1. Press <kbd>Ctrl</kbd> and choose _Print_ twice.\n![alt](https://x/i.png)"
        )
        first, second = passages(Article("a", "A", body))
        assert first.text == "Intro bold and a link to read."
        assert (second.heading, second.text) == ("Head & *tail*", "Press Ctrl and choose Print twice.")

    def test_passages_are_short_and_lose_no_sentence(self) -> None:
        body = "\n\n".join(f"Sentence number {n} says something about printers." for n in range(200))
        found = list(passages(Article("a", "A", body)))
        assert all(len(words(passage.text)) <= MAX_WORDS for passage in found)
        assert "\n".join(passage.text for passage in found).count("Sentence number") == 200

    def test_an_article_without_prose_is_still_found_by_its_title(self) -> None:
        assert [passage.text for passage in passages(Article("a", "Only a title", "![x](y)"))] == [
            "Only a title"
        ]


class TestSearch:
    def test_the_article_about_the_question_comes_first(self) -> None:
        base = knowledge()
        for text, expected in (
            ("I forgot my password", "reset-password"),
            ("what does the family plan cost", "prices"),
            ("streaks from the print head", "print-head"),
        ):
            assert base.search(terms(text), at=NOW)[0].source_id == expected

    def test_nothing_in_common_finds_nothing(self) -> None:
        assert knowledge().search(terms("volcano eruption"), at=NOW) == ()
        assert knowledge().search([], at=NOW) == ()

    @given(questions)
    def test_relevance_is_a_share_and_falls_from_first_to_last(self, question: list[str]) -> None:
        found = knowledge().search(question, at=NOW, limit=10)
        relevance = [source.relevance for source in found]
        assert all(0 < value < 1 for value in relevance)
        assert relevance == sorted(relevance, reverse=True)

    def test_saying_everything_twice_counts_as_the_square_root_of_two(self) -> None:
        """The score doubles and the scale grows with the root, as the formula of ``search`` says."""
        once, twice = (knowledge().search(["password", "forgot"] * n, at=NOW)[0].relevance for n in (1, 2))
        assert log(1 - twice) == pytest.approx(sqrt(2) * log(1 - once))

    def test_a_rambling_question_is_less_relevant_than_its_core(self) -> None:
        base = knowledge()
        core = base.search(["password", "forgot"], at=NOW)[0].relevance
        rambling = base.search(["password", "forgot", *["zebra", "yacht", "xylophone"] * 5], at=NOW)[
            0
        ].relevance
        assert rambling < core / 1.5

    def test_at_most_one_passage_of_an_article_unless_asked_for_more(self) -> None:
        body = "\n\n".join(
            f"# Part {n}\n\nThe printer prints page {n} of the manual for the printer." for n in range(4)
        )
        base = KnowledgeBase([Article("manual", "Manual", body), *ARTICLES])
        question = ["printer", "manual"]
        assert [s.source_id for s in base.search(question, at=NOW)].count("manual") == 1
        assert [s.source_id for s in base.search(question, at=NOW, per_article=3)].count("manual") == 3

    def test_ages_count_to_the_moment_asked_and_unknown_stays_unknown(self) -> None:
        base = knowledge()
        (prices, *_) = base.search(["plan", "month"], at=NOW)
        assert prices.age_days == pytest.approx(365.5)
        (humming, *_) = base.search(["humming"], at=NOW)
        assert humming.age_days is None

    @pytest.mark.parametrize(
        ("topics", "days", "stale"),
        [
            (("pricing",), 91, True),
            (("pricing",), 90, False),
            (("printing",), 5000, False),
            (("policy",), 100, True),
        ],
    )
    def test_stale_is_old_and_about_something_that_changes(self, topics, days: int, stale: bool) -> None:
        article = Article("a", "Streaks", "A long text about streaks.", NOW - timedelta(days=days), topics)
        (found, *_) = KnowledgeBase([article]).search(["streak"], at=NOW)
        assert found.stale is stale

    def test_unknown_age_is_never_stale(self) -> None:
        (found, *_) = KnowledgeBase([Article("a", "Prices", "The prices of it.", None, ("pricing",))]).search(
            ["price"], at=NOW
        )
        assert not found.stale

    def test_the_digest_tells_contents_apart_and_not_their_order(self) -> None:
        changed = Article("undated", "Humming power supply", "It is harmless.")
        assert KnowledgeBase(ARTICLES[::-1]).digest == knowledge().digest
        assert KnowledgeBase([*ARTICLES[:-1], changed]).digest != knowledge().digest


class TestConsult:
    def test_the_newest_question_is_searched_for(self) -> None:
        asked = ticket(
            "I forgot my password", turns=turns("streaks on paper", "ok", "what does the family plan cost?")
        )
        assert consult(knowledge(), asked).sources[0].source_id == "prices"

    def test_the_worst_of_what_was_found_is_kept(self) -> None:
        found = consult(knowledge(), ticket("password printer plan month humming streaks menu"))
        ages = [source.age_days for source in found.sources if source.age_days is not None]
        assert found.max_age_days == max(ages)
        assert found.min_relevance == found.sources[-1].relevance < found.confidence
        assert found.stale == ("prices",)

    def test_nothing_found_is_no_confidence(self) -> None:
        assert (Findings(()).confidence, Findings(()).min_relevance, Findings(()).max_age_days) == (
            0,
            0,
            None,
        )
