from hypothesis import given
from hypothesis import strategies as st

from agents.text import normalise, sentences, stem, terms, words


def test_disguised_spellings_become_one() -> None:
    assert (
        normalise("I\u2019m  su\u200bing \u201cyou\u201d \u2014 \uff47\uff44\uff50\uff52")
        == 'I\'m  suing "you" - gdpr'
    )


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(alphabet=st.characters()))
def test_whatever_came_in_can_be_encoded(text: str) -> None:
    normalise(text + "\ud800").encode()


def test_terms_are_singular_and_carry_meaning() -> None:
    assert terms("How do I reset the passwords of my accounts?") == ["reset", "password", "account"]


def test_the_s_stemmer_leaves_words_that_only_look_like_plurals() -> None:
    assert [stem(word) for word in ("queries", "status", "address", "aches", "bus", "customer's")] == [
        "query",
        "status",
        "address",
        "ache",
        "bus",
        "customer",
    ]


def test_an_apostrophe_inside_a_word_belongs_to_it() -> None:
    assert words("It doesn't work, 'really'") == ["it", "doesn't", "work", "really"]


def test_sentences_end_at_stops_and_line_breaks_but_not_at_abbreviations() -> None:
    assert list(sentences("Open it, e.g. twice. Then wait!\nDone")) == [
        "Open it, e.g. twice.",
        "Then wait!",
        "Done",
    ]


@given(st.text(alphabet="ab .!?\n\"')"))
def test_sentences_lose_no_word(text: str) -> None:
    assert words(" ".join(sentences(text))) == words(text)
