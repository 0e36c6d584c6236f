"""The page, run without a browser: what is shown when, and what an order sends."""

from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[2] / "dashboards" / "app.py"


@pytest.fixture
def page(api: Any, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("RIDEALONG_API", api.url)
    st.cache_data.clear()
    return AppTest.from_file(str(APP), default_timeout=60)


def said(page: AppTest) -> str:
    kinds = (page.markdown, page.text, page.caption, page.error, page.success, page.title, page.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_the_page_shows_ladder_gate_headlines_and_history(page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert [heading.value for heading in page.subheader] == [
        "Ladder",
        "Gate of step thirty",
        "Are customers better off?",
        "Shadow",
        "What happened",
    ]
    assert len(page.get("vega_lite_chart")) == 11


def test_the_shadow_says_what_confidence_and_thresholds_are_worth(page: AppTest) -> None:
    page.run()
    text = said(page)
    assert "cheapest between 0.40 and 0.70" in text
    assert "Cohen's kappa 0.41" in text
    assert "Dropped and counted" in text


@pytest.mark.parametrize("reading", [None, "unlabelled"])
def test_a_shadow_nobody_has_rated_shows_no_curve(page: AppTest, api: Any, reading: str | None) -> None:
    shadow = api.overview["shadow"]
    if reading is None:
        shadow["reading"] = None
    else:
        given = shadow["reading"]
        given["escalation"]["n"] = 0
        given["reliability"]["bins"] = []
        given["thresholds"]["rows"] = []
        given["agreement"] = []
    page.run()
    assert not page.exception
    assert "Nothing to compare" in said(page)
    assert len(page.get("vega_lite_chart")) == 8


def test_it_says_why_a_rollout_is_held(page: AppTest) -> None:
    page.run()
    assert any("About 1,900 more tickets are needed" in text.value for text in page.text)


def test_an_open_metric_says_when_it_will_be_decided(page: AppTest) -> None:
    page.run()
    text = said(page).replace("\\", "")
    assert "at 30 % decided 2026-03-20 (even odds) to 2026-03-23 (95 %)" in text
    assert "at 60 % never decided" in text
    assert "provisional until 2026-03-18" in text


def test_a_desk_without_a_rollout_learns_what_to_do(page: AppTest, api: Any) -> None:
    api.workflows = []
    page.run()
    assert "No rollout yet" in said(page)
    assert "ridealong serve" in page.code[0].value


def test_a_dead_read_model_leaves_the_rest_of_the_page(page: AppTest, api: Any) -> None:
    api.overview = None
    page.run()
    assert "retry in a few seconds" in said(page)
    assert "Gate of step thirty" in said(page)
    assert "What happened" in said(page)


def test_a_server_that_is_away_is_said_so(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDEALONG_API", "http://127.0.0.1:9")
    page.run()
    assert not page.exception
    assert "The server does not answer" in page.error[0].value


def order(page: AppTest, action: str, reason: str = "looks good to us") -> AppTest:
    page.run()
    page.button(key=f"act-{action}").click().run()
    page.text_input(key="actor").set_value("ada")
    page.text_area(key="reason").set_value(reason)
    return next(button for button in page.button if button.label.endswith(" now")).click().run()


def test_an_order_is_sent_with_reason_and_author(page: AppTest, api: Any) -> None:
    order(page, "pause")
    assert api.orders == [("pause", {"reason": "looks good to us", "actor": "ada"})]
    assert any("recorded" in done.value for done in page.success)


def test_a_refusal_is_shown_in_the_apis_words(page: AppTest, api: Any) -> None:
    api.refusal = {"title": "The ladder does not allow this", "detail": "CSAT is UNDERPOWERED", "status": 409}
    order(page, "promote")
    assert "CSAT is UNDERPOWERED" in page.error[0].value


def test_without_a_reason_nothing_is_sent(page: AppTest, api: Any) -> None:
    order(page, "abort", reason=" ")
    assert "a reason" in page.warning[0].value
    assert api.orders == []


def test_text_from_outside_never_becomes_markdown(page: AppTest, api: Any) -> None:
    hostile = "![x](http://evil.example/x.png) <script>alert(1)</script> $a$ **b**"
    api.workflows[0]["sentence"] = hostile
    api.workflows[0]["split"]["stable"] = hostile
    api.gate["metrics"][0]["title"] = hostile
    page.run()
    assert any(text.value == hostile for text in page.text), "st.text shows letters, nothing else"
    assert not any("![x](" in element.value or "<script>" in element.value for element in page.markdown)
    assert not any("![x](" in element.value for element in page.caption)


def test_table_cells_cannot_become_formulas(page: AppTest, samples: Any) -> None:
    page.run()
    cells = [str(cell) for frame in page.dataframe for column in frame.value for cell in frame.value[column]]
    assert f"'{samples.HOSTILE}" in cells
    assert not any(cell.startswith("=") for cell in cells)
