"""What the weekly report adds to the headlines, as Markdown that shows foreign words letter by letter."""

import re
from collections.abc import Iterator
from typing import Final

from rollout.weekly import Rung, Weekly

_MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+!|~<>])")
_ADDRESS: Final = re.compile(r"(?<=[a-z]):(?=//)|www(?=\.)", re.IGNORECASE)


def weekly_text(week: Weekly) -> str:
    """Ladder, gate, incidents and what there is to decide, to stand below the headlines."""
    return "\n".join(_lines(week)).rstrip()


def _lines(week: Weekly) -> Iterator[str]:
    yield "## To decide"
    yield ""
    yield from (f"- {plain(each)}" for each in week.decide or ("Nothing waits for a person this week.",))
    yield from ("", "## The ladder", "", plain(week.standing), "")
    yield from (_rung(rung) for rung in week.rungs)
    yield ""
    for move in week.moves:
        yield f"- {move['at']}: {plain(str(move['sentence']))} ({plain(str(move['actor']))})"
    if week.gate is not None:
        yield from ("", "## The gate", "", f"{week.gate['decision']} at {plain(str(week.gate['step']))}", "")
        yield from (f"- {row['verdict']}: {plain(str(row['sentence']))}" for row in week.gate["metrics"])
    yield from ("", "## Incidents", "")
    if not week.incidents:
        yield "None was open in this period."
    for each in week.incidents:
        yield f"- severity {each['severity']}, {each['status']}: {plain(str(each['title']))}"


def _rung(rung: Rung) -> str:
    told = f"{plain(rung.name)} {rung.weight:g} %"
    return f"- **{told}** (here)" if rung.here else f"- {told}"


def plain(text: str) -> str:
    """``text`` such that Markdown shows it letter by letter, addresses included."""
    escaped = _MARKS.sub(r"\\\1", text.replace("\n", " "))
    return _ADDRESS.sub(lambda found: f"{found[0]}\u2060", escaped)
