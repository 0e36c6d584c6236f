"""What a shadow teaches, for a terminal: a small matrix and a sentence for each picture."""

from collections.abc import Mapping
from typing import Any


def shadow_text(shadow: Mapping[str, Any]) -> list[str]:
    """Lines below the gate's verdicts; they inform and decide nothing."""
    agreed = [each["sentence"] for each in shadow["agreement"]]
    told = [shadow[part]["sentence"] for part in ("reliability", "thresholds")]
    return [
        f"shadow of {shadow['version'] or 'every version'}: {shadow['sentence']}",
        *_matrix(shadow["escalation"]),
        *(f"- {sentence}" for sentence in [shadow["escalation"]["sentence"], *told, *agreed]),
    ]


def _matrix(escalation: Mapping[str, Any]) -> list[str]:
    """Two by two: reviewed tickets, and the share of all tickets they stand for."""
    if not escalation["n"]:
        return []
    cells = {(cell["human_needed"], cell["agent_escalated"]): cell for cell in escalation["cells"]}
    rows = [["", "agent hands over", "agent answers"]]
    for needed, name in ((True, "human needed"), (False, "no human needed")):
        rows.append([name, *(_cell(cells[needed, over]) for over in (True, False))])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"  {row[0].ljust(widths[0])}  {row[1].rjust(widths[1])}  {row[2].rjust(widths[2])}".rstrip()
        for row in rows
    ]


def _cell(cell: Mapping[str, Any]) -> str:
    share = "–" if cell["share"] is None else f"{cell['share'] * 100:.1f} %"
    return f"{cell['n']:,.0f}  {share:>6}"
