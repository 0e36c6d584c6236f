"""The frozen common triage decides who may be randomised: the same ticket always reads the same."""

from dataclasses import replace

import pytest
from agent_cases import NOW, ticket, turns
from hypothesis import given
from hypothesis import strategies as st

from agents.roles.rules import DEFAULT, HARD_TRIGGERS, load_rules
from agents.roles.triage import (
    LANGUAGE_UNSUPPORTED,
    TOO_LITTLE_TEXT,
    UNKNOWN_VALUE,
    detect,
    read_sentiment,
    triage,
)
from policies.vocabulary import Complexity, Sentiment, Urgency


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("My lawyer will write to you.", "legal-language"),
        ("I will sue you for this", "legal-language"),
        ("I\u2019ll see you in court", "legal-language"),
        ("Under the G\u200bDPR I want a copy of my data", "regulatory"),
        ("I am going to the ombudsman", "regulatory"),
        ("The charger caught fire last night", "safety"),
        ("honestly i want to die", "safety"),
        ("My account has been hacked", "security"),
        ("Somebody hacked my account, help", "security"),
        ("They broke into my e-mail", "security"),
        ("Somebody else is using my card", "security"),
        ("there is an unauthorised charge on my bill", "security"),
        ("Can I speak to a real person please", "asks-for-human"),
        ("let me talk with your manager", "asks-for-human"),
        ("HUMAN!", "asks-for-human"),
        ("I have two problems with it", "multi-issue"),
        ("1. it is slow\n2. it is loud", "multi-issue"),
        ("I already contacted you about this", "previous-unresolved"),
        ("see my previous ticket", "previous-unresolved"),
        ("You charged me twice", "billing-dispute"),
        ("WHY DOES NOBODY ANSWER MY MESSAGES", "emotional-intensity"),
        ("This is not right!!", "emotional-intensity"),
    ],
)
def test_what_stands_out_is_seen(text: str, signal: str) -> None:
    assert signal in detect(text)


@pytest.mark.parametrize(
    "text",
    [
        "My friend Sue asked me to write",
        "The tennis court is not in the calendar",
        "The printer is on and the paper is in the tray",
        "How do I connect with the server?",
        "I have the same problem with the other cable",
        "It is the last time zone in the list",
    ],
)
def test_harmless_words_set_off_nothing(text: str) -> None:
    assert detect(text) == ()


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("I want a refund of the last invoice", "billing"),
        ("I cannot log in, my password is refused", "account"),
        ("The app crashes with an error message", "technical"),
        ("Where is my parcel, the tracking number does not work", "shipping"),
        ("I need a return label for the damaged item", "returns"),
        ("I have a question about your office", "general"),
    ],
)
def test_the_category_is_what_the_words_weigh_most_for(text: str, category: str) -> None:
    assert triage(ticket(text)).category == category


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("This is outrageous, you are thieves", Sentiment.ANGRY),
        ("I have been waiting for weeks!! why can't you answer", Sentiment.ANGRY),
        ("It is frustrating, I have been trying for hours", Sentiment.FRUSTRATED),
        ("How do I change the address? Thanks!", Sentiment.NEUTRAL),
        ("I love it, it works great", Sentiment.POSITIVE),
        ("I love it but it still doesn't work", Sentiment.FRUSTRATED),
    ],
)
def test_sentiment_reads_complaints_before_praise(text: str, sentiment: Sentiment) -> None:
    assert read_sentiment(text) is sentiment


@pytest.mark.parametrize(
    ("text", "urgency"),
    [
        ("Our whole company is down", Urgency.CRITICAL),
        ("My account was hacked", Urgency.CRITICAL),
        ("Please answer as soon as possible", Urgency.HIGH),
        ("All of my messages have disappeared", Urgency.HIGH),
        ("No rush, just wondering how it is done", Urgency.LOW),
        ("How do I change the address?", Urgency.NORMAL),
    ],
)
def test_urgency(text: str, urgency: Urgency) -> None:
    assert triage(ticket(text)).urgency is urgency


class TestComplexity:
    def test_a_plain_question_is_simple(self) -> None:
        assert triage(ticket()).complexity is Complexity.SIMPLE

    def test_one_complexity_signal_makes_it_moderate(self) -> None:
        assert triage(ticket("I have two questions about my account")).complexity is Complexity.MODERATE

    def test_two_signals_or_a_hard_trigger_make_it_complex(self) -> None:
        assert (
            triage(ticket("I have two questions and I already reported both")).complexity
            is Complexity.COMPLEX
        )
        assert triage(ticket("Please let me speak to a person about it")).complexity is Complexity.COMPLEX

    def test_a_very_long_text_is_not_simple(self) -> None:
        assert triage(ticket("How do I change the address of it? " * 60)).complexity is Complexity.MODERATE

    def test_a_word_says_too_little(self) -> None:
        found = triage(ticket("help"))
        assert found.complexity is Complexity.UNKNOWN
        assert TOO_LITTLE_TEXT in found.signals

    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("How do I change the address?", "de"),
            ("Wie kann ich bei Ihnen meine Adresse richtig eintragen und speichern?", None),
            ("Wie kann ich bei Ihnen meine Adresse richtig eintragen und speichern?", "en-US"),
        ],
    )
    def test_a_language_without_rules_is_never_called_simple(self, text: str, language: str | None) -> None:
        found = triage(ticket(text, language=language))
        assert found.complexity is Complexity.UNKNOWN
        assert LANGUAGE_UNSUPPORTED in found.signals

    def test_hard_triggers_are_seen_in_other_languages_too(self) -> None:
        assert "regulatory" in triage(ticket("Auskunft nach DSGVO bitte", language="de")).signals


class TestGivenValues:
    def test_they_win_over_the_rules(self) -> None:
        given_all = ticket(
            "This is outrageous",
            category="warranty",
            urgency="Low",
            sentiment="positive",
            complexity="complex",
        )
        found = triage(given_all)
        assert (found.category, found.urgency, found.sentiment, found.complexity) == (
            "warranty",
            Urgency.LOW,
            Sentiment.POSITIVE,
            Complexity.COMPLEX,
        )

    def test_a_value_outside_the_vocabulary_makes_the_complexity_unknown(self) -> None:
        found = triage(ticket(urgency="P1"))
        assert found.complexity is Complexity.UNKNOWN
        assert UNKNOWN_VALUE in found.signals


def test_entities_are_found_and_addresses_masked() -> None:
    rules = replace(DEFAULT, products=("Laser Pro",), version="rules@test")
    found = triage(
        ticket("Order number: 48213-A, invoice for it. Write to jane.doe@example.com, my laser pros fail"),
        rules,
    )
    assert found.entities == {
        "order_numbers": ("48213-A",),
        "emails": ("j***@example.com",),
        "products": ("Laser Pro",),
    }
    assert "jane" not in repr(found)


def test_what_the_customer_says_later_counts_too() -> None:
    assert "legal-language" in triage(ticket(turns=turns("hello", "hi", "my lawyer will call"))).signals
    assert "legal-language" not in triage(ticket(turns=turns("hello", "my lawyer will call"))).signals


@given(st.text(max_size=300), st.text(max_size=60))
def test_any_text_gets_the_same_reading_twice(text: str, subject: str) -> None:
    one = ticket(text, subject=subject)
    assert triage(one) == triage(replace(one, ticket_id="other", opened_at=NOW))


@given(
    st.sampled_from(["My lawyer will write", "my account was hacked", "under the GDPR"]),
    st.text(max_size=200),
)
def test_nothing_written_around_a_hard_trigger_hides_it(threat: str, noise: str) -> None:
    assert set(HARD_TRIGGERS) & set(detect(f"{noise}\n{threat}\n{noise}"))


def test_a_threat_below_a_pasted_log_is_seen() -> None:
    assert "legal-language" in detect(
        "12:00:01 connection reset by peer\n" * 10_000 + "My lawyer will write to you."
    )


def test_a_megabyte_of_brackets_costs_no_time_to_speak_of() -> None:
    """The patterns are RE2, so this ends; with backtracking it would not within the test's time-out."""
    assert triage(ticket("(" * 1_000_000 + "a " * 1_000_000)).complexity is not Complexity.SIMPLE


class TestRulesFile:
    def test_a_hard_trigger_cannot_be_left_out(self, tmp_path) -> None:
        path = tmp_path / "rules.toml"
        path.write_text("[signals]\nsafety = ['x']\n")
        with pytest.raises(ValueError, match="legal-language"):
            load_rules(path)

    def test_a_misspelt_key_is_refused(self, tmp_path) -> None:
        import agents.roles.rules as module

        text = (tmp_path.__class__(module.__file__).with_name("rules.toml")).read_text()
        path = tmp_path / "rules.toml"
        path.write_text(text.replace("min_words", "min_word"))
        with pytest.raises(ValueError, match="min_word"):
            load_rules(path)
