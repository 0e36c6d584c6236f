"""Where a rollout stands, what it waits for, and what happened to it."""

from typing import Final

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.rows import TrackRow, TransitionRow, WorkflowRow
from dashboards.sections import live, parts
from dashboards.viewing import Viewing

_AT_REST: Final = {"aborted": "ridealong readmit lets the version back in, ridealong start begins again"}


def show(viewing: Viewing, row: WorkflowRow) -> None:
    """The ladder's picture beside now, why, next and until."""
    picture, words = parts.beside("ladder", 7, 5)
    with picture:
        parts.heading("Ladder", "The agent's share of eligible customers, step by step.")
        ladder = row["ladder"]
        parts.chart(
            charts.ladder(row["steps"], ladder["step"], ladder["status"], row["split"]["holdout"]),
            f"Ladder of {len(row['steps'])} steps; the rollout is at {ladder['step']}, {ladder['status']}.",
        )
        if row["canary"] is not None and row["canary_steps"]:
            _canary(row, row["canary"])
        _steps(row)
    with words:
        live.watch(viewing, row)
        standing(row)


def _steps(row: WorkflowRow) -> None:
    parts.details(
        [{**step, "gate": ", ".join(step["gate"])} for step in [*row["steps"], *row["canary_steps"]]],
        {
            "name": "Step",
            "mode": "Mode",
            "weight": "Weight, %",
            "min_days": "Days at least",
            "gate": "Gate",
            "approval": "Takes a person",
        },
        "A step is left when every metric of its gate has passed, its shortest time is over and, where the "
        "plan asks for it, a person has approved. Weights are percent of eligible customers; of canary "
        "steps, percent of the agent's.",
        label="Steps and their gates",
    )


def standing(row: WorkflowRow) -> None:
    """Now, why, next, until when."""
    following = row["next_step"] or _AT_REST.get(row["status"], "nothing: this is the last step")
    entered = row["ladder"]["entered_at"]
    until = f"{parts.moment(row['until'])} at the earliest" if row["until"] else ""
    for term, says, at in (
        ("Now", f"{served(row)}, since {parts.moment(entered)}", entered),
        ("Why", row["sentence"], None),
        ("Next", following, None),
        ("Until", until, row["until"]),
        ("Asked", _asked(row["ladder"]), None),
        ("Kept out", ", ".join(row["quarantined"]), None),
    ):
        if says:
            left, right = st.columns([1, 5], gap="small")
            left.caption(term)
            right.text(says, help=parts.utc(at) if at else None)


def _asked(track: TrackRow) -> str:
    request = track.get("requested")
    if not request:
        return ""
    return (
        f"{request['by']} asked for the next step on {parts.moment(request['at'])}; another person approves"
    )


def served(row: WorkflowRow) -> str:
    """Who serves whom, in words."""
    split = row["split"]
    if split["mode"] == "shadow":
        return f"{split['stable']} answers in shadow; humans serve everybody"
    if not split["weight"]:
        return "humans serve everybody"
    shares = [f"{fmt.weight(split['weight'])} of eligible customers to {split['stable']}"]
    if split["canary"] and split["canary_weight"]:
        shares.append(f"{fmt.weight(split['canary_weight'])} of those to the canary {split['canary']}")
    if split["holdout"]:
        shares.append(f"{fmt.weight(split['holdout'])} of all held out for good")
    return ", ".join(shares)


def _canary(row: WorkflowRow, track: TrackRow) -> None:
    names = ", ".join(f"{step['name']} {fmt.weight(step['weight'])}" for step in row["canary_steps"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Canary** {parts.plain(track['version'] or '')}", width="content")
        parts.chip(track["status"])
        st.caption(parts.plain(f"at {track['step']}; steps: {names} of the agent's share"))


def timeline(rows: list[TransitionRow]) -> None:
    """Who moved the ladder when and why, newest first."""
    parts.heading("What happened", "Every transition is recorded with its evidence and its author.")
    if not rows:
        parts.empty("No transition yet", "The first one is recorded when the rollout starts.")
        return
    newest = sorted(rows, key=lambda row: row["seq"], reverse=True)
    parts.chart(charts.timeline(rows), f"{len(rows)} transitions; the newest: {newest[0]['sentence']}")
    st.text(f"Latest: {newest[0]['sentence'].rstrip('.')}.")
    shown = [
        {
            "when": parts.moment(row["at"]),
            "utc": fmt.moment(row["at"]),
            "action": fmt.words(row["action"]),
            "track": fmt.words(row["track"]),
            "move": f"{row['from_step'] or '–'} → {row['to_step'] or '–'}",
            "actor": row["actor"],
            "why": row["sentence"],
        }
        for row in newest
    ]
    titles = {
        "when": "When",
        "action": "Action",
        "track": "Track",
        "move": "Move",
        "actor": "By",
        "why": "Why",
        "utc": "UTC",
    }
    parts.table(shown, titles, wide="Why")
