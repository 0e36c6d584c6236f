"""The desk and the review, run without a browser: what a person sees, and what their hand sends."""

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards import format as fmt
from dashboards.reasons import REASONS, in_words
from dashboards.sections.desk_item import packet

Opener = Callable[[str], AppTest]


@pytest.fixture
def opened(api: Any, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens a page by its path, for somebody called ada."""
    monkeypatch.setenv("RIDEALONG_API", api.url)
    monkeypatch.delenv("RIDEALONG_API_KEY", raising=False)
    st.cache_data.clear()
    st.cache_resource.clear()

    def opened(path: str) -> AppTest:
        script = f"from dashboards.menu import main\nmain({path!r})"
        page = AppTest.from_string(script, default_timeout=60)
        page.session_state["name"] = "ada"
        return page.run()

    return opened


@pytest.fixture
def waiting(api: Any, desk: Any) -> Any:
    """A hand-off of an enterprise customer, and a draft that somebody has."""
    grave = desk.item("t-1", queue="human-queue-priority-enterprise", severity=0, reasons=["asked-for-human"])
    taken = {"claimed_by": "bo", "claimed_at": desk.at(1), "state": "claimed"}
    draft = desk.item("t-2", kind="draft", draft="It is on its way.", packet=None, reasons=[], **taken)
    api.answers = {
        "/v1/queue?open": {"items": [grave], "next_after": None},
        "/v1/queue?claimed": {"items": [draft], "next_after": None},
        "/v1/conversations/t-1": desk.conversation("t-1"),
        "/v1/conversations/t-2": desk.conversation("t-2"),
        "/v1/approvals": {"approvals": [desk.approval()]},
        "/v1/reviews/next": desk.pair(),
    }
    for ticket in ("t-1", "t-2"):
        for what in ("claim", "release", "answer", "draft", "correction"):
            api.answers[f"/v1/queue/{ticket}/{what}"] = {"ticket_id": ticket}
    return api


def said(page: AppTest) -> str:
    kinds = (page.markdown, page.text, page.caption, page.error, page.success, page.warning, page.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def test_the_gravest_is_open_with_what_to_do_first_on_top(opened: Opener, waiting: Any) -> None:
    page = opened("desk")
    assert not page.exception
    told = said(page)
    assert page.subheader[0].value == "t\\-1"
    assert "The customer asked for a person." in told
    texts = [element.value for element in page.text]
    assert texts.index("Take over by name.") < texts.index("Where is it?"), (
        "what to do stands before what was said"
    )
    assert "Addresses (0.71, 320 days old, STALE)" in told
    assert "the oldest is 320 days old" in told
    assert "The text is erased." in told
    assert "Priority enterprise" in told


def test_a_ticket_is_claimed_answered_and_gone(opened: Opener, waiting: Any) -> None:
    page = press(opened("desk"), "Claim")
    assert waiting.sent == [("/v1/queue/t-1/claim", {"actor": "ada"})]
    page.text_area(key="text-t-1").set_value("Here is your invoice.")
    page = press(page, "Send answer")
    assert waiting.sent[-1] == ("/v1/queue/t-1/answer", {"text": "Here is your invoice.", "actor": "ada"})
    assert "t-1 is answered" in said(page)


def test_an_empty_answer_is_not_sent(opened: Opener, waiting: Any) -> None:
    page = press(opened("desk"), "Send answer")
    assert "Write an answer first" in said(page)
    assert waiting.sent == []


@pytest.mark.parametrize(
    ("text", "button", "sent"),
    [
        (None, "Send to the customer", {"verdict": "approve", "note": ""}),
        ("It left today.", "Send to the customer", {"verdict": "edit", "text": "It left today.", "note": ""}),
        (None, "Reject", {"verdict": "reject", "note": ""}),
    ],
)
def test_what_becomes_of_a_draft_is_what_was_done_with_it(
    opened: Opener, waiting: Any, text: str | None, button: str, sent: dict[str, Any]
) -> None:
    page = opened("desk")
    page.button(key="open-t-2").click().run()
    if text is not None:
        page.text_area(key="draft-t-2").set_value(text)
    press(page, button)
    assert waiting.sent == [("/v1/queue/t-2/draft", sent | {"actor": "ada"})]


def test_what_another_has_is_released_by_force_only(opened: Opener, waiting: Any) -> None:
    page = opened("desk")
    page.button(key="open-t-2").click().run()
    assert "bo looks after it" in said(page)
    press(page, "Release for them")
    assert waiting.sent == [("/v1/queue/t-2/release", {"force": True, "actor": "ada"})]


def test_a_draft_says_which_rules_it_breaks(opened: Opener, waiting: Any) -> None:
    waiting.answers["/v1/queue?claimed"]["items"][0]["violations"] = ["promises-money"]
    page = opened("desk")
    page.button(key="open-t-2").click().run()
    assert "The draft breaks: promises-money" in said(page)


def test_the_assessment_was_wrong_takes_a_label_and_a_note(opened: Opener, waiting: Any) -> None:
    page = opened("desk")
    page.button_group(key="label-t-1").set_value("wrong-category")
    page.text_input(key="wrong-note-t-1").set_value("it is about a return")
    press(page, "Record it")
    note = {"label": "wrong-category", "note": "it is about a return", "actor": "ada"}
    assert waiting.sent == [("/v1/queue/t-1/correction", note)]


def test_a_refusal_at_the_desk_is_in_the_servers_words(opened: Opener, waiting: Any) -> None:
    refusal = {"title": "The desk refuses", "detail": "bo has it since 09:00", "status": 409}
    waiting.answers["/v1/queue/t-1/claim"] = refusal
    assert "bo has it since 09:00" in said(press(opened("desk"), "Claim"))


def test_without_a_name_nothing_can_be_done_on_a_server_without_keys(opened: Opener, waiting: Any) -> None:
    page = opened("desk")
    page.text_input(key="typed-name").set_value("").run()
    assert "Say your name" in said(page)
    assert all(button.disabled for button in page.button if button.label in ("Claim", "Send answer"))


def test_who_may_not_see_the_desk_reads_why(opened: Opener, waiting: Any) -> None:
    refused = {"title": "Not allowed", "detail": "it needs queue:work; yours are viewer", "status": 403}
    waiting.answers["/v1/queue?open"] = refused
    assert "it needs queue:work" in said(opened("desk"))


def test_ticket_text_is_shown_letter_by_letter(opened: Opener, waiting: Any, samples: Any, desk: Any) -> None:
    hostile = samples.HOSTILE
    waiting.answers["/v1/queue?open"]["items"][0] |= {"packet": desk.PACKET.format(text=hostile)}
    waiting.answers["/v1/conversations/t-1"]["turns"][0]["text"] = hostile
    waiting.answers["/v1/reviews/next"]["pair"] |= {"text": hostile, "a": hostile}
    for path in ("desk", "review"):
        page = opened(path)
        assert not page.exception
        assert any(hostile in text.value for text in page.text), path
        marked = [element.value for kind in (page.markdown, page.caption, page.error) for element in kind]
        assert not any("![x](" in text or "<script>" in text for text in marked), path


def test_approvals_show_the_very_arguments_and_send_their_digest(
    opened: Opener, waiting: Any, desk: Any
) -> None:
    result = {"order": "o-17", "refunded_usd": "80.00"}
    waiting.answers["/v1/approvals/t-1:1/approve"] = desk.approval(state="done", result=result)
    page = opened("desk")
    assert "1 call waits for approval" in said(page)
    page.button_group(key="section").set_value("Approvals").run()
    assert '"order": "o-17"' in page.code[0].value
    assert "$80.00" in said(page)
    press(page, "Approve this call")
    assert "refund for ticket t-1 was made, once, and it answered: order o-17" in said(page)
    body = {"reason": "", "arguments_digest": "sha256:aa", "actor": "ada"}
    assert waiting.sent == [("/v1/approvals/t-1:1/approve", body)]


@pytest.mark.parametrize(
    ("became", "told"),
    [
        ({"state": "pending"}, "it takes another person's"),
        ({"state": "failed", "error": "more than was paid"}, "changed nothing (more than was paid)"),
        ({"state": "unknown"}, "nobody knows what it did"),
    ],
)
def test_whoever_approves_reads_what_came_of_it(
    opened: Opener, waiting: Any, desk: Any, became: dict[str, Any], told: str
) -> None:
    waiting.answers["/v1/approvals/t-1:1/approve"] = desk.approval(**became)
    page = opened("desk")
    page.button_group(key="section").set_value("Approvals").run()
    assert told in said(press(page, "Approve this call"))


def test_whoever_decides_stays_with_the_calls_when_fewer_wait(
    opened: Opener, waiting: Any, desk: Any
) -> None:
    waiting.answers["/v1/approvals"] = {"approvals": [desk.approval(), desk.approval(approval_id="t-2:1")]}
    waiting.answers["/v1/approvals/t-1:1/approve"] = desk.approval(state="pending")
    page = opened("desk")
    assert "2 calls wait for approval" in said(page)
    page.button_group(key="section").set_value("Approvals").run()
    waiting.answers["/v1/approvals"] = {"approvals": [desk.approval(approval_id="t-2:1")]}
    press(page, "Approve this call")
    assert "1 of tier1-support wait" in said(page)
    assert page.button_group(key="section").value == "Approvals"
    assert len(page.code) == 1


def test_the_ticket_of_a_call_is_one_click_away(opened: Opener, waiting: Any) -> None:
    page = opened("desk")
    page.button_group(key="section").set_value("Approvals").run()
    press(page, "Read the ticket")
    assert page.button_group(key="section").value == "Tickets"
    assert page.subheader[0].value.replace("\\", "") == "t-1"


def test_a_denial_says_why(opened: Opener, waiting: Any) -> None:
    page = opened("desk")
    page.button_group(key="section").set_value("Approvals").run()
    assert "Say why" in said(press(page, "Deny"))
    assert waiting.sent == []


def test_a_server_without_approvals_says_so(opened: Opener, waiting: Any) -> None:
    del waiting.answers["/v1/approvals"]
    page = opened("desk")
    page.button_group(key="section").set_value("Approvals").run()
    assert "This server has no door for them" in said(page)


def test_a_pair_is_labelled_blind_and_revealed_after(opened: Opener, waiting: Any) -> None:
    told = {"ticket_id": "t-9", "version": "resolution@1.2.0", "a": "agent", "b": "human"}
    waiting.answers["/v1/reviews"] = {"receipts": [], "revealed": [told]}
    page = opened("review")
    assert "2 left for you" in said(page)
    assert "resolution@1.2.0" not in said(page), "the version would say whose reply it is about"
    assert "Choose A, B" in said(press(page, "Record and reveal"))
    key = "resolution@1.2.0-t-9"
    page.button_group(key=f"preference-{key}").set_value("a")
    page.button_group(key=f"outcome-{key}").set_value("lightly-edited")
    page = press(page, "Record and reveal")
    body = {"ticket_id": "t-9", "version": "resolution@1.2.0", "preference": "a", "note": ""}
    assert waiting.sent == [("/v1/reviews", body | {"outcome": "lightly-edited", "actor": "ada"})]
    assert "A was the agent's, resolution@1.2.0; B was a person's" in said(page)
    page.button_group(key="mark-accuracy").set_value(1)
    page = press(page, "Record and go on")
    marks = {"ticket_id": "t-9", "version": "resolution@1.2.0", "accuracy": 1, "actor": "ada"}
    assert waiting.sent[-1] == ("/v1/reviews", marks)
    assert "2 left for you" in said(page)


def test_where_nothing_is_left_to_compare_it_says_so(opened: Opener, waiting: Any) -> None:
    waiting.answers["/v1/reviews/next"] = {"pair": None, "left": 0}
    assert "Nothing left to compare" in said(opened("review"))


def test_an_empty_desk_says_that_nobody_waits(opened: Opener, waiting: Any) -> None:
    for state in ("open", "claimed"):
        waiting.answers[f"/v1/queue?{state}"] = {"items": [], "next_after": None}
    assert "Nobody waits" in said(opened("desk"))


def test_a_text_that_is_no_packet_is_not_taken_apart() -> None:
    assert packet("- next-step: go\n- tone: calm") == {}
    assert packet(None) == {}


def test_every_reason_an_agent_gives_is_said_in_words() -> None:
    from agents.checks.escalation import SEVERITY
    from agents.roles.handoff import _NEXT_STEPS

    assert {*SEVERITY, *_NEXT_STEPS} <= REASONS.keys()
    assert in_words("something-new") == fmt.words("something-new")
