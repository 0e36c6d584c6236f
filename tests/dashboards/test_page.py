"""The pages, run without a browser: what is shown when, and what an order sends."""

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

Opener = Callable[[str], AppTest]


@pytest.fixture
def opened(api: Any, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens a page by its path."""
    monkeypatch.setenv("RIDEALONG_API", api.url)
    monkeypatch.delenv("RIDEALONG_API_KEY", raising=False)
    st.cache_data.clear()
    st.cache_resource.clear()

    def opened(path: str) -> AppTest:
        script = f"from dashboards.menu import main\nmain({path!r})"
        return AppTest.from_string(script, default_timeout=60).run()

    return opened


def said(page: AppTest) -> str:
    kinds = (page.markdown, page.text, page.caption, page.error, page.success, page.title, page.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def charts(page: AppTest) -> int:
    return len(page.get("vega_lite_chart"))


@pytest.mark.parametrize(
    ("path", "title", "drawn"),
    [
        ("overview", "Are customers better off?", 4),
        ("rollouts", "Rollouts", 2),
        ("gate", "Gate", 2),
        ("plan", "Plan", 2),
        ("shadow", "Shadow", 5),
    ],
)
def test_every_page_is_drawn_whole(opened: Opener, path: str, title: str, drawn: int) -> None:
    page = opened(path)
    assert not page.exception
    assert page.title[0].value == title
    assert charts(page) >= drawn
    assert "could not be drawn" not in said(page)


def test_every_chart_has_a_sentence_in_its_place(opened: Opener) -> None:
    for path in ("overview", "rollouts", "gate", "plan", "shadow"):
        for chart in opened(path).get("vega_lite_chart"):
            assert len(chart.proto.alt) > 20, f"{path}: what would a screen reader say?"


def test_filters_are_asked_of_the_api_and_come_from_the_address(opened: Opener, api: Any) -> None:
    api.overview["choices"] = {"category": ["billing", "returns"], "region": []}
    page = opened("overview")
    page.selectbox(key="category").set_value("billing").run()
    assert api.asked[-1] == {"workflow": "tier1-support", "period": "28d", "category": "billing"}
    assert "Only category billing" in said(page)


def test_the_shadow_says_what_confidence_and_thresholds_are_worth(opened: Opener) -> None:
    page = opened("shadow")
    text = said(page)
    assert "cheapest between 0.40 and 0.70" in text
    assert "Cohen's kappa 0.41" in text
    assert "Dropped and counted" in text
    page.select_slider(key="threshold").set_value(0.2).run()
    assert "At 0.20 it answers 80 % of the tickets" in said(page)


@pytest.mark.parametrize("reading", [None, "unlabelled"])
def test_a_shadow_nobody_has_rated_shows_no_curve(opened: Opener, api: Any, reading: str | None) -> None:
    shadow = api.overview["shadow"]
    if reading is None:
        shadow["reading"] = None
    else:
        given = shadow["reading"]
        given["escalation"]["n"] = 0
        given["reliability"]["bins"] = []
        given["thresholds"]["rows"] = []
        given["agreement"] = []
    page = opened("shadow")
    assert not page.exception
    assert "Nothing to compare" in said(page)
    assert charts(page) == 1


def test_it_says_why_a_rollout_is_held(opened: Opener) -> None:
    page = opened("rollouts")
    assert any("About 1,900 more tickets are needed" in text.value for text in page.text)


def test_several_rollouts_are_compared_at_a_glance(opened: Opener, api: Any, samples: Any) -> None:
    alone = charts(opened("rollouts"))
    api.workflows = [samples.workflow(), samples.workflow() | {"workflow": "returns-desk"}]
    st.cache_data.clear()
    assert charts(opened("rollouts")) == alone + 1


def test_an_open_metric_says_when_it_will_be_decided(opened: Opener) -> None:
    text = said(opened("gate"))
    assert "at 30 % decided 2026-03-20 (even odds) to 2026-03-23 (95 %)" in text
    assert "at 60 % never decided" in text
    assert "provisional until 2026-03-18" in text


def test_an_incident_that_blocks_is_named_on_top_of_every_page(opened: Opener, api: Any) -> None:
    at = "2026-09-08T09:00:00+00:00"
    severe = {"severity": 1, "title": "refunds twice", "status": "open", "blocks": True, "opened_at": at}
    severe["workflow"] = "tier1-support"
    api.incidents = [severe, severe | {"title": "typo", "blocks": False}]
    for path in ("gate", "plan"):
        page = opened(path)
        assert [error.value.count("refunds twice") for error in page.error] == [1], path


def test_a_desk_without_a_rollout_learns_what_to_do(opened: Opener, api: Any) -> None:
    api.workflows = []
    page = opened("overview")
    assert "No rollout yet" in said(page)
    assert "ridealong serve" in page.code[0].value


def test_a_dead_read_model_says_so_and_leaves_the_menu(opened: Opener, api: Any) -> None:
    api.overview = None
    page = opened("overview")
    assert "retry in a few seconds" in said(page)
    assert page.selectbox(key="workflow").value == "tier1-support"


def test_a_server_that_is_away_is_said_so(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDEALONG_API", "http://127.0.0.1:9")
    page = AppTest.from_string("from dashboards.menu import main\nmain()", default_timeout=60).run()
    assert not page.exception
    assert "The server does not answer" in page.error[0].value


def test_who_has_no_key_learns_how_to_sign_in(opened: Opener, api: Any) -> None:
    api.me = {"title": "Nobody knows who you are", "detail": "show a key", "status": 401}
    page = opened("overview")
    assert "show a key" in page.error[0].value
    assert "ridealong keys create" in page.code[0].value


def order(page: AppTest, action: str, reason: str = "looks good to us", actor: str | None = "ada") -> AppTest:
    page.button(key=f"act-ladder-{action}").click().run()
    if actor is not None:
        page.text_input(key="actor").set_value(actor)
    page.text_area(key="reason").set_value(reason)
    return next(button for button in page.button if button.label.endswith(" now")).click().run()


def test_an_order_is_sent_with_reason_and_author(opened: Opener, api: Any) -> None:
    page = order(opened("gate"), "pause")
    assert api.orders == [("pause", {"reason": "looks good to us", "actor": "ada", "track": "ladder"})]
    assert any("recorded" in done.value for done in page.success)


def test_with_a_key_nobody_is_asked_for_a_name(opened: Opener, api: Any, samples: Any) -> None:
    api.me = samples.me("release_manager", method="key", actor="bo (key:1f0c)")
    page = order(opened("gate"), "abort", actor=None)
    assert [field.key for field in page.text_input if field.key == "actor"] == []
    assert api.orders == [("abort", {"reason": "looks good to us", "track": "ladder"})]


def test_an_order_says_whom_it_moves_before_it_is_given(opened: Opener) -> None:
    page = opened("gate")
    page.button(key="act-ladder-abort").click().run()
    assert "from 30 % to 0 % of eligible customers: about 120 fewer of 400 tickets a day" in said(page)


def test_an_override_has_to_be_asked_for(opened: Opener, api: Any) -> None:
    page = opened("gate")
    page.button(key="act-ladder-promote").click().run()
    assert "may not be left yet" in page.warning[0].value
    page.checkbox(key="override").check()
    page.text_input(key="actor").set_value("ada")
    page.text_area(key="reason").set_value("the board wants it")
    next(button for button in page.button if button.label == "Promote now").click().run()
    assert api.orders[0][1]["override"] is True


def test_a_refusal_is_shown_in_the_apis_words(opened: Opener, api: Any) -> None:
    api.refusal = {"title": "The ladder does not allow this", "detail": "CSAT is UNDERPOWERED", "status": 409}
    page = order(opened("gate"), "promote")
    assert "CSAT is UNDERPOWERED" in page.error[0].value


def test_without_a_reason_nothing_is_sent(opened: Opener, api: Any) -> None:
    page = order(opened("gate"), "abort", reason=" ")
    assert "a reason" in page.warning[0].value
    assert api.orders == []


def test_what_a_viewer_may_not_do_is_there_and_says_why(opened: Opener, api: Any, samples: Any) -> None:
    api.me = samples.me("viewer", method="key", actor="eve (key:1f0c)")
    page = opened("gate")
    for action in ("promote", "pause", "resume", "abort"):
        assert page.button(key=f"act-ladder-{action}").disabled
    assert "Pause, Abort: it needs rollouts:stop; your roles (viewer) do not have it" in said(page)


def test_what_the_ladder_refuses_is_off_in_its_own_words(opened: Opener) -> None:
    page = opened("gate")
    assert page.button(key="act-ladder-resume").disabled
    assert "there is nothing to resume" in said(page)


def test_one_person_asks_and_another_approves(opened: Opener, api: Any, samples: Any) -> None:
    ladder = api.workflows[0]["ladder"]
    promote = api.workflows[0]["orders"]["tracks"]["ladder"]["promote"]
    promote |= {"needs_override": False, "takes_two": True}
    api.me = samples.me("release_manager", method="key", actor="bo (key:1f0c)")
    assert opened("gate").button(key="act-ladder-promote").label == "Request promotion"
    asked = {"by": "bo (key:1f0c)", "at": "2026-09-08T09:00:00+00:00", "override": False}
    ladder["requested"] = asked
    st.cache_data.clear()
    page = opened("gate")
    assert page.button(key="act-ladder-promote").disabled
    assert "another person approves" in said(page)
    ladder["requested"] = asked | {"by": "ada (key:77aa)"}
    st.cache_data.clear()
    assert opened("gate").button(key="act-ladder-promote").label == "Approve promotion"


def test_a_plan_is_changed_on_paper(opened: Opener, api: Any) -> None:
    page = opened("plan")
    assert "As planned, the ladder is climbed in about 37 days" in said(page)
    page.number_input(key="volume").set_value(900.0)
    page.number_input(key="margin-escalation").set_value(4.0)
    next(button for button in page.button if button.label == "Forecast").click().run()
    sent = api.papers[-1]
    assert sent["tickets_per_day"] == 900.0
    assert sent["margins"] == {"escalation": pytest.approx(0.04)}
    assert "climbed in about 25 days; as planned, in about 37 days" in said(page)


def test_what_one_viewer_reads_is_not_kept_for_another(opened: Opener, api: Any, monkeypatch: Any) -> None:
    opened("overview")
    looks = len(api.asked)
    opened("overview")
    assert len(api.asked) == looks, "the same viewer is answered from what is kept"
    monkeypatch.setenv("RIDEALONG_API_KEY", "another")
    opened("overview")
    assert len(api.asked) > looks


def test_text_from_outside_never_becomes_markdown(opened: Opener, api: Any) -> None:
    hostile = "![x](http://evil.example/x.png) <script>alert(1)</script> $a$ **b**"
    row = api.workflows[0]
    row["sentence"] = row["split"]["stable"] = hostile
    row["orders"]["tracks"]["ladder"]["resume"]["why"] = hostile
    api.gate["metrics"][0]["title"] = hostile
    for path in ("rollouts", "gate"):
        page = opened(path)
        assert not page.exception
        shown = [element.value for kind in (page.markdown, page.caption, page.warning) for element in kind]
        assert not any("![x](" in text or "<script>" in text for text in shown)
    assert any(hostile in text.value for text in opened("rollouts").text), "st.text shows letters only"


def test_table_cells_cannot_become_formulas(opened: Opener, samples: Any) -> None:
    page = opened("shadow")
    cells = [str(cell) for frame in page.dataframe for column in frame.value for cell in frame.value[column]]
    assert f"'{samples.HOSTILE}" in cells
    assert not any(cell.startswith("=") for cell in cells)


def test_where_people_sign_in_nothing_is_asked_of_the_api_before(
    opened: Opener, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.sign_in.configured", lambda: True)
    page = opened("overview")
    assert not page.exception
    assert [button.label for button in page.button] == ["Sign in"]
    assert api.asked == []


def test_who_signed_in_without_a_token_to_show_learns_what_to_set(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.sign_in.configured", lambda: True)
    monkeypatch.setattr("dashboards.sign_in.signed_in", lambda: True)
    assert "expose_tokens" in said(opened("overview"))


@pytest.mark.parametrize(
    ("installed", "told"),
    [(False, "pip install 'ridealong[sign-in]'"), (True, "the settings of the sign-in are not complete")],
)
def test_who_cannot_be_led_to_the_provider_reads_why(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, installed: bool, told: str
) -> None:
    monkeypatch.setattr("dashboards.sign_in.configured", lambda: True)
    monkeypatch.setattr("dashboards.sign_in.find_spec", lambda _: object() if installed else None)
    page = opened("overview")
    page.button[0].click().run()
    assert not page.exception
    assert told.lower() in said(page).lower()
    assert told.lower() not in said(page.run()).lower(), "it is said once, not for ever"
