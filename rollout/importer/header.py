"""The columns of an import, and how a file's own columns are matched with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

from policies.vocabulary import Arm, Complexity, Mode, Path, Sentiment, Urgency
from rollout.errors import UsageError

Kind = Literal["text", "time", "choice", "number", "whole", "flag"]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column may hold; ``low`` and ``high`` are inclusive."""

    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = float("inf")


def _choice(values: type[Arm | Complexity | Mode | Path | Sentiment | Urgency]) -> Column:
    return Column("choice", tuple(value.value for value in values))


REQUIRED: Final = ("ticket_id", "customer_id", "opened_at")
COLUMNS: Final[dict[str, Column]] = {
    "ticket_id": Column(),
    "customer_id": Column(),
    "opened_at": Column("time"),
    "category": Column(),
    "urgency": _choice(Urgency),
    "complexity": _choice(Complexity),
    "tier": Column(),
    "sentiment": _choice(Sentiment),
    "channel": Column(),
    "language": Column(),
    "region": Column(),
    "subject": Column(),
    "text": Column(),
    "issue_key": Column(),
    "workflow": Column(),
    "step": Column(),
    "arm": _choice(Arm),
    "mode": _choice(Mode),
    "weight": Column("number", high=100),
    "version": Column(),
    "path": _choice(Path),
    "resolved_at": Column("time"),
    "escalated": Column("flag"),
    "escalation_reason": Column(),
    "turns": Column("whole"),
    "handle_seconds": Column("number"),
    "human_seconds": Column("number"),
    "cost_usd": Column("number"),
    "csat": Column("number", low=1, high=5),
    "csat_at": Column("time"),
    "violations": Column("whole"),
    "closed_reason": Column(),
}
"""Every column of the public contract, in the order of ``docs/import.md``."""

TEXTS: Final = ("subject", "text")
"""What customers wrote: kept in the erasable content store, never in the journal."""
ASIDE: Final = "extra"
"""``--map extra=COLUMN`` keeps a column aside although its name resembles a known one."""
NOTES: Final = ("rejected_line", "rejected_reason")
"""Columns that a rejects file adds; ignored, so that a corrected rejects file can be imported."""


@dataclass(frozen=True, slots=True)
class Header:
    """Which of the file's columns means what."""

    sources: Mapping[str, str]
    """Known column to the file's name for it."""
    extras: tuple[str, ...]
    """The file's other columns, kept aside."""
    warnings: tuple[str, ...]


def parse_mapping(pairs: Sequence[str]) -> list[tuple[str, str]]:
    """``["category=topic"]`` as pairs of known column and the file's column.

    Raises:
        UsageError: not a pair, an unknown column, or a column that is named twice.

    """
    mapping: list[tuple[str, str]] = []
    for pair in pairs:
        column, equals, source = (part.strip() for part in pair.partition("="))
        if not (column and equals and source):
            raise UsageError(f"--map {pair!r} is no pair; write COLUMN=SOURCE, e.g. --map category=topic")
        if column not in COLUMNS and column != ASIDE:
            raise UsageError(f"--map {pair!r}: {_unknown(column, COLUMNS)}")
        for other, from_ in mapping:
            if other == column != ASIDE:
                raise UsageError(f"--map gives {column} twice, from {from_!r} and {source!r}; keep one")
            if from_ == source:
                raise UsageError(
                    f"--map uses the file's {source!r} twice, for {other} and {column}; keep one"
                )
        mapping.append((column, source))
    return mapping


def resolve(found: Sequence[str], mapping: Sequence[tuple[str, str]], place: str) -> Header:
    """Match a file's columns with the known ones.

    Raises:
        UsageError: a column is missing, doubled or looks misspelt, or the mapping names one that
            the file does not have. All problems at once.

    """
    problems = [f"the column {name!r} stands there twice" for name in _doubled(found)]
    problems += [
        f"--map {column}={source}: {_unknown(source, found)}"
        for column, source in mapping
        if source not in found
    ]
    mapped = {column: source for column, source in mapping if column != ASIDE}
    taken = {source for _, source in mapping}
    sources = {name: name for name in found if name in COLUMNS and name not in taken} | mapped
    extras = [name for name in found if name not in sources.values() and name not in NOTES]
    kept_aside = {source for column, source in mapping if column == ASIDE}
    for name in extras:
        if name not in COLUMNS and name not in kept_aside and (meant := _meant(name, sources)):
            problems.append(
                f"the column {name!r} looks like {meant!r}: rename it, or write --map {meant}={name!r} if "
                f"that is what it means, --map {ASIDE}={name!r} to keep it aside"
            )
    problems += [
        f"the required column {name} is missing; write --map {name}=SOURCE if it has another name there"
        for name in REQUIRED
        if name not in sources and not any(f"--map {name}=" in problem for problem in problems)
    ]
    if problems:
        columns = ", ".join(found) or "none"
        raise UsageError(
            "\n  ".join((f"{place}: cannot be read as tickets", *problems, f"columns: {columns}"))
        )
    return Header(
        {name: sources[name] for name in COLUMNS if name in sources}, tuple(extras), _warnings(extras)
    )


def _warnings(extras: Sequence[str]) -> tuple[str, ...]:
    hidden = [name for name in extras if name in COLUMNS]
    aside = [name for name in extras if name not in COLUMNS]
    warnings = []
    if aside:
        warnings.append(f"unknown columns are kept aside, not analysed: {', '.join(aside)}")
    if hidden:
        warnings.append(f"columns that --map replaced are kept aside: {', '.join(hidden)}")
    return tuple(warnings)


def _doubled(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _meant(name: str, present: Mapping[str, str]) -> str | None:
    """The known column that a name seems to misspell, unless the file has that column anyway."""
    plain = "_".join(name.lower().replace("-", " ").replace("_", " ").split())
    close = get_close_matches(plain, [column for column in COLUMNS if column not in present], n=1, cutoff=0.8)
    return close[0] if close else None


def _unknown(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]!r}?" if close else f"; there is: {', '.join(known)}"
    return f"there is no column {name!r}{hint}"
