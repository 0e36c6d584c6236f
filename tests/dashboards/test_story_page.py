"""A ticket's story, a plan held against the history, what a shadow took: run without a browser."""

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards import charts
from dashboards.sections import backtest
from dashboards.story_words import LANES, detail, lane, what

Opener = Callable[..., AppTest]
STORY = "/v1/tickets/t-1'; rm/story"
BACKTEST = "/v1/plans/backtest"


@pytest.fixture
def opened(api: Any, desk: Any, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens a page by its path, for somebody called ada."""
    monkeypatch.setenv("RIDEALONG_API", api.url)
    monkeypatch.delenv("RIDEALONG_API_KEY", raising=False)
    st.cache_data.clear()
    st.cache_resource.clear()
    api.answers = {"/v1/audit": desk.audit(), STORY: desk.story(), BACKTEST: desk.backtest()}

    def opened(path: str, **state: Any) -> AppTest:
        script = f"from dashboards.menu import main\nmain({path!r})"
        page = AppTest.from_string(script, default_timeout=60)
        for key, value in {"name": "ada", **state}.items():
            page.session_state[key] = value
        return page.run()

    return opened


def said(page: AppTest) -> str:
    kinds = (page.markdown, page.text, page.caption, page.error, page.info, page.warning)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def cells(page: AppTest) -> list[str]:
    return [str(cell) for frame in page.dataframe for column in frame.value for cell in frame.value[column]]


def test_a_story_says_who_decided_what_and_that_it_follows(opened: Opener) -> None:
    page = opened("story", ticket="t-1'; rm")
    assert not page.exception
    assert "comes to the same: agent, by its bucket" in said(page)
    assert "Step ten: 10 % with a@1.0.0, 5 % held out. Shadow is left for ten." in said(page)
    assert "ada, 30 Aug 2026, 09:00, record 5; plan 0123456789ab, pinned by ada" in said(page)
    assert {"Passed on by a@1.0.0", "The agent was not sure enough of its answer", "Rated 4 of 5"} <= {
        *cells(page)
    }
    assert "2.0 h" in cells(page), "after its opening"
    (chart,) = page.get("vega_lite_chart")
    assert chart.proto.alt.startswith("What happened: opened, then read as billing, then given to the agent")


def test_a_record_that_does_not_follow_is_said_in_red(opened: Opener, api: Any, desk: Any) -> None:
    differs = {"name": "arm", "recorded": "agent", "computed": "human"}
    again = desk.story()["recomputed"] | {"agrees": False, "differences": [differs]}
    api.answers[STORY] = desk.story(recomputed=again, sound=False, faults=["record 9: another digest"])
    page = opened("story", ticket="t-1'; rm")
    red = "".join(error.value for error in page.error).replace("\\", "")
    assert "arm: recorded agent, computed human" in red
    assert "record 9: another digest" in red


def test_a_ticket_that_nobody_knows_is_said_so_and_the_page_stays(opened: Opener) -> None:
    page = opened("story", ticket="nobody")
    assert "no /v1/tickets/nobody/story" in said(page)
    assert page.title[0].value == "Story"
    assert "Which ticket?" in said(opened("story"))


def test_the_audit_opens_a_story_over_the_page(opened: Opener) -> None:
    page = opened("audit")
    page.text_input[0].set_value(" t-1'; rm ")
    next(button for button in page.button if button.label == "Show its story").click()
    page.run()
    assert "comes to the same: agent" in said(page)
    assert page.title[0].value == "Audit"


def test_every_kind_of_record_has_words_and_a_side(desk: Any) -> None:
    for entry in desk.story()["entries"]:
        assert what(entry)
        assert lane(entry) in LANES
    later = {"seq": 1, "at": "", "kind": "something_new", "actor": "ops", "erased": False, "told": {"n": 3}}
    assert (what(later), detail(later), lane(later)) == ("Something new", "n 3", "person")
    assert "no text" in detail(later | {"erased": True})


@pytest.mark.parametrize(
    ("kind", "told", "words"),
    [
        ("turn", {"author": "customer"}, ("customer", "Wrote again")),
        ("turn", {"author": "human"}, ("person", "Answered")),
        ("handling", {"handler": "human"}, ("person", "Handled by a person")),
        ("escalation", {"reason": "specialist-needed"}, ("person", "Handed over")),
        (
            "comparison",
            {"rater": "heuristic", "version": "a@1"},
            ("ridealong", "Compared with a@1, in shadow"),
        ),
        ("csat", {}, ("customer", "Survey offered")),
        ("resolution", {"kind": "assumed"}, ("ridealong", "Closed as solved")),
        ("claim", {"owner": "ops"}, ("person", "Taken at the desk")),
    ],
)
def test_who_did_what(kind: str, told: dict[str, Any], words: tuple[str, str]) -> None:
    entry: Any = {"seq": 1, "at": "", "kind": kind, "actor": "x", "erased": False, "told": told}
    assert (lane(entry), what(entry)) == words


def press(page: AppTest, start: str) -> AppTest:
    return next(button for button in page.button if button.label.startswith(start)).click().run()


def test_a_backtest_is_asked_for_by_a_button_and_then_drawn(opened: Opener, api: Any) -> None:
    page = opened("plan")
    assert not [path for path, _ in api.sent if path == BACKTEST], "nobody asked for it"
    page = press(page, "Backtest the plan as it stands")
    assert [body for path, body in api.sent if path == BACKTEST][-1] == {
        "workflow": "tier1-support",
        "every": "1w",
    }
    assert "It would have climbed to ten on 14 Sep 2026, thirty on 21 Sep 2026." in said(page)
    assert "At the end it would have stood at thirty (running)." in said(page)
    assert "drawn under another plan" in said(page)


def test_a_backtest_under_way_says_how_far_it_is(opened: Opener, api: Any, desk: Any) -> None:
    api.answers[BACKTEST] = desk.backtest(state="running", done=3, looks=10, result=None)
    page = press(opened("plan"), "Backtest")
    assert "Looking: 3 of 10 looks" in [bar.proto.text for bar in page.get("progress")]


def test_a_backtest_that_failed_says_why(opened: Opener, api: Any, desk: Any) -> None:
    api.answers[BACKTEST] = desk.backtest(state="failed", result=None, why="the view is damaged")
    assert "the view is damaged" in said(press(opened("plan"), "Backtest"))


def test_what_a_walk_came_to_is_one_sentence(desk: Any) -> None:
    walk = desk.backtest()["result"]
    back = walk["looks"][3] | {"decision": "ROLL_BACK", "moved_to": "aborted"}
    assert backtest._said(walk | {"moves": [back]}).startswith(
        "It would have been taken back at thirty, 28 Sep"
    )
    assert backtest._said(walk | {"moves": []}).startswith("No gate would have been passed in 4 looks.")


def test_the_shadow_says_what_it_cost_and_may_cost(opened: Opener, api: Any, desk: Any) -> None:
    api.overview["shadow"]["spending"] = desk.spending()
    page = opened("shadow")
    assert "The shadow cost $52.50 on 2 days" in said(page)
    assert "8 at a time, 20 s for each, and take $40.00 a day" in said(page)


def test_the_budget_and_days_beyond_it_are_drawn(desk: Any) -> None:
    drawn = charts.spending(desk.spending()).to_dict()
    assert len(drawn["layer"]) == 4, "bars, marks of what was left out, the budget and its name"
    spent = desk.spending(allowed=None)
    for day in spent["days"]:
        day["over_budget"] = 0
    assert len(charts.spending(spent).to_dict()["layer"]) == 1


def test_an_answer_that_is_being_counted_is_waited_for_and_not_called_an_error(
    opened: Opener, api: Any
) -> None:
    api.answers["/v1/knowledge"] = {"title": "Being counted", "detail": "ask again", "status": 503}
    page = opened("knowledge")
    assert "Being counted" in said(page)
    assert not page.error
    assert not [button for button in page.button if button.label == "Try again"]
