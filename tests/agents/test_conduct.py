"""A conduct policy at work: what it finds in a text, where, and what becomes of the text."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.checks.claims import amounts
from agents.checks.conduct import REDACTED, Conduct, Context
from agents.checks.grounding import Grounds, ungrounded
from agents.checks.reading import read
from agents.checks.violations import Outcome
from agents.roles.triage import detect
from agents.text import normalise
from policies.conduct import ConductPolicy
from policies.detectors import shipped
from policies.effective import effective

NOTICE = "You are talking to an automated assistant."
DATA = "I need this only to find your account."


def conduct(**changes: Any) -> Conduct:
    content: dict[str, Any] = {
        "content_guardrails": {
            "prohibited_topics": [
                "competitor_product_comparison",
                "unreleased_features",
                "internal_tooling_names",
                "pricing_not_in_catalog",
                "legal_advice",
            ]
        },
        "required_disclosures": {
            "ai_disclosure": {"trigger": "first_message", "text": NOTICE},
            "data_notice": {"trigger": "account_data_requested", "text": DATA},
        },
        "sensitive_topic_handlers": {
            "account_security_concern": {"action": "escalate_immediately"},
            "payment_dispute_over_threshold": {
                "action": "escalate_to_billing_specialist",
                "threshold_usd": 500,
            },
        },
        "tone_guidelines": {"voice": "direct", "prohibited_phrases": ["I'm just an AI"]},
        **changes,
    }
    return Conduct(effective("test", ConductPolicy.model_validate(content), shipped()))


POLICY = conduct()


def codes(text: str, **context: Any) -> list[str]:
    return [one.rule for one in POLICY.examine(text, Context(**context)).violations]


class TestTopicsAndPhrases:
    @pytest.mark.parametrize(
        ("reply", "topic"),
        [
            ("Our sync is faster than other providers.", "competitor_product_comparison"),
            ("Folders are coming  soon!", "unreleased_features"),
            ("I checked our internal\nwiki.", "internal_tooling_names"),
            ("I can give you a discount.", "pricing_not_in_catalog"),
            ("You have\u00a0a case against them.", "legal_advice"),
            ("You have a c\u200base against them.", "legal_advice"),
            ("\uff39\uff4f\uff55 \uff43\uff4f\uff55\uff4c\uff44 \uff53\uff55\uff45 them.", "legal_advice"),
        ],
    )
    def test_prohibited_topics_are_found_however_they_are_written(self, reply: str, topic: str) -> None:
        assert codes(reply) == [f"prohibited_topic:{topic}"]

    def test_the_span_is_where_it_stands_in_the_normalised_text(self) -> None:
        text = "Well\u2026  I\u2019m\n  just an AI, sorry."
        (found,) = POLICY.examine(text, Context()).violations
        assert normalise(text)[found.start : found.end] == "I'm\n  just an AI"

    def test_a_clean_reply_is_sent_as_it_is(self) -> None:
        done = POLICY.examine("Open the sign-in page and choose Forgot password.", Context())
        assert (done.outcome, done.violations) == (Outcome.SEND, ())
        assert done.text == "Open the sign-in page and choose Forgot password."


class TestWhatFollows:
    @pytest.mark.parametrize(
        ("on_fail", "outcome", "sent"),
        [
            ("warn", "send", "That is purple."),
            ("redact", "redact", f"That is {REDACTED}."),
            ("rewrite", "rewrite", ""),
            ("block", "block", ""),
            ("escalate", "escalate", ""),
        ],
    )
    def test_on_fail_decides(self, on_fail: str, outcome: str, sent: str) -> None:
        one = conduct(rules={"no_purple": {"patterns": ["purple"], "on_fail": on_fail}})
        done = one.examine("That is purple.", Context())
        assert (done.outcome, done.text) == (outcome, sent)
        assert done.codes == ("rule:no_purple",)

    def test_the_strictest_enforced_rule_wins_and_observing_changes_nothing(self) -> None:
        rules = {
            "a": {"patterns": ["purple"], "on_fail": "warn"},
            "b": {"patterns": ["purple"], "on_fail": "block"},
            "c": {"patterns": ["purple"], "on_fail": "escalate", "mode": "observe"},
        }
        done = conduct(rules=rules).examine("purple", Context())
        assert done.outcome is Outcome.BLOCK
        assert [one.rule for one in done.violations] == ["rule:a", "rule:b", "rule:c"]
        assert done.codes == ("rule:a", "rule:b")

    def test_a_text_is_rewritten_once_and_then_left_to_a_person(self) -> None:
        text = "I'm just an AI."
        assert POLICY.examine(text, Context()).outcome is Outcome.REWRITE
        assert POLICY.examine(text, Context(), again=True).outcome is Outcome.BLOCK

    def test_what_has_no_place_cannot_be_blanked(self) -> None:
        one = conduct(rules={"wrong_language": {"on_fail": "redact"}})
        german = "Bitte \u00f6ffnen Sie die Einstellungen und w\u00e4hlen Sie das Konto, das Sie nicht sehen."
        assert one.examine(german, Context(language="en")).outcome is Outcome.BLOCK

    def test_the_trace_names_the_policy_and_holds_no_text(self) -> None:
        done = POLICY.examine("Call jane@example.org about purple elephants", Context())
        told = repr(done.trace())
        assert done.trace()["digest"] == POLICY.policy.digest
        assert "jane" not in told
        assert "elephant" not in told


class TestDisclosures:
    def test_the_notice_goes_before_the_first_message_once(self) -> None:
        first = POLICY.examine("Hello.", Context(first_message=True))
        assert first.text == f"{NOTICE}\n\nHello."
        assert first.outcome is Outcome.SEND
        assert POLICY.examine(first.text, Context(first_message=True)).text == first.text
        assert POLICY.examine("Hello.", Context()).text == "Hello."

    def test_asking_for_account_data_owes_a_notice(self) -> None:
        asking = "Please send me your order number."
        assert POLICY.examine(asking, Context()).text == f"{asking}\n\n{DATA}"

    def test_what_is_only_owed_is_no_violation_on_record(self) -> None:
        assert POLICY.examine("Hello.", Context(first_message=True)).codes == ()


class TestLeaks:
    @pytest.mark.parametrize(
        "reply",
        [
            "Write to jane.doe@example.org instead.",
            "The card is 4111 1111 1111 1111.",
            "Call +49 30 901820 and ask for her.",
            "Transfer it to DE89 3704 0044 0532 0130 00.",
        ],
    )
    def test_other_peoples_data_never_leave(self, reply: str) -> None:
        done = POLICY.examine(reply, Context(customer=("who else has access?",)))
        assert done.outcome is Outcome.BLOCK
        assert done.violations[0].rule == "potential_pii_leakage"
        assert done.violations[0].severity == "critical"

    def test_the_customers_own_may_be_repeated_in_another_spelling(self) -> None:
        own = ("I am Jane.Doe@example.org, call me at +49 30 901820",)
        reply = "We have jane.doe@example.org and +49 (0)30 901 820."
        assert "potential_pii_leakage" not in codes(reply, customer=own)

    def test_published_addresses_may_be_given(self) -> None:
        assert codes("Write to help@example.org.", knowledge=("Contact: help@example.org",)) == []


class TestSpecifics:
    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            ("It costs $20.", "price"),
            ("It costs 20 EUR.", "price"),
            ("It ends on 3 May 2025.", "date"),
            ("It ends on 2025-05-04.", "date"),
            ("It takes 24 hours.", "quantity"),
            ("It takes two days.", "quantity"),
            ("It is 15% slower.", "quantity"),
            ("There are 4711 of them.", "quantity"),
            ("See https://evil.example/a?q=1.", "link"),
            ("See evil-site.com/login.", "link"),
            ("![x](https://evil.example/pixel.png)", "link"),
            ("Click javascript:alert(1)", "link"),
            ("We will refund you.", "promise"),
            ("That is guaranteed.", "promise"),
            ("I have cancelled it.", "promise"),
        ],
    )
    def test_nothing_specific_is_made_up(self, reply: str, kind: str) -> None:
        assert codes(reply, customer=("what now?",)) == [f"ungrounded_specific_claim:{kind}"]

    @pytest.mark.parametrize(
        ("reply", "ground"),
        [
            ("It costs $1,200.", "The plan is 1200.00 USD a year"),
            ("You paid 49,90 EUR.", "I was charged \u20ac49.90!"),
            ("Your 49.90 is on its way.", "charged 49.90"),
            ("You paid 49.90 EUR.", "charged 49.90"),
            ("It ends on May 3rd.", "ends 2025-05-03"),
            ("It ends on 03.05.2025.", "ends on 3 May 2025"),
            ("It takes 24 hours.", "Allow 24 hours."),
            ("It takes three days.", "Allow 3 days."),
            ("It takes 3-5 business days.", "Allow 3 to 5 business days."),
            ("See http://www.help.example/a/.", "https://help.example/a"),
            ("Step 3 of 10, see [2].", "-"),
            ("We will refund the price.", "Within the trial we will refund the price of the plan."),
        ],
    )
    def test_the_same_in_other_words_is_grounded(self, reply: str, ground: str) -> None:
        assert codes(reply, knowledge=(ground,)) == []

    @pytest.mark.parametrize(
        ("reply", "ground"),
        [
            ("It costs 20 EUR.", "It costs 20 USD."),
            ("It ends on 3 May 2026.", "It ends on 3 May 2025."),
            ("It takes 24 hours.", "It takes 24 minutes."),
            ("It takes 5 days.", "It takes 3 to 5 days."),
            ("See https://help.example/b.", "https://help.example/a"),
        ],
    )
    def test_nearly_the_same_is_not(self, reply: str, ground: str) -> None:
        assert len(codes(reply, knowledge=(ground,))) == 1

    def test_a_promise_that_the_customer_dictates_is_none(self) -> None:
        said = "Say: we will refund you 20 EUR."
        assert codes("We will refund you 20 EUR.", customer=(said,)) == ["ungrounded_specific_claim:promise"]

    @given(st.text(max_size=120))
    def test_what_is_grounded_in_itself_claims_nothing_new(self, text: str) -> None:
        assert list(ungrounded(read(text), Grounds.of([text]))) == []

    def test_amounts_are_read_in_any_spelling(self) -> None:
        text = "$1,200.50, 3k EUR, USD 7 and 12,30"
        expected = [Decimal(7), Decimal("12.30"), Decimal("1200.5"), Decimal(3000)]
        assert sorted(amounts(read(text))) == expected


class TestSensitiveTopics:
    @pytest.mark.parametrize(
        ("amount", "over"), [("499.99", False), ("500.00", False), ("500.01", True), ("1,000", True)]
    )
    def test_over_means_over(self, amount: str, over: bool) -> None:
        said = [f"I dispute the charge of ${amount}."]
        found = [one.rule.name for one in POLICY.sensitive(said, detect(said[0]))]
        assert found == (["payment_dispute_over_threshold"] if over else [])

    @given(st.lists(st.text(max_size=40), max_size=4))
    def test_saying_more_never_takes_a_sensitive_topic_away(self, more: list[str]) -> None:
        said = ["I dispute the charge of $900", *more]
        names = [one.rule.name for one in POLICY.sensitive(said, ())]
        assert "payment_dispute_over_threshold" in names


@given(st.text(max_size=200))
def test_the_same_text_is_always_judged_alike_and_every_span_lies_in_it(text: str) -> None:
    one, two = POLICY.examine(text, Context(language="en")), POLICY.examine(text, Context(language="en"))
    assert one == two
    assert all(0 <= found.start <= found.end <= len(normalise(text)) for found in one.violations)


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_around_a_prohibited_phrase_hides_it(before: str, after: str) -> None:
    found = codes(f"{before} I'm just an AI {after}")
    assert "prohibited_phrase:I'm just an AI" in found
