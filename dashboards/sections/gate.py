"""What the gate says: the guardrails against their margins, and each verdict in a sentence."""

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.rows import ForecastDates, GateRow, MetricVerdict
from dashboards.sections import parts


def show(gate: GateRow, track: str = "ladder") -> None:
    compared = "Agent minus human" if track == "ladder" else "Canary minus agent"
    parts.heading(
        f"Gate of step {gate['step']}",
        f"{compared}, by assignment. To pass, the whole interval lies right of the margin.",
    )
    metrics = gate["metrics"]
    if not metrics:
        parts.empty("No gate is judged here", "The last step has no gate; monitors keep watching it.")
        return
    picture, words = parts.beside("gate", 7, 6)
    guardrails = [metric for metric in metrics if metric["role"] == "guardrail"]
    drawn = [metric for metric in guardrails if _drawable(metric)]
    with picture:
        if drawn:
            parts.chart(charts.forest(drawn), " ".join(metric["sentence"] for metric in drawn))
        else:
            parts.empty(
                "Nothing compared yet",
                "No guardrail of this step is compared with humans yet. Fixed limits are judged beside this, "
                "comparisons appear with the first matured outcomes.",
            )
        _lines([metric for metric in metrics if metric["role"] != "guardrail"])
    with words:
        for metric in guardrails:
            _verdict(metric)
    _integrity(gate)


def numbers(gate: GateRow) -> None:
    """Every metric of the gate in a table, with its definition and query."""
    parts.details(
        [_told(metric) for metric in gate["metrics"]],
        {
            "title": "Metric",
            "role": "Role",
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
            "sentence": "In words",
        },
        "Estimates are agent minus human in the metric's own unit, stratified by step and day, with "
        "customers as clusters, by the arm a customer was assigned to. MDE is the smallest worsening that "
        "this much evidence could exclude with the planned power.",
        (gate.get("queries") or {}).get("gate", ""),
        units={"verdict": "words", "reason": "words", "response_rate_agent": "rate"},
    )


def _told(metric: MetricVerdict) -> dict[str, object]:
    """A row of the table, its differences in the metric's own unit."""
    sized = ("estimate", "se", "lower", "upper", "margin", "mde")
    say = fmt.difference if metric["comparative"] else fmt.in_unit
    return {
        **metric,
        **{name: say(metric[name], metric["unit"]) for name in sized},  # type: ignore[literal-required]
        "needed_tickets": fmt.number(metric["needed_tickets"]),
        "needed_days": fmt.number(metric["needed_days"], 1),
    }


def _drawable(metric: MetricVerdict) -> bool:
    return metric["estimate"] is not None and bool(metric["margin"]) and metric["comparative"]


def _lines(metrics: list[MetricVerdict]) -> None:
    """Goals and monitors, a line each: their sentences are in the table below."""
    if not metrics:
        return
    with st.container(gap="xsmall"):
        st.markdown("**Goals and monitors**")
        for metric in metrics:
            _line(metric["verdict"], f"{metric['title']}: {_found(metric)}")


def _found(metric: MetricVerdict) -> str:
    """What was measured, against what it may be."""
    unit, value = metric["unit"], metric["estimate"]
    if value is None:
        return "nothing observed yet"
    if metric["comparative"]:
        return f"{fmt.difference(value, unit)} against humans"
    bound = "at least" if metric["better"] == "higher" else "at most"
    return f"{fmt.in_unit(value, unit)}, {bound} {fmt.in_unit(metric['margin'], unit)}"


def _line(verdict: str, text: str) -> None:
    mark, words = st.columns([1, 5], gap="small", vertical_alignment="center")
    with mark:
        parts.chip(verdict)
    words.caption(parts.plain(text))


def _verdict(metric: MetricVerdict) -> None:
    with st.container(gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{parts.plain(metric['title'])}**")
            parts.chip(metric["verdict"])
        st.text(metric["sentence"].removeprefix(f"{metric['title']}: "))
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
    if metric.get("provisional_until"):
        facts.append(f"provisional until {metric['provisional_until']}")
    return " · ".join(facts + _dates(metric))


def _dates(metric: MetricVerdict) -> list[str]:
    """When an open metric will be decided, at this weight and the next, if there is no difference."""
    forecast = metric.get("forecast")
    if forecast is None:
        return []
    late = forecast["assurance"]["late"]
    return [_span(dates, late) for dates in (forecast["here"], forecast["next"]) if dates is not None]


def _span(dates: ForecastDates, assurance: float) -> str:
    at = f"at {fmt.weight(100 * dates['weight'])}"
    if dates["even"] is None:
        return f"{at} never decided"
    latest = f"{dates['late']['date']} ({fmt.weight(100 * assurance)})" if dates["late"] else "perhaps never"
    return f"{at} decided {dates['even']['date']} (even odds) to {latest}"


def _integrity(gate: GateRow) -> None:
    """Whether the comparison can be read at all."""
    st.markdown("**Integrity**")
    places = parts.beside("integrity", 1, 1, 1, gap="medium")
    for number, (name, check) in enumerate(gate["integrity"].items()):
        first, _, rest = check["sentence"].partition(". ")
        with places[number % len(places)], st.container(gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                parts.chip(check["verdict"])
                st.markdown(parts.plain(_CHECKS.get(name, fmt.words(name))), width="content")
            st.caption(parts.plain(first), help=parts.plain(rest) or None)


_CHECKS = {
    "srm": "Split as planned",
    "crossover": "Arms kept apart",
    "double_assignment": "One arm each",
    "exclusion": "Nobody left out unevenly",
    "control_drift": "Human arm as before",
    "contamination": "Human arm not kept waiting",
}
