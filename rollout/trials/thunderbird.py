"""Adapter for exports of the Thunderbird support forum: tickets.csv, replies.csv, kb.csv.

What the columns mean is in docs/replay.md. Three rules matter: an empty flag is unknown and not
false, a deleted account is not a customer, and a reply from before its question is not an answer.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import re2

from agents.contract import Ticket
from agents.knowledge import KnowledgeError, load
from rollout.errors import UsageError
from rollout.trials.desk_export import DeskExport, Message, Thread

WORKFLOW: Final = "thunderbird-replay"
DELETED: Final = frozenset({"sumobot"})
"""The forum's stand-in for accounts that were deleted: many people under one name."""

_TICKETS: Final = (
    "ticket_id created_at locale topic subject description requester is_solved solution_reply_id is_spam"
)
_REPLIES: Final = "reply_id ticket_id created_at author author_role body kb_slugs_cited is_spam"
_TIMES: Final = ("%Y-%m-%d %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z")
_ELSEWHERE: Final = re2.compile(
    r"(?i)\b(?:bugzilla|file an? bug|report (?:it|this) as an? bug"
    r"|(?:contact|ask|call|talk to) (?:your|the) (?:e?-?mail |internet )?(?:provider|isp|host|admin\w*))\b"
)

Row = Mapping[str, str]


def read(folder: Path, *, knowledge_date: datetime | None) -> DeskExport:
    """Read a forum export; see ``Adapter``."""
    notes: Counter[str] = Counter()
    replies: defaultdict[str, list[tuple[Row, str]]] = defaultdict(list)
    for row, place in _rows(folder / "replies.csv", _REPLIES.split()):
        replies[row["ticket_id"]].append((row, place))
    threads: list[Thread] = []
    seen: set[str] = set()
    for row, place in _rows(folder / "tickets.csv", _TICKETS.split()):
        if row["ticket_id"] in seen:
            notes["ticket rows that repeat an id, ignored"] += 1
            continue
        seen.add(row["ticket_id"])
        threads.append(_thread(row, place, replies.pop(row["ticket_id"], []), notes))
    if not threads:
        raise UsageError(f"{folder / 'tickets.csv'}: no tickets below the header; is the export empty?")
    orphans = sum(map(len, replies.values()))
    if orphans:
        notes["replies to tickets that are not in the export, ignored"] += orphans
    try:
        articles = load(folder / "kb.csv", columns={"id": "slug"}, updated_at=knowledge_date)
    except KnowledgeError as error:
        raise UsageError(str(error)) from error
    threads.sort(key=lambda thread: (thread.ticket.opened_at, thread.ticket.ticket_id))
    moments = [thread.ticket.opened_at for thread in threads]
    moments += [message.at for thread in threads for message in thread.messages]
    return DeskExport(WORKFLOW, tuple(threads), articles, max(moments), notes)


def _rows(file: Path, columns: list[str]) -> Iterator[tuple[Row, str]]:
    if not file.is_file():
        raise UsageError(
            f"{file}: no such file; a Thunderbird export has tickets.csv, replies.csv and kb.csv"
        )
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, restval="")
        missing = sorted(set(columns) - set(reader.fieldnames or ()))
        if missing:
            raise UsageError(f"{file}:1: no column {', '.join(missing)}; the export's format has changed")
        try:
            for row in reader:
                yield row, f"{file}:{reader.line_num}"
        except csv.Error as error:
            raise UsageError(f"{file}:{reader.line_num}: {error}; export the file again") from error


def _thread(row: Row, place: str, replies: list[tuple[Row, str]], notes: Counter[str]) -> Thread:
    opened_at = _moment(row["created_at"], place)
    requester = row["requester"].strip()
    ticket = Ticket(
        ticket_id=row["ticket_id"],
        customer_id=requester,
        opened_at=opened_at,
        workflow=WORKFLOW,
        subject=row["subject"],
        text=row["description"],
        channel="forum",
        language=row["locale"].strip() or None,
        issue_key=row["topic"].strip() or None,
    )
    messages: list[Message] = []
    solved_at: datetime | None = None
    for reply, where in replies:
        at = _moment(reply["created_at"], where)
        if reply["reply_id"] and reply["reply_id"] == row["solution_reply_id"]:
            solved_at = max(at, opened_at)
        if at < opened_at:
            notes["replies from before their question, ignored"] += 1
        elif _flag(reply["is_spam"], where):
            notes["replies marked as spam, ignored"] += 1
        else:
            messages.append(_message(reply, at))
    solved = _flag(row["is_solved"], place)
    if solved is None:
        notes["tickets without a solved mark (unknown, not unsolved)"] += 1
    spam = _flag(row["is_spam"], place)
    if spam is None:
        notes["tickets without a spam mark (kept)"] += 1
    return Thread(
        ticket=ticket,
        messages=tuple(sorted(messages, key=lambda message: message.at)),
        solved=solved,
        solved_at=solved_at if solved else None,
        excluded=_excluded(requester, spam),
    )


def _excluded(requester: str, spam: bool | None) -> str | None:
    if not requester or requester.lower() in DELETED:
        return "deleted_account"
    return "spam" if spam else None


def _message(reply: Row, at: datetime) -> Message:
    slugs = frozenset(slug.strip() for slug in reply["kb_slugs_cited"].split(";") if slug.strip())
    by_desk = reply["author_role"].strip().lower() == "agent"
    return Message(
        at, by_desk, reply["body"], slugs, refers_elsewhere=bool(by_desk and _ELSEWHERE.search(reply["body"]))
    )


def _flag(value: str, place: str) -> bool | None:
    text = value.strip().lower()
    if text not in {"", "true", "false"}:
        raise UsageError(f"{place}: {value!r} is not true, false or empty")
    return None if not text else text == "true"


def _moment(value: str, place: str) -> datetime:
    """A moment in UTC; rows of one export carry different offsets, and an absent one is UTC."""
    text = value.strip()
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).astimezone(UTC)
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{place}: {value!r} is not a time such as 2025-03-01 00:36:36 +0000") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
