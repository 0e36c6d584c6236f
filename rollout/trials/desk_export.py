"""What an export of a desk's past has to yield, and which formats are understood.

The next adapter: one module with a ``read`` function of the signature below, one line in
``ADAPTERS``. See docs/replay.md.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from agents.contract import Ticket
from agents.knowledge import Article
from rollout.errors import UsageError


@dataclass(frozen=True, slots=True)
class Message:
    """One later message of a thread."""

    at: datetime
    by_desk: bool
    """Whether a person of the desk wrote it; else the customer did."""
    text: str
    cited: frozenset[str] = frozenset()
    """Articles it points at, by id."""
    refers_elsewhere: bool = False
    """Whether it sends the customer to somebody else (a bug tracker, their provider): the adapter's guess."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A ticket with what the desk really did about it."""

    ticket: Ticket
    """As opened: no turns. ``issue_key`` says what "the same issue" means on this desk."""
    messages: tuple[Message, ...]
    """Oldest first, none earlier than the ticket."""
    solved: bool | None
    """The desk's own mark; ``None`` where the export says nothing, which is not "unsolved"."""
    solved_at: datetime | None = None
    """When it was marked, as well as the export tells."""
    excluded: str | None = None
    """``bot``, ``spam``, ``deleted_account`` or ``merged``: recorded, but counted for nothing."""


@dataclass(frozen=True, slots=True)
class DeskExport:
    """Everything of one desk, in time order."""

    name: str
    """Becomes the workflow's name."""
    threads: tuple[Thread, ...]
    articles: tuple[Article, ...]
    until: datetime
    """The newest moment the export knows of: silence is only silence until then."""
    notes: Mapping[str, int] = field(default_factory=Counter)
    """What was odd about the rows and how often, in words; every row that was not taken shows here."""


class Adapter(Protocol):
    def __call__(self, folder: Path, *, knowledge_date: datetime | None) -> DeskExport:
        """Read an export.

        Args:
            folder: where its files are.
            knowledge_date: the date of articles that carry none, if somebody knows it.

        Raises:
            UsageError: a file or column is missing, or a row cannot be understood; names file and line.

        """
        ...


def _thunderbird() -> Adapter:
    from rollout.trials.thunderbird import read

    return read


ADAPTERS: Final[Mapping[str, Callable[[], Adapter]]] = {"thunderbird": _thunderbird}
"""Formats by name; each is imported when it is asked for."""


def read_export(folder: Path, format_name: str, *, knowledge_date: datetime | None = None) -> DeskExport:
    """Read an export with the adapter of this name.

    Raises:
        UsageError: no such format or folder, or the adapter cannot read it.

    """
    if format_name not in ADAPTERS:
        raise UsageError(f"no export format {format_name!r}; there are: {', '.join(sorted(ADAPTERS))}")
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; give the folder that holds the export's files")
    return ADAPTERS[format_name]()(folder, knowledge_date=knowledge_date)


def cited_articles(thread: Thread) -> frozenset[str]:
    """Every article a person of the desk pointed at in this thread."""
    return frozenset().union(*(message.cited for message in thread.messages if message.by_desk))


def first_answer(thread: Thread) -> Sequence[Message]:
    """What the desk said before the customer spoke again: the only part a shadow reply can be held against.

    After it, the customer answers the human, not the agent.
    """
    answer: list[Message] = []
    for message in thread.messages:
        if message.by_desk:
            answer.append(message)
        elif answer:
            break
    return answer
