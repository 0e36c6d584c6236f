"""The packet is read in a hurry: its limits hold whatever went into it."""

from dataclasses import fields, replace

from agent_cases import ticket, triaged, turns
from hypothesis import given
from hypothesis import strategies as st

from agents.contract import Packet, Source
from agents.roles.handoff import FIRST_WORDS, MAX_WORDS, packet, render, word_count
from policies.vocabulary import Sentiment

texts = st.text(max_size=2000) | st.lists(st.sampled_from(["word", "x" * 300, "\n"]), max_size=500).map(
    " ".join
)
sources = st.lists(
    st.builds(
        Source,
        st.just("s"),
        texts,
        st.just("p"),
        st.floats(0, 1),
        st.none() | st.floats(0, 9999),
        st.booleans(),
    ),
    max_size=8,
)


@given(
    texts,
    texts,
    texts,
    st.lists(texts, max_size=5),
    st.lists(texts, max_size=5),
    sources,
    st.sampled_from(Sentiment),
)
def test_it_never_exceeds_its_words_and_no_part_is_empty(
    text, subject, tier, reasons, tried, found, sentiment
) -> None:
    one = ticket(text, subject=subject, tier=tier, customer_id=tier or "c", turns=turns(text, "answer"))
    made = packet(one, triaged(sentiment=sentiment), reasons=reasons, sources=found, tried=tried)
    assert word_count(made) <= MAX_WORDS
    assert len(render(made).replace("- ", "").split()) <= MAX_WORDS
    assert all(getattr(made, field.name).strip() for field in fields(Packet))
    first = render(made).replace("- ", "").split()[:FIRST_WORDS]
    assert set(made.next_step.split()) <= set(first)
    assert set(made.tone.split()) <= set(first)


def test_even_a_packet_with_every_part_full_can_be_read_in_time() -> None:
    long = "word " * 300
    one = ticket(long, subject=long, tier=long, customer_id=long)
    made = packet(
        one, triaged(), reasons=("safety-concern",), tried=[long], sources=[Source("s", long, "", 0.5)]
    )
    for part in ("customer", "issue", "tried", "knowledge"):
        assert getattr(made, part).endswith("…")
    full = replace(made, next_step="word " * 30, tone="word " * 20)
    assert word_count(full) == MAX_WORDS


def test_it_says_what_to_do_in_the_customers_words_with_its_sources() -> None:
    found = (Source("prices", "Prices", "…", 0.81, 400.0, stale=True), Source("u", "Undated", "…", 0.4))
    one = ticket("I was charged twice.", subject="Invoice", tier="enterprise", language="en")
    made = packet(
        one, triaged(sentiment=Sentiment.ANGRY), reasons=("tier-policy", "low-confidence"), sources=found
    )
    assert made.issue == 'Invoice: "I was charged twice."'
    assert "enterprise" in made.customer
    assert made.knowledge == "Prices (0.81, 400 days old, STALE); Undated (0.40, age unknown)"
    assert made.tried == "No answer was given: tier-policy, low-confidence."
    assert made.next_step.startswith("Handle personally")
    assert made.tone.startswith("Angry")


def test_a_cut_shows() -> None:
    assert packet(ticket("word " * 500), triaged(), reasons=()).issue.endswith("…")
