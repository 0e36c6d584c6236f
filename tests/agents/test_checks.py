"""Escalation and the validator: what no confidence can overrule."""

from dataclasses import replace

import pytest
from agent_cases import ticket, triaged, turns
from hypothesis import given
from hypothesis import strategies as st

from agents.checks import validator
from agents.checks.escalation import HARD_REASONS, EscalationRules, after, before, ordered
from policies.vocabulary import Sentiment

RULES = EscalationRules(min_confidence=0.72)


class TestBefore:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("My lawyer will write to you", "legal-language-detected"),
            ("This breaks the GDPR", "regulatory-reference"),
            ("The cable caught fire", "safety-concern"),
            ("My account was hacked", "security-concern"),
            ("Let me talk to a human", "asked-for-human"),
        ],
    )
    def test_hard_triggers_are_found_whatever_the_triage_missed(self, text: str, reason: str) -> None:
        assert reason in before(ticket(text), triaged(), RULES)

    def test_hard_triggers_are_found_in_any_later_turn(self) -> None:
        talk = ticket(turns=turns("hello", "hi there", "then I will sue you"))
        assert before(talk, triaged(), RULES) == ("legal-language-detected",)

    def test_every_reason_is_recorded_gravest_first(self) -> None:
        one = ticket("The cable caught fire, my lawyer will write, let me talk to a human", tier="Enterprise")
        found = before(one, triaged(category="billing", sentiment=Sentiment.ANGRY), RULES)
        assert found == (
            "safety-concern",
            "legal-language-detected",
            "asked-for-human",
            "tier-policy",
            "sentiment-degradation",
        )

    @pytest.mark.parametrize(("replies", "reached"), [(2, False), (3, False), (4, True), (5, True)])
    def test_the_turn_limit_counts_completed_agent_replies(self, replies: int, reached: bool) -> None:
        talk = ticket(turns=turns(*["fine"] * (2 * replies + 1)))
        assert ("max-turns-reached" in before(talk, triaged(), RULES)) is reached

    def test_anger_counts_at_once_and_frustration_when_it_lasts(self) -> None:
        calm, sour = "ok, and then?", "this is frustrating"

        def reasons(sentiment: Sentiment, *said: str) -> tuple[str, ...]:
            return before(ticket(turns=turns(*said)), triaged(sentiment=sentiment), RULES)

        assert reasons(Sentiment.ANGRY) == ("sentiment-degradation",)
        assert reasons(Sentiment.FRUSTRATED, sour, "well", sour) == ("sentiment-degradation",)
        assert reasons(Sentiment.FRUSTRATED, sour) == ()
        assert reasons(Sentiment.FRUSTRATED, sour, "well", calm) == ()
        assert reasons(Sentiment.NEUTRAL, calm, "well", "you are thieves") == ("sentiment-degradation",)


class TestAfter:
    @pytest.mark.parametrize(
        ("confidence", "low"),
        [(0.72, False), (0.719, True), (None, True), (float("nan"), True), (1.0, False)],
    )
    def test_low_confidence(self, confidence: float | None, low: bool) -> None:
        found = after(triaged(), confidence=confidence, retrieval_confidence=0.9, rules=RULES)
        assert (found == ("low-confidence",)) is low

    @pytest.mark.parametrize(
        ("category", "signals", "retrieval", "sensitive"),
        [
            ("billing", (), 0.49, True),
            ("billing", (), 0.5, False),
            ("account", ("regulatory",), 0.49, True),
            ("account", (), 0.1, False),
        ],
    )
    def test_thin_retrieval_on_sensitive_topics(
        self, category: str, signals: tuple[str, ...], retrieval: float, sensitive: bool
    ) -> None:
        one = triaged(category=category, signals=signals)
        found = after(one, confidence=0.9, retrieval_confidence=retrieval, rules=RULES)
        assert ("low-retrieval-confidence-sensitive-topic" in found) is sensitive


@given(
    st.sampled_from(["my lawyer", "gdpr", "caught fire", "was hacked", "a real person"]),
    st.text(max_size=80),
    st.floats(0, 1),
    st.integers(1, 50),
)
def test_no_setting_switches_a_hard_trigger_off(
    threat: str, noise: str, threshold: float, max_turns: int
) -> None:
    lenient = EscalationRules(
        min_confidence=threshold,
        max_turns=max_turns,
        human_only=frozenset(),
        sensitive_categories=frozenset(),
    )
    assert set(HARD_REASONS) & set(before(ticket(f"{noise} {threat} {noise}"), triaged(), lenient))


@given(st.lists(st.sampled_from([*HARD_REASONS, "low-confidence", "something-new", "tier-policy"])))
def test_ordering_loses_nothing_and_repeats_nothing(reasons: list[str]) -> None:
    found = ordered(reasons)
    assert sorted(found) == sorted(set(reasons))
    assert ordered(found) == found


@pytest.mark.parametrize("bad", [{"min_confidence": 1.5}, {"min_confidence": float("nan")}, {"max_turns": 0}])
def test_impossible_thresholds_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        replace(RULES, **bad)


class TestValidator:
    def test_prohibited_phrases_are_found_whatever_the_apostrophe_and_spacing(self) -> None:
        assert validator.validate("UNFORTUNATELY,  I cannot do it. I\u2019m just an AI", []) == (
            "prohibited_phrase:Unfortunately, I cannot",
            "prohibited_phrase:I'm just an AI",
        )

    @pytest.mark.parametrize(
        ("reply", "found"),
        [
            ("It costs 19.99 a month", ("ungrounded_specific_claim:quantity",)),
            ("It costs 9 a month, see [12]", ()),
            ("It arrives on 24.12.2025", ("ungrounded_specific_claim:date",)),
            ("It costs 15 EUR", ()),
            ("See https://help.example/prices.", ()),
            ("See https://evil.example/prices", ("ungrounded_specific_claim:link",)),
            ("Your order 4711 is on its way", ()),
        ],
    )
    def test_numbers_and_links_must_stand_in_what_the_reply_rests_on(
        self, reply: str, found: tuple[str, ...]
    ) -> None:
        grounds = ["The plan costs 15 EUR, see https://help.example/prices", "where is my order 4711?"]
        assert validator.validate(reply, grounds) == found

    @given(st.text())
    def test_what_is_grounded_in_itself_claims_nothing_new(self, text: str) -> None:
        assert validator.ungrounded(text, [text]) == ()
