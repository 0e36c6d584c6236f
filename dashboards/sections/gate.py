"""What the gate says: the guardrails against their margins, and each verdict in a sentence."""

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.rows import GateRow, MetricVerdict
from dashboards.sections import parts


def show(gate: GateRow) -> None:
    parts.heading(
        f"Gate of step {gate['step']}",
        "Agent minus human, by assignment. To pass, the whole interval lies right of the margin.",
    )
    metrics = gate["metrics"]
    if not metrics:
        parts.empty("No gate is judged here", "The last step has no gate; monitors keep watching it.")
        return
    picture, words = st.columns(2, gap="large")
    drawn = [metric for metric in metrics if _drawable(metric)]
    with picture:
        if drawn:
            parts.chart(charts.forest(drawn), " ".join(metric["sentence"] for metric in drawn))
        else:
            parts.empty(
                "Nothing to draw yet",
                "No guardrail of this step has an estimate. It appears with the first matured outcomes.",
            )
        _integrity(gate)
    with words:
        for metric in metrics:
            _verdict(metric)
    parts.details(
        metrics,
        {
            "title": "Metric",
            "verdict": "Verdict",
            "reason": "Reason",
            "estimate": "Estimate",
            "se": "SE",
            "lower": "Lower",
            "upper": "Upper",
            "margin": "Margin",
            "mde": "MDE",
            "n_agent": "n agent",
            "n_human": "n human",
            "units": "Customers",
            "immature": "Immature",
            "needed_tickets": "Tickets needed",
            "needed_days": "Days needed",
        },
        "Estimates are agent minus human in the metric's own unit, stratified by step and day, with "
        "customers as clusters, by the arm a customer was assigned to. MDE is the smallest worsening that "
        "this much evidence could exclude with the planned power.",
        "",
    )


def _drawable(metric: MetricVerdict) -> bool:
    return metric["estimate"] is not None and bool(metric["margin"]) and metric.get("comparative", True)


def _verdict(metric: MetricVerdict) -> None:
    with st.container(gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{parts.plain(metric['title'])}**")
            parts.chip(metric["verdict"])
        st.text(metric["sentence"])
        st.caption(parts.plain(_facts(metric)))


def _facts(metric: MetricVerdict) -> str:
    facts = [f"agent {fmt.number(metric['n_agent'])}", f"human {fmt.number(metric['n_human'])}"]
    if metric["immature"]:
        facts.append(f"{fmt.number(metric['immature'])} not mature yet")
    if metric["mde"] is not None:
        facts.append(f"MDE {fmt.size(metric['mde'], metric['unit'])}")
    if metric["response_rate_agent"] is not None and metric["response_rate_human"] is not None:
        answered = (fmt.percent(metric["response_rate_agent"]), fmt.percent(metric["response_rate_human"]))
        facts.append(f"answered {answered[0]} and {answered[1]}")
    if metric["needed_tickets"] and metric["verdict"] == "INCONCLUSIVE":
        days = f", about {fmt.number(metric['needed_days'])} days" if metric["needed_days"] else ""
        facts.append(f"needs {fmt.number(metric['needed_tickets'])} more tickets{days}")
    return " · ".join(facts)


def _integrity(gate: GateRow) -> None:
    checks = gate["integrity"]
    if not checks:
        return
    st.markdown("**Integrity**")
    for name, found in checks.items():
        sentence = found.get("sentence") if isinstance(found, dict) else found
        with st.container(horizontal=True, vertical_alignment="center"):
            if isinstance(found, dict) and "verdict" in found:
                parts.chip(str(found["verdict"]))
            st.caption(parts.plain(f"{_NAMES.get(name, fmt.words(name))}: {sentence}"))


_NAMES = {"srm": "Split as planned", "crossover": "Crossover", "double_assignment": "Double assignment"}
