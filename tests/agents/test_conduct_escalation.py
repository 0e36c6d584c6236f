"""Escalation with everything it rests on: nothing outweighs a hard trigger, every boundary is exact."""

import json
from typing import Any

import pytest
from agent_cases import ticket, triaged, turns
from hypothesis import given
from hypothesis import strategies as st
from test_conduct import POLICY

from agents.checks.escalation import (
    HARD_REASONS,
    EscalationRules,
    before,
    evaluate,
    ordered,
    weigh,
)
from agents.checks.mood import degrades, trend
from agents.roles.rules import DEFAULT
from policies.vocabulary import Complexity, Sentiment, Urgency

RULES = EscalationRules(min_confidence=0.72)
THREATS = st.sampled_from(
    ["my lawyer will write", "this breaks the GDPR", "it caught fire", "my account was hacked", "human"]
)
A, F, N, P = Sentiment.ANGRY, Sentiment.FRUSTRATED, Sentiment.NEUTRAL, Sentiment.POSITIVE


@given(THREATS, st.floats(0, 1), st.floats(0, 1), st.text(max_size=30))
def test_no_confidence_ever_beats_a_hard_trigger(
    threat: str, confidence: float, retrieval: float, noise: str
) -> None:
    """Whatever a draft is worth, the reasons of before stay and stay first."""
    one = ticket(f"{noise}\n{threat}")
    found = evaluate(one, triaged(), RULES)
    weighed = weigh(triaged(), confidence=confidence, retrieval_confidence=retrieval, rules=RULES)
    together = ordered([*weighed.codes, *found.codes])
    assert together[0] in HARD_REASONS
    assert [reason.hard for reason in found.reasons if reason.code in HARD_REASONS]
    assert all(reason.hard for reason in found.reasons if reason.code in HARD_REASONS)


@given(THREATS, st.text(max_size=60), st.text(max_size=60), st.sampled_from(["\n", "\n\n", "\n---\n"]))
def test_saying_more_never_takes_a_hard_trigger_away(
    threat: str, ahead: str, behind: str, separator: str
) -> None:
    alone = set(before(ticket(threat), triaged(), RULES)) & set(HARD_REASONS)
    assert alone
    assert alone <= set(before(ticket(f"{ahead}{separator}{threat}{separator}{behind}"), triaged(), RULES))
    later = ticket(turns=turns(ahead, "ok", threat, "ok", behind))
    assert alone <= set(before(later, triaged(), RULES))


def test_a_trigger_in_the_middle_of_an_endless_text_is_found() -> None:
    log = "x y z " * (DEFAULT.max_chars // 4)
    assert "legal-language-detected" in before(ticket(f"{log}my lawyer will write {log}"), triaged(), RULES)


@pytest.mark.parametrize(
    ("confidence", "low"), [(0.72, False), (0.7199999, True), (0.0, True), (None, True), (1.0, False)]
)
def test_exactly_the_confidence_threshold_is_enough(confidence: float | None, low: bool) -> None:
    found = weigh(triaged(), confidence=confidence, retrieval_confidence=1.0, rules=RULES)
    assert found.escalates is low
    if low:
        assert found.reasons[0].threshold == 0.72
        assert found.reasons[0].inputs == {"confidence": confidence}


@pytest.mark.parametrize(("replies", "reached"), [(2, False), (3, False), (4, True)])
def test_exactly_the_turn_limit_is_too_many(replies: int, reached: bool) -> None:
    found = evaluate(ticket(turns=turns(*["fine"] * (2 * replies + 1))), triaged(), RULES)
    assert [(one.code, one.threshold) for one in found.reasons] == (
        [("max-turns-reached", 4)] if reached else []
    )


@pytest.mark.parametrize(
    ("series", "falls"),
    [
        ([A], True),
        ([N, A, P], True),
        ([F], False),
        ([F, F], False),
        ([N, F], False),
        ([P, F], True),
        ([N, N, F], True),
        ([F, F, N], False),
        ([], False),
    ],
)
def test_the_mood_counts_as_a_series(series: list[Sentiment], falls: bool) -> None:
    assert degrades(series) is falls


def test_the_trend_compares_the_newest_with_the_first() -> None:
    assert [trend(series) for series in ([N, F], [F, N], [N, A, N], [])] == [
        "worsening",
        "improving",
        "steady",
        "steady",
    ]


@pytest.mark.parametrize(
    ("urgency", "complexity", "calibrated", "kept"),
    [
        (Urgency.HIGH, Complexity.UNKNOWN, False, True),
        (Urgency.CRITICAL, Complexity.UNKNOWN, False, True),
        (Urgency.HIGH, Complexity.UNKNOWN, True, False),
        (Urgency.NORMAL, Complexity.UNKNOWN, False, False),
        (Urgency.HIGH, Complexity.SIMPLE, False, False),
    ],
)
def test_what_is_urgent_and_unreadable_stays_with_people_until_calibrated(
    urgency: Urgency, complexity: Complexity, calibrated: bool, kept: bool
) -> None:
    rules = EscalationRules(min_confidence=0.5, calibrated=calibrated)
    found = before(ticket(), triaged(urgency=urgency, complexity=complexity), rules)
    assert ("uncalibrated-triage" in found) is kept


@pytest.mark.parametrize(
    ("tier", "changes", "kept"),
    [
        ("Enterprise", {"category": "billing"}, True),
        ("enterprise", {"category": "technical"}, False),
        ("vip", {"category": "technical", "signals": ("billing-dispute",)}, True),
        ("vip", {"category": "billing"}, False),
        ("free", {"category": "billing", "signals": ("billing-dispute",)}, False),
    ],
)
def test_tier_category_and_subtype_are_a_table(tier: str, changes: dict[str, Any], kept: bool) -> None:
    assert ("tier-policy" in before(ticket(tier=tier), triaged(**changes), RULES)) is kept


def test_sensitive_topics_of_the_policy_come_before_any_answer() -> None:
    one = ticket("I dispute the charge of $900, and I see a suspicious login.")
    found = evaluate(one, triaged(), RULES, conduct=POLICY)
    assert found.codes[:2] == ("sensitive-topic", "billing-specialist")
    assert found.reasons[1].threshold == 500
    assert found.policy == POLICY.policy.digest


def test_the_trace_has_inputs_thresholds_and_digests_and_nobodys_text() -> None:
    one = ticket("My lawyer Mr Quibble will write to you about elephants", tier="vip")
    told = evaluate(one, triaged(), RULES, conduct=POLICY).trace()
    assert told["reasons"][0] == {
        "reason": "legal-language-detected",
        "hard": True,
        "inputs": {"trigger": "legal-language", "messages": [0], "by_triage": False},
        "threshold": None,
    }
    assert told["inputs"]["sentiment"] == ["neutral"]
    assert (told["rules"], told["policy"]) == (RULES.digest, POLICY.policy.digest)
    written = json.dumps(told)
    assert "Quibble" not in written
    assert "elephants" not in written


def test_changed_thresholds_have_another_digest() -> None:
    changed = [
        EscalationRules(min_confidence=0.73),
        EscalationRules(min_confidence=0.72, max_turns=3),
        EscalationRules(min_confidence=0.72, kept=()),
        EscalationRules(min_confidence=0.72, calibrated=True),
    ]
    assert len({RULES.digest, *(rules.digest for rules in changed)}) == 5
    assert EscalationRules(min_confidence=0.72).digest == RULES.digest
