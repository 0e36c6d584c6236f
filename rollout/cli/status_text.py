"""A status row (``rollout.status``) for people at a terminal."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def status_text(row: Mapping[str, Any], most: int) -> str:
    """Now, next, why held and until when; then the newest ``most`` decisions, newest last."""
    split, ladder = row["split"], row["ladder"]
    lines = [
        (
            f"{row['workflow']}: {row['status']} at {row['step']} since {_day(ladder['entered_at'])}, "
            f"{ladder['version']}"
        ),
        f"  split   {_split(split)}",
        f"  now     {ladder['decision']} ({ladder['reason']}): {ladder['sentence']}",
    ]
    if row["until"]:
        lines.append(f"  until   {_day(row['until'])} at the earliest")
    if row["next_step"]:
        lines.append(f"  next    {row['next_step']}")
    if canary := row["canary"]:
        lines.append(
            f"  canary  {canary['version']} {canary['status']} at {canary['step']} since "
            f"{_day(canary['entered_at'])}"
        )
        lines.append(f"          {canary['decision']} ({canary['reason']}): {canary['sentence']}")
    if row["quarantined"]:
        lines.append(f"  out     {', '.join(row['quarantined'])}; `ridealong readmit` lets a version back in")
    lines.append(f"  plan    {row['plan_digest'][:12]}, pinned")
    history = row["transitions"]
    lines.append("  decided")
    if len(history) > most:
        lines.append(f"    … {len(history) - most} earlier")
    lines += [f"    {_day(each['at'])}  {each['actor']}: {each['sentence']}" for each in history[-most:]]
    return "\n".join(lines)


def _split(split: Mapping[str, Any]) -> str:
    if split["mode"] == "shadow":
        return f"shadow: humans serve everybody, {split['stable']} is watched"
    text = f"{split['mode']}: {split['weight']:g} % of eligible customers"
    if split["canary"] is not None:
        text += f", {split['canary_weight']:g} % of them to {split['canary']}"
    return f"{text}; {split['holdout']:g} % of all held out for good"


def _day(moment: str | datetime) -> str:
    when = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{when:%Y-%m-%d %H:%M}"
