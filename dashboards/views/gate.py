"""For whoever decides: what does the gate say, why, and what would an order do?"""

import json
from typing import Final, cast

import streamlit as st

from dashboards import format as fmt
from dashboards.rows import GateRow, WorkflowRow
from dashboards.sections import gate, gate_path, live, orders, parts, rollout
from dashboards.viewing import Viewing

_TRACKS: Final = {"ladder": "Agent against humans", "canary": "Canary against the agent"}


def show(viewing: Viewing) -> None:
    row = viewing.rollout
    if row is None:
        parts.title("Gate", "Whether the next step may be taken, on what evidence.")
        parts.empty(
            f"No rollout of {viewing.name} yet",
            "A gate judges a step, and no step was ever entered. Start a plan first.",
            "ridealong start PLAN --data DIR",
        )
        return
    parts.title("Gate", f"{row['workflow']}: whether the next step may be taken, on what evidence.")
    track = _track(row)
    with parts.guarded("The orders"):
        _standing(viewing, row, track)
    st.divider()
    with parts.guarded("The gate"):
        found = viewing.reads.gate(viewing.name, track)
        gate.show(found, track)
        with st.container(horizontal=True, gap="medium"):
            gate.numbers(found)
            _snapshot(viewing, found, track)
    st.divider()
    with parts.guarded("The path"):
        gate_path.show(viewing, track)


def _track(row: WorkflowRow) -> str:
    """Which of two gates: the agent's against humans, or an update's against the agent."""
    if row["canary"] is None:
        return "ladder"
    return parts.choose("Track", _TRACKS, key="track")


def _standing(viewing: Viewing, row: WorkflowRow, track: str) -> None:
    words, acts = parts.beside("orders", 6, 6)
    with words:
        live.watch(viewing, row)
        standing = row["ladder"] if track == "ladder" else row["canary"]
        st.text(f"{rollout.served(row)}.")
        if standing is not None:
            st.text(standing.get("sentence") or row["sentence"])
    with acts:
        orders.bar(viewing, row, track)


def _snapshot(viewing: Viewing, found: GateRow, track: str) -> None:
    """The evidence as a file, and the command that makes it again from the record."""
    tenant = viewing.desk["tenant"]
    command = f"ridealong gate {viewing.name} --data DIR --as-of {found['as_of']} --json"
    command += f" --track {track}" if track != "ladder" else ""
    command += f" --tenant {tenant}" if tenant != "default" else ""
    with st.popover("Evidence", icon=":material/download:", type="tertiary", width="content"):
        st.text(
            f"What the gate saw as of {fmt.moment(found['as_of'])} UTC. The same evidence, from the record:"
        )
        st.code(command, language="bash", wrap_lines=True)
        st.download_button(
            "Download as JSON",
            json.dumps({"command": command, "gate": cast("dict[str, object]", found)}, indent=2),
            file_name=f"gate-{viewing.name}-{found['as_of'][:10]}.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
