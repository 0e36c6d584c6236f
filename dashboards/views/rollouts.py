"""For the release manager: where does every rollout stand, and who decided what when?"""

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.sections import parts, rollout
from dashboards.viewing import Viewing


def show(viewing: Viewing) -> None:
    parts.title("Rollouts", "Every workflow as a ladder: where it stands, what it waits for, who moved it.")
    with parts.guarded("The comparison"):
        _at_a_glance(viewing)
    row = viewing.rollout
    if row is None:
        parts.empty(
            f"No rollout of {viewing.name} yet",
            "Everything recorded is the desk's own history. A plan in a folder starts the first step.",
            "ridealong serve --data DIR --plans DIR",
        )
        return
    st.divider()
    with parts.guarded("The ladder"):
        rollout.show(viewing, row)
    st.divider()
    with parts.guarded("The history"):
        rollout.timeline(row["transitions"])


def _at_a_glance(viewing: Viewing) -> None:
    """All rollouts beside each other; nothing to compare where there is one."""
    rows = viewing.rollouts
    if len(viewing.desks) == 1 or not rows:
        return
    picture, words = parts.beside("glance", 5, 7)
    with picture:
        said = "; ".join(f"{row['workflow']}: {rollout.served(row)}" for row in rows)
        parts.chart(charts.strips(rows), said)
    with words:
        parts.table(
            [
                {
                    "workflow": desk["workflow"],
                    "status": fmt.words(desk["status"]),
                    "step": desk.get("step") or fmt.UNKNOWN,
                    "until": parts.moment(desk.get("until")),  # type: ignore[arg-type]
                    "sentence": desk["sentence"],
                }
                for desk in viewing.desks
            ],
            {
                "workflow": "Workflow",
                "status": "Status",
                "step": "Step",
                "until": "Not before",
                "sentence": "Why it stands there",
            },
            wide="Why it stands there",
        )
