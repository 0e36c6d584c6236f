"""The data folder: the journal, the texts and the view, opened together by the one who owns them.

    DATA/journal/   the truth           DATA/owner.lock   who may append
    DATA/content.sqlite   the texts
    DATA/view.duckdb   the projection   DATA/view.lock    who may build it

The locks are two because in ``serve`` the router owns the journal and the analyst the view.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal, Self

from rollout.clock import Clock, SystemClock
from rollout.errors import RecordError, UsageError
from rollout.record import erasure
from rollout.record.content import ContentStore
from rollout.record.journal import Journal, Receipt
from rollout.record.lock import OwnerLock
from rollout.record.reader import JournalReader
from rollout.record.segments import Head
from rollout.records import Event, Kind, Record

if TYPE_CHECKING:
    from rollout.record.view import View

Part = Literal["journal", "view"]
BOTH: Final[tuple[Part, ...]] = ("journal", "view")
_MICRO_BATCH: Final = 10_000
_VIEW: Final = "view.duckdb"
RESTORING: Final = "restoring"
"""Stands in a folder while a backup is copied into it: what is there is not all of it."""

_log = logging.getLogger(__name__)


def _quietly(position: int) -> None:
    """Report no progress."""


def refuse_half_restored(path: Path) -> None:
    """Refuse a folder into which a backup was not wholly copied.

    Raises:
        UsageError: it is one.

    """
    if (path / RESTORING).exists():
        raise UsageError(
            f"{path} is half restored: a restore into it is under way or was interrupted; run"
            f" `ridealong restore BACKUP --data {path}` again"
        )


class DataFolder:
    """Everything that is recorded, in one folder. Made by ``open``; a context manager."""

    def __init__(self, path: Path, parts: tuple[Part, ...], clock: Clock) -> None:
        self.path = path
        self.reader = JournalReader(path / "journal")
        self.content: ContentStore
        self._parts = frozenset(parts)
        self._clock = clock
        self._journal: Journal | None = None
        self._view: View | None = None
        self._opening_view = Lock()
        self._resources = ExitStack()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock | None = None,
        holder: str = "cli",
        url: str | None = None,
        parts: tuple[Part, ...] = BOTH,
        create: bool = True,
    ) -> Self:
        """Take the locks of the parts and open them; the texts can always be read.

        Raises:
            FolderInUse: another process owns one of the parts.
            UsageError: there is no such folder, and ``create`` is off; or it is half restored.
            JournalCorrupt: acknowledged records are damaged or missing.

        """
        if not create and not (path / "journal").is_dir():
            raise UsageError(
                f"{path} is no data folder; `ridealong import` or `ridealong demo` makes one,"
                " --data names another"
            )
        refuse_half_restored(path)
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
        clock = clock or SystemClock()
        with ExitStack() as stack:
            for part, name in (("journal", "owner.lock"), ("view", "view.lock")):
                if part in parts:
                    stack.enter_context(OwnerLock(path / name, holder=holder, url=url, clock=clock))
            folder = cls(path, parts, clock)
            folder.content = stack.enter_context(ContentStore(path / "content.sqlite", clock=clock))
            if "journal" in parts:
                folder._journal = stack.enter_context(Journal(path / "journal", clock=clock))
                erasure.finish(folder._journal, folder.content)
            folder._resources = stack.pop_all()
        return folder

    @property
    def journal(self) -> Journal:
        if self._journal is None:
            raise RecordError(f"{self.path} was opened without its journal; only the owner appends")
        return self._journal

    @property
    def view(self) -> "View":
        """The projection, opened when it is first asked for."""
        with self._opening_view:
            if self._view is None:
                self._view = self._opened_view()
            return self._view

    def _opened_view(self) -> "View":
        if "view" not in self._parts:
            raise RecordError(f"{self.path} was opened without its view")
        from rollout.record.view import View
        from rollout.record.viewdamage import ViewDamaged

        head = self.head()
        try:
            view = View(self.path / _VIEW)
        except ViewDamaged as damage:
            # Not kept: it holds nothing that the journal does not, and would hold whoever is forgotten later.
            _log.warning("%s (which is done now)", damage)
            self._delete_view()
            view = View(self.path / _VIEW)
        if view.position > head.seq:
            _log.warning(
                "the view is at record %d, the journal ends at %d: the view is built anew",
                view.position,
                head.seq,
            )
            view.close()
            self._delete_view()
            view = View(self.path / _VIEW)
        return view

    def record(self, events: Sequence[Event]) -> list[Receipt]:
        """Append events to the journal; durable on return. See ``Journal.append`` for the errors."""
        return self.journal.append(events)

    def read(self, after: int = 0) -> Iterator[Record]:
        """Yield the durable records after a number, whoever owns the journal."""
        return self._journal.read(after) if self._journal else self.reader.read(after)

    def head(self) -> Head:
        """Return the newest durable record's number and hash, whoever owns the journal."""
        return self._journal.head() if self._journal else self.reader.head()

    def catch_up(self, progress: Callable[[int], None] = _quietly) -> int:
        """Apply what the view does not know yet, in micro-batches; return how many events.

        ``progress`` is told the position after each batch.
        """
        applied, view = 0, self.view
        if view.damaged:
            _log.warning("the view was found damaged when it was read; it is built anew")
            view.start_over()
        records = self.read(view.position)
        while batch := list(islice(records, _MICRO_BATCH)):
            start = 0
            for end, record in enumerate(batch):
                if record.kind == Kind.ERASURE:
                    # Before the erasure itself: a crash in between then repeats it.
                    applied += view.apply(batch[start:end])
                    erasure.forget_in_view(view, record)
                    start = end
            applied += view.apply(batch[start:])
            progress(view.position)
        view.refresh()
        return applied

    def rebuild(self, progress: Callable[[int], None] = _quietly) -> int:
        """Delete the view and build it again from the journal; return how many events it holds."""
        if "view" not in self._parts:
            raise RecordError(f"{self.path} was opened without its view")
        with self._opening_view:
            if self._view is not None:
                self._view.close()
                self._view = None
            self._delete_view()
        return self.catch_up(progress)

    def forget(
        self, tenant: str, customer_id: str, *, actor: str = "system", dry_run: bool = False
    ) -> erasure.Forgotten:
        """Erase a customer's texts and id; what happened to the tickets stays, under a pseudonym.

        The answer is false when nothing is known of the customer; then nothing is recorded either.
        """
        customer = erasure.Customer(tenant, customer_id)
        if dry_run:
            return erasure.preview(self.journal, self.content, customer)
        forgotten = erasure.forget(self.journal, self.content, customer, at=self._clock.now(), actor=actor)
        if forgotten and "view" in self._parts:
            self.catch_up()
        return forgotten

    def close(self) -> None:
        if self._view is not None:
            self._view.close()
            self._view = None
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _delete_view(self) -> None:
        for path in self.path.glob(f"{_VIEW}*"):
            path.unlink()
