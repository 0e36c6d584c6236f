"""Reading a forum export: what the rows really mean."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rollout.errors import UsageError
from rollout.trials.desk_export import DeskExport, cited_articles, first_answer, read_export
from rollout.trials.human_path import human_answer, resolution

EXPORT = Path(__file__).parent.parent / "data" / "desk_export"


@pytest.fixture(scope="module")
def export() -> DeskExport:
    return read_export(EXPORT, "thunderbird")


def thread(export: DeskExport, ticket_id: str):
    return next(one for one in export.threads if one.ticket.ticket_id == ticket_id)


def test_offsets_are_put_right_so_that_the_order_is_that_of_time(export: DeskExport) -> None:
    assert thread(export, "t02").ticket.opened_at == datetime(2025, 1, 6, 9, 30, tzinfo=UTC)
    assert thread(export, "t04").ticket.opened_at == datetime(2025, 1, 7, 17, tzinfo=UTC)
    opened = [one.ticket.opened_at for one in export.threads]
    assert opened == sorted(opened)
    assert [one.ticket.ticket_id for one in export.threads[:3]] == ["t01", "t03", "t02"]


def test_an_empty_solved_mark_is_unknown_and_not_false(export: DeskExport) -> None:
    assert thread(export, "t03").solved is None
    assert thread(export, "t04").solved is False
    assert thread(export, "t01").solved is True


def test_spam_and_deleted_accounts_are_excluded_by_rule(export: DeskExport) -> None:
    excluded = {one.ticket.ticket_id: one.excluded for one in export.threads if one.excluded}
    assert excluded == {"t06": "spam", "t07": "deleted_account"}


def test_a_reply_from_before_its_question_is_no_answer(export: DeskExport) -> None:
    assert [message.text[:4] for message in thread(export, "t02").messages] == ["Open"]


def test_every_row_that_was_not_taken_is_counted(export: DeskExport) -> None:
    assert export.notes == {
        "replies from before their question, ignored": 1,
        "replies marked as spam, ignored": 1,
        "replies to tickets that are not in the export, ignored": 1,
        "tickets without a solved mark (unknown, not unsolved)": 1,
    }


def test_the_language_is_the_locale_and_the_topic_is_the_issue(export: DeskExport) -> None:
    found = thread(export, "t05").ticket
    assert (found.language, found.issue_key, found.category) == ("de", "drucken", None)


def test_citations_are_those_of_the_desk(export: DeskExport) -> None:
    assert cited_articles(thread(export, "t02")) == {"print-quality", "unknown-article"}
    assert cited_articles(thread(export, "t03")) == frozenset()


def test_the_first_answer_ends_where_the_customer_speaks_again(export: DeskExport) -> None:
    assert [message.text for message in first_answer(thread(export, "t04"))] == ["Which order is it?"]
    assert human_answer(thread(export, "t03")) is None
    assert human_answer(thread(export, "t08")).escalated is True
    assert human_answer(thread(export, "t11")).escalated is False


@pytest.mark.parametrize(
    ("ticket_id", "expected"),
    [
        ("t01", (datetime(2025, 1, 6, 10, tzinfo=UTC), "confirmed", "marked-solved")),  # at the marked reply
        ("t02", (datetime(2025, 1, 6, 11, tzinfo=UTC), "confirmed", "marked-solved")),  # at the last word
        ("t12", (datetime(2025, 1, 20, 10, tzinfo=UTC), "assumed", "silence")),
        ("t03", None),  # nobody answered
        ("t04", None),  # the customer had the last word
    ],
)
def test_how_a_thread_ended(export: DeskExport, ticket_id: str, expected) -> None:
    assert resolution(thread(export, ticket_id), export.until) == expected


def test_silence_is_only_silence_once_it_lasted(export: DeskExport) -> None:
    assert resolution(thread(export, "t12"), datetime(2025, 1, 22, tzinfo=UTC)) is None


def test_undated_articles_get_the_date_somebody_knows(export: DeskExport) -> None:
    dated = read_export(EXPORT, "thunderbird", knowledge_date=datetime(2024, 7, 4, tzinfo=UTC))
    assert {article.updated_at for article in export.articles} == {None}
    assert {article.updated_at for article in dated.articles} == {datetime(2024, 7, 4, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        ("tickets.csv", "is_solved", "solved", r"tickets\.csv:1: no column is_solved"),
        ("tickets.csv", "true,r02", "yes,r02", r"tickets\.csv:2: 'yes' is not true, false or empty"),
        ("tickets.csv", "2025-01-06 09:00:00 +0000", "Monday", r"tickets\.csv:2: 'Monday' is not a time"),
        ("replies.csv", "author_role", "role", r"replies\.csv:1: no column author_role"),
        ("kb.csv", "slug", "id_of_it", "no column slug"),
    ],
)
def test_a_changed_format_is_named_with_its_place(tmp_path: Path, file, before, after, says) -> None:
    folder = tmp_path / "export"
    shutil.copytree(EXPORT, folder)
    text = (folder / file).read_text(encoding="utf-8-sig")
    (folder / file).write_text(text.replace(before, after, 1))
    with pytest.raises(UsageError, match=says):
        read_export(folder, "thunderbird")


def test_a_folder_or_format_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        read_export(tmp_path / "nowhere", "thunderbird")
    with pytest.raises(UsageError, match=r"tickets\.csv|replies\.csv"):
        read_export(tmp_path, "thunderbird")
    with pytest.raises(UsageError, match="there are: thunderbird"):
        read_export(tmp_path, "zendesk-dump")
