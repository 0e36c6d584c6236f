"""What customers and agents said, out of a data folder or a CSV file, one text at a time."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rollout.errors import UsageError
from rollout.record.content import ContentStore
from rollout.record.reader import JournalReader
from rollout.records import Kind, Record

REPLIES: Final = ("reply", "withheld", "draft", "shadow-reply")
"""Parts that an agent wrote: what customers got, what was held back, drafts for people, shadows."""
MESSAGE: Final = "message"
_COLUMNS: Final = "reply (or text), and if you have them customer, grounds, region, language, ticket_id"


@dataclass(frozen=True, slots=True)
class Heard:
    """One text. Of a reply, ``said`` is what the customer had said by then; of a message, that and itself."""

    source: str
    """A member of ``REPLIES``, or ``message``."""
    ticket_id: str
    text: str
    said: tuple[str, ...] = ()
    grounds: tuple[str, ...] = ()
    region: str | None = None
    language: str | None = None


@dataclass(slots=True)
class _Ticket:
    region: str | None
    language: str | None
    refs: list[str]


Progress = Callable[[int], None]


class FromFolder:
    """The texts of a data folder, in the order of the record. Runs beside a live system.

    ``gone`` counts texts that the record names and the store no longer has: erased or expired.
    """

    def __init__(self, data: Path, progress: Progress = lambda _: None) -> None:
        if not (data / "content.sqlite").exists():
            raise UsageError(f"{data}: there is no data folder with texts here; name one with --data")
        self._data = data
        self._progress = progress
        self.gone = 0

    def __iter__(self) -> Iterator[Heard]:
        tickets: dict[tuple[str, str], _Ticket] = {}
        with ContentStore(self._data / "content.sqlite") as content:
            for record in JournalReader(self._data / "journal").read():
                yield from self._of(record, tickets, content)
                self._progress(record.seq)

    def _of(
        self, record: Record, tickets: dict[tuple[str, str], _Ticket], content: ContentStore
    ) -> Iterator[Heard]:
        told, refs = record.payload, dict(record.payload.get("content") or {})
        ticket_id = told.get("ticket_id")
        if record.erased or ticket_id is None or not refs:
            return
        key = (record.tenant, str(ticket_id))
        if record.kind in (Kind.TICKET, Kind.HISTORY):
            opening = [refs[part] for part in ("subject", "text") if part in refs]
            tickets[key] = _Ticket(record.region or told.get("region"), told.get("language"), opening)
            yield from self._heard(MESSAGE, key, None, tickets, content)
        elif record.kind == Kind.TURN and told.get("author") == "customer" and key in tickets:
            tickets[key].refs += [ref for part, ref in refs.items() if part in ("text", "turn")]
            yield from self._heard(MESSAGE, key, None, tickets, content)
        elif record.kind != Kind.TURN and told.get("handler", "agent") == "agent":
            for part in REPLIES:
                if part in refs:
                    yield from self._heard(part, key, refs[part], tickets, content)

    def _heard(
        self,
        source: str,
        key: tuple[str, str],
        ref: str | None,
        tickets: Mapping[tuple[str, str], _Ticket],
        content: ContentStore,
    ) -> Iterator[Heard]:
        ticket = tickets.get(key) or _Ticket(None, None, [])
        said = tuple(text for text in map(content.get, ticket.refs) if text)
        text = (said[-1] if said else None) if ref is None else content.get(ref)
        if text is None:
            self.gone += 1
            return
        yield Heard(source, key[1], text, said, (), ticket.region, ticket.language)


def from_csv(path: Path) -> Iterator[Heard]:
    """The texts of a CSV file with a header: each row one reply, with the customer's words if given.

    Raises:
        UsageError: it cannot be read, or has no column of replies.

    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            column = next((name for name in ("reply", "text") if name in (rows.fieldnames or ())), None)
            if column is None:
                raise UsageError(f"{path}: no column 'reply' or 'text'; the columns are {_COLUMNS}")
            for number, row in enumerate(rows, start=2):
                yield from _of_row(row, column, number)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as CSV in UTF-8: {error}") from error


def _of_row(row: Mapping[str, Any], column: str, number: int) -> Iterator[Heard]:
    given = {name: (row.get(name) or "").strip() for name in ("customer", "grounds", "region", "language")}
    ticket_id = (row.get("ticket_id") or "").strip() or f"line {number}"
    said = (given["customer"],) if given["customer"] else ()
    where = {"region": given["region"] or None, "language": given["language"] or None}
    if said:
        yield Heard(MESSAGE, ticket_id, given["customer"], said, (), **where)
    if (row[column] or "").strip():
        grounds = (given["grounds"],) if given["grounds"] else ()
        yield Heard("reply", ticket_id, row[column], said, grounds, **where)
