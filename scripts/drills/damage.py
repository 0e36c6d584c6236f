"""Files of the data folder with flipped bytes, holes, cut ends and garbage; and events in any order.

After each harm the folder is opened and everything in it read, as a server does after a restart. Either all
is as it was, rebuilt where it could be, or an error of the product names the file and says what to do.
Anything else is a violation: another exception, or content that differs and no word of it from
``ridealong audit verify`` or ``ridealong doctor``, nor from the kept answers themselves.
"""

import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from drills.house import NOW, patched
from drills.result import Fault, Findings, Result, Say, silent
from rollout.api import kept_file
from rollout.api.kept_answers import Kept, KeptAnswers
from rollout.errors import RidealongError
from rollout.queue.register import NAME as LIST
from rollout.queue.register import Register
from rollout.record import audit, content, tail, view
from rollout.record.audit import verify
from rollout.record.content import Text
from rollout.record.folder import DataFolder
from rollout.record.view import View
from rollout.records import (
    Claimed,
    Escalated,
    Event,
    Handled,
    Kind,
    Rated,
    Record,
    Resolved,
    TicketOpened,
    Triaged,
)
from rollout.upkeep import desk_list

TICKETS: Final = 200
IDEMPOTENCY: Final = kept_file.NAME


def events(number: int) -> list[Event]:
    """Everything about one ticket."""
    name, opened = f"t-{number}", NOW + timedelta(minutes=number)
    closed = opened + timedelta(hours=number % 40)
    told: list[tuple[str, Kind, Any, Any]] = [
        (
            f"ticket:{name}",
            Kind.TICKET,
            opened,
            TicketOpened(name, f"c-{number % 60}", opened, issue_key=f"i-{number % 5}"),
        ),
        (f"triage:{name}", Kind.TRIAGE, opened, Triaged(name, "billing", "normal", "neutral", "simple")),
        (
            f"handling:{name}:human:1",
            Kind.HANDLING,
            closed,
            Handled(name, "human", finished_at=closed, turns=2, human_seconds=90.0),
        ),
        (f"resolution:{name}:1", Kind.RESOLUTION, closed, Resolved(name, closed, "assumed", "human")),
        (f"csat:{name}:1", Kind.CSAT, closed, Rated(name, float(1 + number % 5), closed)),
        (
            f"csat:{name}:2",
            Kind.CSAT,
            closed + timedelta(hours=1),
            Rated(name, float(1 + number % 4), closed + timedelta(hours=1)),
        ),
    ]
    if number % 3 == 0:
        told.append((f"escalation:{name}:1", Kind.ESCALATION, closed, Escalated(name, "asked")))
    if number % 6 == 0:
        told.append((f"escalation:{name}:2", Kind.ESCALATION, closed, Escalated(name, "asked-again")))
        told.append((f"claim:{name}:1", Kind.CLAIM, closed, Claimed(name, 1, "ada")))
    return [Event(event_id, kind, at, what, workflow="w") for event_id, kind, at, what in told]


@dataclass(frozen=True)
class Seen:
    """What somebody reads in a folder."""

    records: tuple[str, ...]
    texts: tuple[str | None, ...]
    facts: tuple[Any, ...]
    answers: tuple[Any, ...]
    waiting: tuple[Any, ...]
    forgot: bool = False
    """Whether the kept answers say themselves that some are lost."""


def _filled(path: Path) -> tuple[list[str], Seen]:
    """A folder of records, texts, facts and kept answers."""
    with DataFolder.open(path) as folder:
        refs = []
        for number in range(TICKETS):
            refs += folder.content.put(
                [Text("default", f"c-{number % 60}", f"t-{number}", "text", f"Order {number}? " * 9)]
            )
            folder.record(events(number))
        folder.catch_up()
        kept = KeptAnswers(path / IDEMPOTENCY)
        for number in range(50):
            kept.keep("default", f"k-{number}", Kept(b"d" * 32, 200, "application/json", b"{}"), NOW)
        kept.close()
    return refs, _read(path, refs)


def _read(path: Path, refs: list[str]) -> Seen:
    with DataFolder.open(path) as folder:
        folder.catch_up()
        records = tuple(f"{record.seq} {record.event_id} {record.payload}" for record in folder.read())
        facts = tuple(map(str, folder.view.query("SELECT * EXCLUDE (seq) FROM facts ORDER BY ticket_id")))
        texts = tuple(folder.content.get(ref) for ref in refs)
        kept = KeptAnswers(path / IDEMPOTENCY)
        try:
            answers = tuple(kept.find("default", f"k-{number}") for number in range(50))
            forgot = kept.forgot_some()
        finally:
            kept.close()
        register = Register(folder.journal)
        try:
            states = ("open", "claimed", "done")
            waiting = tuple(str(item) for state in states for item in register.listed("default", state=state))
        finally:
            register.close()
    return Seen(records, texts, facts, answers, waiting, forgot)


def flipped(file: Path, draw: random.Random) -> str:
    where = draw.randrange(file.stat().st_size)
    with file.open("r+b") as open_:
        open_.seek(where)
        old = open_.read(1)
        open_.seek(where)
        open_.write(bytes([old[0] ^ (1 << draw.randrange(8))]))
    return f"byte {where} flipped"


def cut(file: Path, draw: random.Random) -> str:
    size = draw.randrange(file.stat().st_size)
    with file.open("r+b") as open_:
        open_.truncate(size)
    return f"cut at {size}"


def holed(file: Path, draw: random.Random) -> str:
    where = draw.randrange(max(file.stat().st_size // 4096, 1)) * 4096
    with file.open("r+b") as open_:
        open_.seek(where)
        open_.write(bytes(min(4096, file.stat().st_size - where)))
    return f"zeroes at {where}"


def garbled(file: Path, draw: random.Random) -> str:
    with file.open("r+b") as open_:
        open_.write(draw.randbytes(min(8192, file.stat().st_size)))
    return "garbage at the start"


Harm = Callable[[Path, random.Random], str]
HARMS: Final[tuple[Harm, ...]] = (flipped, cut, flipped, holed, flipped, garbled)


def _targets(path: Path) -> list[Path]:
    return sorted(
        file for file in path.rglob("*") if file.is_file() and file.stat().st_size and file.suffix != ".lock"
    )


def _one(path: Path, refs: list[str], before: Seen, what: str, file: str, seen: Findings) -> str:
    """Open what was harmed; ``healed``, ``refused``, ``noticed`` or a violation."""
    try:
        after = _read(path, refs)
    except RidealongError as error:
        words = str(error)
        named = Path(file).name in words or Path(file).stem in words or "journal" in words
        seen.check(named and len(words) > 60, f"{file}, {what}: refused without name or remedy: {words}")
        return "refused"
    except Exception as error:  # noqa: BLE001 - whatever escapes is what is looked for
        seen.check(
            False,  # noqa: FBT003
            f"{file}, {what}: {type(error).__module__}.{type(error).__name__}: {str(error)[:120]}",
        )
        return "escaped"
    if replace(after, forgot=False) == before:
        seen.check(True, "")  # noqa: FBT003
        return "healed"
    differs = [name for name in _TOLD_BY if getattr(after, name) != getattr(before, name)]
    unsaid = [name for name in differs if not _TOLD_BY[name](path, after)]
    seen.check(not unsaid, f"{file}, {what}: {', '.join(unsaid)} differ and nothing says so")
    return "silent" if unsaid else "noticed"


def _audited(path: Path, _: Seen) -> bool:
    return not verify(path).sound


_TOLD_BY: Final[dict[str, Callable[[Path, Seen], bool]]] = {
    "records": _audited,
    "texts": _audited,
    "facts": _audited,
    "answers": lambda _, after: (
        after.forgot
        and all(known in (None, Kept(b"d" * 32, 200, "application/json", b"{}")) for known in after.answers)
    ),
    "waiting": lambda path, _: desk_list.examined(path).problem is not None,
}
"""What is read, and who says that it is not what it was."""


def damage(rounds: int = 300, say: Say = silent, seed: int = 1) -> Result:
    """Harm one file at a time, so many times."""
    seen, outcomes = Findings(), Counter[str]()
    with TemporaryDirectory() as base:
        whole = Path(base) / "whole"
        refs, before = _filled(whole)
        files = [file.relative_to(whole) for file in _targets(whole)]
        for number in range(rounds):
            draw = random.Random(f"{seed}-{number}")  # noqa: S311 - a seed, so that a round can be repeated
            path = Path(base) / "harmed"
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(whole, path)
            file = files[number % len(files)]
            what = HARMS[number // len(files) % len(HARMS)](path / file, draw)
            outcomes[f"{file.name} {_one(path, refs, before, what, str(file), seen)}"] += 1
            if (number + 1) % 50 == 0:
                say(f"{number + 1} of {rounds} harmed files, {seen.broken} violations")
    words = "A damaged file is rebuilt, or refused with its name and a remedy; nothing is lost in silence"
    fault = "a flipped byte, a cut end, a hole of zeroes, garbage; in every file of the folder in turn"
    return seen.result("damage", words, fault, rounds, outcomes=dict(sorted(outcomes.items())))


def reordering(rounds: int = 100, say: Say = silent) -> Result:
    """The same events in any order, one to three times each: the same facts."""
    seen = Findings()
    everything = [event for number in range(60) for event in events(number)]
    with TemporaryDirectory() as base:
        wanted = _facts(Path(base) / "straight", everything)
        for number in range(rounds):
            draw = random.Random(number)  # noqa: S311 - as above
            shuffled = [event for event in everything for _ in range(draw.randint(1, 3))]
            draw.shuffle(shuffled)
            found = _facts(Path(base) / f"shuffled-{number}", shuffled)
            seen.check(found == wanted, f"order {number}: other facts")
            if (number + 1) % 25 == 0:
                say(f"{number + 1} of {rounds} orders, {seen.broken} violations")
    words = "Order, lateness and repetition change no total"
    return seen.result("reordering", words, "events shuffled, each one to three times", rounds)


def _facts(path: Path, told: list[Event]) -> list[str]:
    with DataFolder.open(path) as folder:
        for first in range(0, len(told), 50):
            folder.record(told[first : first + 50])
            if first % 200 == 0:
                folder.catch_up()
        folder.catch_up()
        return [str(row) for row in folder.view.query("SELECT * EXCLUDE (seq) FROM facts ORDER BY ticket_id")]


def _newest_arrival(self: View, records: Iterable[Record]) -> int:
    """Applies what came first for good, and hears nothing of what is corrected later."""
    known = self.__dict__.setdefault("_heard", set())
    fresh = []
    for record in records:
        again = (record.kind, record.payload.get("ticket_id"))
        fresh.append(replace(record, kind="lost") if again in known else record)
        known.add(again)
    return _APPLY(self, fresh)


_APPLY: Final = View.apply


@contextmanager
def _only(name: str, *broken: AbstractContextManager[Any]) -> Iterator[None]:
    """Harm one file of the folder, so that few rounds find what is broken about it."""
    with ExitStack() as stack:
        for each in (patched(_HERE, "_targets", lambda path: list(path.rglob(name))), *broken):
            stack.enter_context(each)
        yield


@contextmanager
def _passed_on(*_: Any, **__: Any) -> Iterator[None]:
    """Stands where errors of the view's engine are put into our words."""
    yield


_MATCHES: Final = content._reference  # noqa: SLF001 - what is broken below
_HERE: Final = sys.modules[__name__]
FAULTS: Final[dict[str, Fault]] = {
    "errors of the view's engine that nobody puts into words": lambda: _only(
        "view.duckdb", patched(view, "damage_told", _passed_on)
    ),
    "texts that nobody holds against their reference": lambda: _only(
        "content.sqlite", patched(content, "_reference", lambda *of: _Any(_MATCHES(*of)))
    ),
    "records that nobody holds against their digest": lambda: _only(
        "*.jsonl", patched(tail, "fault", lambda *_: None), patched(audit, "fault", lambda *_: None)
    ),
    "kept answers that nobody holds against their seal": lambda: _only(
        IDEMPOTENCY, patched(kept_file, "_holds", lambda _: True)
    ),
    "a desk's list that nobody holds against the journal": lambda: _only(
        LIST, patched(desk_list, "differences", lambda *_: 0)
    ),
}
ORDER_FAULTS: Final[dict[str, Fault]] = {
    "the first to arrive counts": lambda: patched(View, "apply", _newest_arrival),
}


class _Any(str):
    """Equal to everything; stands where a digest stood."""

    __slots__ = ()

    def __ne__(self, _: object) -> bool:
        return False

    def __eq__(self, _: object) -> bool:
        return True

    __hash__ = str.__hash__
