"""The heuristics say what they can tell, and nothing where they cannot."""

import pytest
from agent_cases import triaged
from hypothesis import given
from hypothesis import strategies as st

from agents.contract import Action, Reply, Source
from policies.vocabulary import Sentiment
from rollout.handle.compare import HumanAnswer, judge, overlap

STEPS = "Hello, please open the maintenance menu of the printer and start cleaning the dry print head twice."
OTHER = "The family plan costs fifteen euros monthly, covers four people and renews automatically every year."


def reply(text: str = STEPS, cites: str = "print-head", **changes) -> Reply:
    return Reply(Action.REPLY, text, 0.9, (Source(cites, "Title", "", 0.9),), **changes)


class TestAccuracy:
    @pytest.mark.parametrize(
        ("human", "accuracy"),
        [
            (HumanAnswer("See this.", frozenset({"print-head"})), 1.0),
            (HumanAnswer("See this.", frozenset({"plans"})), 0.0),
            (HumanAnswer("See this.", frozenset({"an-article-the-agent-does-not-have"})), None),
            (HumanAnswer("Which printer?"), None),
            (HumanAnswer(STEPS), 1.0),
            (HumanAnswer(OTHER), 0.0),
            (None, None),
        ],
    )
    def test_shared_articles_decide_then_shared_words_then_nothing(self, human, accuracy) -> None:
        assert judge(reply(), triaged(), human, known=frozenset({"print-head", "plans"})).accuracy == accuracy


class TestAgreement:
    def test_two_answers_agree_as_far_as_they_say_the_same(self) -> None:
        assert judge(reply(), triaged(), HumanAnswer(STEPS, escalated=False)).agreement == 1.0
        assert judge(reply(), triaged(), HumanAnswer(OTHER, escalated=False)).agreement == 0.0

    @pytest.mark.parametrize(("escalated", "agreement"), [(True, 1.0), (False, 0.0), (None, None)])
    def test_a_hand_off_agrees_when_the_human_passed_it_on_too(self, escalated, agreement) -> None:
        handed_off = Reply(Action.HAND_OFF, reasons=("asked-for-human",))
        assert judge(handed_off, triaged(), HumanAnswer("x", escalated=escalated)).agreement == agreement

    def test_answering_what_should_have_been_passed_on_is_disagreement(self) -> None:
        assert judge(reply(), triaged(), HumanAnswer(STEPS, escalated=True)).agreement == 0.0

    @pytest.mark.parametrize(("escalated", "agreement"), [(True, 1.0), (False, None), (None, None)])
    def test_not_knowing_is_no_disagreement_about_the_answer(self, escalated, agreement) -> None:
        abstained = Reply(Action.HAND_OFF, reasons=("low-retrieval-confidence",))
        found = judge(abstained, triaged(), HumanAnswer("x", escalated=escalated))
        assert (found.abstained, found.agreement, found.accuracy, found.tone) == (True, agreement, None, None)

    def test_nobody_answered_so_nothing_can_agree(self) -> None:
        assert judge(reply(), triaged(), None).agreement is None


class TestTone:
    @pytest.mark.parametrize(
        ("text", "sentiment", "tone"),
        [
            ("Thank you. Press the button.", Sentiment.NEUTRAL, 1.0),
            ("Press the button.", Sentiment.NEUTRAL, 0.0),
            ("THANK YOU. PRESS THE BUTTON", Sentiment.NEUTRAL, 0.0),
            ("Please calm down.", Sentiment.NEUTRAL, 0.0),
            ("Thank you. Press the button.", Sentiment.ANGRY, 0.0),
            ("I am sorry. Please press the button.", Sentiment.FRUSTRATED, 1.0),
        ],
    )
    def test_courtesy_is_asked_for_and_an_upset_customer_is_acknowledged(self, text, sentiment, tone) -> None:
        assert judge(reply(text), triaged(sentiment=sentiment), None).tone == tone


def test_policy_is_kept_when_nothing_was_found_against_it() -> None:
    assert judge(reply(), triaged(), None).policy == 1.0
    assert judge(reply(violations=("pii",)), triaged(), None).policy == 0.0


@given(st.text(), st.text())
def test_overlap_is_a_symmetric_share(one: str, other: str) -> None:
    assert overlap(one, other) == overlap(other, one)
    assert 0 <= overlap(one, other) <= 1
    assert overlap(one, one) in (0.0, 1.0)
