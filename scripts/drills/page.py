"""The published page, made from the figures alone."""

from collections.abc import Mapping
from typing import Any, Final

_HEAD: Final = """# Reliability

What the service promises, the fault it is promised for, and how often it was tried. Made by
`scripts/reliability --out docs` from [reliability.json](reliability.json); a few rounds of each run with
every change (`tests/reliability`). "Up to" is the upper 95% limit of the share of rounds that break it.

| promise | fault | rounds | checks | broken | up to | command |
|---|---|---|---|---|---|---|
"""
_PLANTED: Final = """
## Seen failing

A drill that never fails shows nothing. Each of these breaks the product on purpose, and its drill has to
find it (`scripts/reliability faults`):

| drill | planted fault | found |
|---|---|---|
"""
_BOUNDS: Final = """
## Bounds

Where a promise ends, exactly:

- **Replies under way while a version is rolled back.** A live reply is held against the newest transition
  before the agent is asked, when it has answered, and a last time after its texts are written, in the
  very step that asks for its record; what one turn of the event loop asks for is handed to the journal at
  the turn's end. A roll-back is obeyed when its own record is durable, and answered after that. So of
  replies none is recorded that was asked for after a roll-back was obeyed, and so none after it was
  answered. What is left is the time in which the roll-back itself is written: one group of the journal,
  whose length is `ridealong_journal_sync_duration_seconds` (some milliseconds), and one turn of the event
  loop. A reply that is asked for within it goes out, at the latest when its own group is durable, and
  stands behind the roll-back in the record, where it can be counted. To close this, replies would have to
  wait for orders under a lock. (`tests/api/test_conversations.py -k abort`)
- **Idempotency keys.** An order under a key that damage has lost is refused, not repeated; where somebody
  deletes `idempotency.sqlite`, the keys of a day are forgotten ([operations.md](operations.md)).
- **What `audit verify` cannot see.** Somebody who may write the folder can cut off the journal's end or
  write all of it anew. Only a head that was noted elsewhere shows that.
"""
_FIGURES: Final = """
## Figures

| drill | figures | day |
|---|---|---|
"""


def page(told: Mapping[str, Any]) -> str:
    """Markdown from what ``scripts/reliability`` keeps as JSON."""
    drills = told["drills"].items()
    rows = [_row(row) for _, row in drills]
    faults = [f"| {row['drill']} | {row['fault']} | {_yes(row['found'])} |" for row in told["faults"]]
    figures = [
        f"| {name} | {_told(row['figures'])} | {row['at']} |" for name, row in drills if row["figures"]
    ]
    return f"{_HEAD}{_lines(rows)}{_PLANTED}{_lines(faults)}{_BOUNDS}{_FIGURES}{_lines(figures)}"


def _row(row: Mapping[str, Any]) -> str:
    upper = "" if row["upper95"] is None else f"{row['upper95']:.1%}"
    return (
        f"| {row['promise']} | {row['fault']} | {row['rounds']:,} | {row['checked']:,} | {row['broken']:,}"
        f" | {upper} | `{row['command']}` |"
    )


def _told(figures: Mapping[str, Any]) -> str:
    return "; ".join(f"{name.replace('_', ' ')} {_flat(value)}" for name, value in figures.items())


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {count:,}" for name, count in value.items())
    return f"{value:,}"


def _yes(found: bool) -> str:
    return "yes" if found else "**no**"


def _lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)
