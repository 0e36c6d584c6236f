"""The data folder: the journal, the texts and the view, opened together by the one who owns them.

    DATA/journal/   the truth           DATA/owner.lock   who may append
    DATA/content.sqlite   the texts
    DATA/view.duckdb   the projection   DATA/view.lock    who may build it

The locks are two because in ``serve`` the router owns the journal and the analyst the view.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

from rollout.clock import Clock, SystemClock
from rollout.errors import RecordError, UsageError
from rollout.record.content import ContentStore
from rollout.record.journal import Journal, Receipt
from rollout.record.lock import OwnerLock
from rollout.record.segments import JournalReader
from rollout.records import Event, Record

if TYPE_CHECKING:
    from rollout.record.view import View

Part = Literal["journal", "view"]
BOTH: Final[tuple[Part, ...]] = ("journal", "view")
_MICRO_BATCH: Final = 10_000


class DataFolder:
    """Everything that is recorded, in one folder. Made by ``open``; a context manager."""

    def __init__(self, path: Path, reader: JournalReader, content: ContentStore) -> None:
        self.path = path
        self.reader = reader
        self.content = content
        self._journal: Journal | None = None
        self._view: View | None = None
        self._resources = ExitStack()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock | None = None,
        holder: str = "cli",
        url: str | None = None,
        parts: Collection[Part] = BOTH,
        create: bool = True,
    ) -> Self:
        """Take the locks of the parts and open them; the texts can always be read.

        Raises:
            FolderInUse: another process owns one of the parts.
            UsageError: there is no such folder, and ``create`` is off.
            JournalCorrupt: acknowledged records are damaged or missing.

        """
        if not create and not (path / "journal").is_dir():
            raise UsageError(
                f"{path} is no data folder; `ridealong import` or `ridealong demo` makes one,"
                " --data names another"
            )
        path.mkdir(parents=True, exist_ok=True)
        clock = clock or SystemClock()
        with ExitStack() as stack:
            for part, name in (("journal", "owner.lock"), ("view", "view.lock")):
                if part in parts:
                    stack.enter_context(OwnerLock(path / name, holder=holder, url=url, clock=clock))
            content = stack.enter_context(ContentStore(path / "content.sqlite", clock=clock))
            folder = cls(path, JournalReader(path / "journal"), content)
            if "journal" in parts:
                folder._journal = stack.enter_context(Journal(path / "journal", clock=clock))
            if "view" in parts:
                folder._open_view()
            folder._resources = stack.pop_all()
        return folder

    @property
    def journal(self) -> Journal:
        if self._journal is None:
            raise RecordError(f"{self.path} was opened without its journal; only the owner appends")
        return self._journal

    @property
    def view(self) -> "View":
        if self._view is None:
            raise RecordError(f"{self.path} was opened without its view")
        return self._view

    def record(self, events: Sequence[Event]) -> list[Receipt]:
        """Append events to the journal; durable on return. See ``Journal.append`` for the errors."""
        return self.journal.append(events)

    def read(self, after: int = 0) -> Iterator[Record]:
        """Yield the durable records after a number, whoever owns the journal."""
        return self._journal.read(after) if self._journal else self.reader.read(after)

    def catch_up(self) -> int:
        """Apply what the view does not know yet, in micro-batches; return how many events."""
        applied = 0
        records = self.read(self.view.position)
        while batch := list(islice(records, _MICRO_BATCH)):
            applied += self.view.apply(batch)
        self.view.refresh()
        return applied

    def close(self) -> None:
        if self._view is not None:
            self._view.close()
            self._view = None
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_view(self) -> None:
        from rollout.record.view import View

        self._view = View(self.path / "view.duckdb")
