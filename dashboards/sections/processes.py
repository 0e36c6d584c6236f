"""How the server itself is doing: its processes and the breakers before its models."""

import streamlit as st

from dashboards import figures
from dashboards import format as fmt
from dashboards.sections import parts
from dashboards.viewing import Viewing

_UP = {"journal_up": "Journal", "analyst_up": "Analyst", "agents_up": "Agents"}


def show(viewing: Viewing) -> None:
    parts.heading("The server", "As it counts itself now; the same numbers are at /metrics.")
    found = figures.read(viewing.reads.figures())
    known = {title: found[name][0].value for name, title in _UP.items() if found.get(name)}
    told = [(title, "Works" if value else "Away") for title, value in known.items()]
    if lag := found.get("view_lag_seconds"):
        told.append(("Pages are behind by", fmt.seconds(lag[0].value)))
    breakers = found.get("model_breaker_open", [])
    opened = [each.labels.get("provider", "?") for each in breakers if each.value]
    if "agents_up" in found:
        told.append(("Model breakers open", f"{len(opened)} of {len(breakers)}"))
    for place, (title, value) in zip(st.columns(max(len(told), 1)), told, strict=False):
        place.metric(title, value)
    away = [title for title, value in known.items() if not value]
    if away:
        st.error(parts.plain(f"{', '.join(away)}: away. People serve the tickets meanwhile; see /readyz."))
    if opened:
        st.warning(parts.plain(f"Not asked, because they kept failing: {', '.join(opened)}."))
    if "agents_up" not in found:
        st.caption("Agents and breakers belong to no tenant: they are shown to those of the installation.")
