"""For whoever answers for the desk: are customers better off?"""

import streamlit as st

from dashboards import format as fmt
from dashboards.sections import filters, headlines, parts
from dashboards.viewing import Viewing


def show(viewing: Viewing) -> None:
    parts.title("Are customers better off?", "Every number opens its definition, its n and its query.")
    with st.container(horizontal=True, vertical_alignment="center"):
        period = filters.period()
        choices = viewing.reads.overview(viewing.name, period).get("choices", {})
        chosen = filters.dimensions(choices)
        if chosen:
            st.caption(parts.plain(f"Only {filters.told(chosen)}"), width="content")
    found = viewing.reads.overview(viewing.name, period, chosen)
    headlines.show(found)
    left_out = sum((found.get("excluded") or {}).values())
    out = f" {fmt.number(left_out)} left out by rule." if left_out else ""
    read = f"{fmt.number(found['tickets'])} tickets, as of {parts.moment(found['as_of'])}.{out}"
    st.caption(parts.plain(f"{read} Source: {viewing.client.url}."), help=parts.utc(found["as_of"]))
