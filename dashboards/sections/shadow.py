"""The agent beside the human on real tickets. No customer saw these replies."""

import streamlit as st

from dashboards import charts
from dashboards import format as fmt
from dashboards.rows import ShadowRow
from dashboards.sections import parts


def show(row: ShadowRow) -> None:
    parts.heading("Shadow", "The agent answered the same tickets as the humans; no customer saw its replies.")
    numbers = st.columns(4)
    numbers[0].metric("Compared", fmt.number(row["comparisons"]))
    share = row["abstained"] / row["comparisons"] if row["comparisons"] else None
    numbers[1].metric("Abstained", fmt.percent(share))
    numbers[2].metric("Dropped", fmt.number(sum(row["dropped"].values())))
    numbers[3].metric("Knowledge gaps", fmt.number(len(row["gaps"])))
    st.text(row["sentence"])
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        st.markdown("**Agreement by category**")
        rated = [point for point in row["by_category"] if point["value"] is not None]
        if rated:
            parts.chart(charts.agreement(rated), "Agreement with the human by category.")
        else:
            parts.empty("Nothing judged yet", "Agreement appears when comparisons are rated.")
    with right, st.container(border=True):
        st.markdown("**Would it have escalated?**")
        if row["escalation"]:
            parts.chart(charts.confusion(row["escalation"]), "Escalation by the agent against the human's.")
        else:
            parts.empty("Nothing to compare", "It needs tickets on which the human's decision is known.")
    if row["gaps"]:
        with st.expander("Knowledge gaps, most frequent first"):
            parts.table(row["gaps"], {key: fmt.words(key) for key in row["gaps"][0]})
