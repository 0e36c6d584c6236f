"""Knowledge, quality, incidents and audit, run without a browser."""

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards import figures

Opener = Callable[[str], AppTest]


@pytest.fixture
def opened(api: Any, desk: Any, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens a page by its path, for somebody called ada."""
    monkeypatch.setenv("RIDEALONG_API", api.url)
    monkeypatch.delenv("RIDEALONG_API_KEY", raising=False)
    st.cache_data.clear()
    st.cache_resource.clear()
    api.answers = {
        "/v1/knowledge": desk.knowledge(),
        "/v1/quality": desk.quality(),
        "/v1/audit": desk.audit(),
        "/metrics": desk.METRICS,
    }

    def opened(path: str) -> AppTest:
        script = f"from dashboards.menu import main\nmain({path!r})"
        page = AppTest.from_string(script, default_timeout=60)
        page.session_state["name"] = "ada"
        return page.run()

    return opened


def said(page: AppTest) -> str:
    kinds = (page.markdown, page.text, page.caption, page.error, page.success, page.warning)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


@pytest.mark.parametrize(
    ("path", "charts"), [("knowledge", 3), ("quality", 5), ("incidents", 0), ("audit", 0)]
)
def test_a_page_is_drawn_whole_and_its_charts_have_sentences(opened: Opener, path: str, charts: int) -> None:
    page = opened(path)
    assert not page.exception
    assert "could not be drawn" not in said(page)
    drawn = page.get("vega_lite_chart")
    assert len(drawn) == charts
    assert all(len(chart.proto.alt) > 20 for chart in drawn)


def test_gaps_are_ranked_by_tickets_or_by_what_they_cost(opened: Opener) -> None:
    page = opened("knowledge")
    assert next(iter(page.dataframe[0].value["Category"])) == "Billing"
    page.button_group(key="rank").set_value("usd").run()
    assert next(iter(page.dataframe[0].value["Category"])) == "Returns"
    assert "change-address is 320 days old" in said(page)


def test_without_a_wage_gaps_are_ranked_by_tickets_and_it_says_why(opened: Opener, api: Any) -> None:
    for gap in api.answers["/v1/knowledge"]["gaps"]:
        gap["usd"] = None
    page = opened("knowledge")
    page.button_group(key="rank").set_value("usd").run()
    assert "No wage is known" in said(page)


def test_where_nobody_worked_knowledge_and_quality_say_so(opened: Opener, api: Any) -> None:
    api.answers["/v1/knowledge"] |= {"gaps": [], "articles": [], "stale": []}
    for part in ("violations", "latency", "cost"):
        api.answers["/v1/quality"][part]["rows"] = []
    api.answers["/v1/quality"]["drift"] = None
    knowledge, quality = opened("knowledge"), opened("quality")
    assert "No gap in this period" in said(knowledge)
    assert "Nothing to compare with" in said(quality)
    assert not knowledge.get("vega_lite_chart")
    assert not quality.get("vega_lite_chart")


def test_a_mix_that_drifted_is_told_apart_from_quality(opened: Opener) -> None:
    told = said(opened("quality"))
    assert "Beyond chance: category" in told
    assert "Diamond: the mix alone" in told


def test_what_is_away_is_said_in_words(opened: Opener) -> None:
    page = opened("quality")
    assert {metric.label: metric.value for metric in page.metric}["Agents"] == "Away"
    assert "Agents: away" in said(page)
    assert 'some "odd" one' in said(page).replace("\\", "").replace('\\"', '"')


def test_figures_are_read_out_of_the_text(desk: Any) -> None:
    found = figures.read(desk.METRICS + '\nno sample\nridealong_x{a="b"} NaN\n')
    assert found["view_lag_seconds"] == [({}, 0.5)]
    assert found["model_breaker_open"][0].value == 1.0
    assert found["x"][0].labels == {"a": "b"}


def test_an_open_incident_is_acknowledged_graded_and_closed(opened: Opener, api: Any, desk: Any) -> None:
    over = {"status": "closed", "blocks": False, "closed_at": desk.at(1), "closed_by": "bo"}
    closed = desk.incident(incident_id="inc-0", **over)
    api.me["permissions"].append("incidents:open")
    api.incidents = [desk.incident(), closed]
    for action in ("acknowledge", "grade", "close"):
        api.answers[f"/v1/incidents/inc-1/{action}"] = desk.incident()
    page = press(opened("incidents"), "Acknowledge")
    assert api.sent == [("/v1/incidents/inc-1/acknowledge", {"actor": "ada"})]
    assert "Say why" in said(press(page, "Close"))
    page.text_input(key="why-inc-1").set_value("refunds are stopped")
    press(page, "Close")
    assert api.sent[-1] == ("/v1/incidents/inc-1/close", {"reason": "refunds are stopped", "actor": "ada"})
    assert len(page.get("vega_lite_chart")) == 1


def test_an_incident_is_reported_with_its_severity(opened: Opener, api: Any, desk: Any) -> None:
    api.me["permissions"].append("incidents:open")
    page = opened("incidents")
    api.answers["/v1/incidents"] = desk.incident()
    page.text_input(key="incident-title").set_value("refunds twice")
    page.radio(key="severity").set_value(1)
    press(page, "Report")
    body = {"workflow": "tier1-support", "severity": 1, "title": "refunds twice", "actor": "ada"}
    assert api.sent == [("/v1/incidents", body)]


def test_who_may_not_close_an_incident_sees_why(opened: Opener, api: Any, desk: Any, samples: Any) -> None:
    api.incidents = [desk.incident()]
    api.me = samples.me("viewer", method="key", actor="eve (key:1f0c)")
    page = opened("incidents")
    assert all(
        button.disabled
        for button in page.button
        if button.label in ("Acknowledge", "Grade", "Close", "Report")
    )
    assert "it needs rollouts:promote; your roles (viewer) do not have it" in said(page)


def test_the_audit_says_what_was_verified_and_who_did_what(opened: Opener) -> None:
    page = opened("audit")
    assert "All 7 records are what was written" in said(page)
    cells = [str(cell) for frame in page.dataframe for column in frame.value for cell in frame.value[column]]
    assert "'=HYPERLINK(1)" in cells
    assert "POST /v1/workflows/{workflow}/abort" in cells


def test_the_trail_can_be_narrowed_to_whatever_the_server_knows(opened: Opener, api: Any, desk: Any) -> None:
    page = opened("audit")
    (kinds,) = [each for each in page.button_group if each.key == "what"]
    assert kinds.options == ["Everything", "Orders", "Judging", "Something new", "Refusals"]
    st.cache_data.clear()
    api.answers["/v1/audit"] = desk.audit() | {"rows": []}
    kinds.set_value("something-new").run()
    assert not page.exception
    assert api.looked[-1] == ("/v1/audit", {"what": "something-new"})
    assert "Nothing of this kind is on record" in said(page)


def test_a_broken_chain_is_said_in_red(opened: Opener, api: Any, desk: Any) -> None:
    api.answers["/v1/audit"] = desk.audit(
        sound=False, fault="record 3: the payload does not match its digest"
    )
    assert "record 3: the payload does not match" in "".join(
        error.value for error in opened("audit").error
    ).replace("\\", "")


def test_who_is_no_auditor_reads_the_servers_refusal(opened: Opener, api: Any) -> None:
    api.answers["/v1/audit"] = {"title": "Not allowed", "detail": "it needs record:export", "status": 403}
    assert "it needs record:export" in said(opened("audit"))
