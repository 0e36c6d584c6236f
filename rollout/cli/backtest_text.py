"""A backtest for a terminal: what was decided when, and what each step waited for."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any


def backtest_text(result: Mapping[str, Any]) -> str:
    """One line per stretch of equal looks, then the notes and the caveat."""
    looks = result["looks"]
    lines = [f"{result['workflow']}: {len(looks):,} looks", ""]
    for _, stretch in groupby(looks, key=lambda look: (look["step"], look["decision"], look["reason"])):
        same = list(stretch)
        first, last = same[0], same[-1]
        span = first["as_of"][:16] if len(same) == 1 else f"{first['as_of'][:16]} to {last['as_of'][:16]}"
        lines.append(
            f"{span}  {last['step']}: {last['decision']} ({last['reason']}), {last['tickets']:,} tickets"
        )
        lines.append(f"    {last['sentence']}")
        lines += [f"    → {look['moved_to']}: {look['outlook']}" for look in same if look["moved_to"]]
    final = result["final"]
    lines += ["", f"At the end the rollout would have stood at {final['step']} ({final['status']}).", ""]
    lines += [f"- {note}" for note in result["notes"]]
    return "\n".join([*lines, "", result["caveat"]])
