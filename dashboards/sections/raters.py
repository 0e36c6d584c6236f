"""Do those who judge replies agree with each other, beyond chance?"""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboards.sections import parts

_COLUMNS = {
    "between": "Between",
    "on": "On",
    "coefficient": "Coefficient",
    "value": "Value",
    "lower": "From",
    "upper": "To",
    "observed": "Agree",
    "expected": "By chance",
    "n": "Replies",
}


def agreement(rows: Sequence[Any]) -> None:
    """Their sentences, and the coefficients with intervals at 95 %."""
    st.text("\n".join(each["sentence"] for each in rows))
    units = dict.fromkeys(("value", "lower", "upper"), "points") | dict.fromkeys(
        ("observed", "expected"), "rate"
    )
    parts.table(rows, _COLUMNS, units=units)
