"""What identifies a person does not reach a hosted model, and comes back only where it was."""

from pathlib import Path

import pii_cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pii_cases import measure, texts

from agents.pii import KINDS, Vault, find
from agents.text import normalise

DOCS = Path(__file__).resolve().parents[2] / "docs" / "agents.md"
LOOKS_LIKE = (
    "version 115.10.1",
    "v1.2.3.4",
    "2024-01-12",
    "12:30:45",
    "$1,299.00",
    "9.99 EUR",
    "order 4155552671",
    "order 123-4567890-1234567",
    "ticket #123456789",
    "error 0x8004010F",
    "std::vector",
    "127.0.0.1",
    "255.255.255.0",
    "user@",
    "a @ b",
    "16:9",
)
HIDDEN: dict[str, tuple[str, ...]] = {
    "email": ("ada@example.org", "a.b+c@sub.example.co.uk", "ü@müller.de", "ada (at) example (dot) org"),
    "phone": ("+49 30 901820", "(415) 555-2671", "0044 20 7946 0958"),
    "iban": ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "nl91abna0417164300"),
    "card": ("4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"),
    "id": ("078-05-1121", "AB 12 34 56 C", "RSSMRA85T10A562S", "12345678Z", "756.1234.5678.97"),
    "ip": ("203.0.113.7", "2001:db8::8a2e:370:7334"),
}
values = st.sampled_from([(kind, value) for kind, many in HIDDEN.items() for value in many])
noise = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


class TestFinding:
    @pytest.mark.parametrize(("kind", "value"), [(k, v) for k, many in HIDDEN.items() for v in many])
    def test_each_kind_is_found_whole(self, kind: str, value: str) -> None:
        text = f"Look: {value} (mine)."
        assert [(text[one.start : one.end], one.kind) for one in find(text)] == [(value, kind)]

    @pytest.mark.parametrize("text", LOOKS_LIKE)
    def test_what_only_looks_like_it_is_left(self, text: str) -> None:
        assert find(f"It says {text} here.") == ()

    @pytest.mark.parametrize(
        "text", ["4111 1111 1111 1112", "DE89 3704 0044 0532 0130 01", "000-12-3456", "999.1.1.300"]
    )
    def test_a_wrong_check_sum_is_no_number_of_anybody(self, text: str) -> None:
        assert find(f"It says {text} here.") == ()

    def test_bare_digits_count_where_the_words_before_say_so(self) -> None:
        assert find("my invoice 07911123456 is late") == ()
        assert [one.kind for one in find("call me on 07911123456 please")] == ["phone"]
        assert [one.kind for one in find("passport number 123456789")] == ["id"]

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("It broke.\nBest regards,\nMaria Lopez", "Maria Lopez"),
            ("It broke.\nThanks\n\nBjörn", "Björn"),
            ("My name is Jean-Luc de la Cruz. It broke.", "Jean-Luc de la Cruz"),
            ("Dear Mr. O'Brien,\nit broke.", "O'Brien"),
            ("It broke.\n-- \nWei Zhang\nSales", "Wei Zhang"),
        ],
    )
    def test_names_at_greetings_and_farewells(self, text: str, name: str) -> None:
        assert [text[one.start : one.end] for one in find(text)] == [name]

    @pytest.mark.parametrize(
        "text", ["Thanks,\nPlease help", "Hello Everyone,\nit broke", "Hi Team,\nhelp", "Thanks.\nThe end."]
    )
    def test_words_that_are_no_names(self, text: str) -> None:
        assert find(text) == ()


class TestVault:
    @given(st.lists(st.one_of(noise, values.map(lambda one: f" {one[1]} "), st.sampled_from(LOOKS_LIKE))))
    @settings(max_examples=60, deadline=None)
    def test_what_was_taken_out_can_be_put_back(self, parts: list[str]) -> None:
        text, vault = " ".join(parts), Vault()
        redacted = vault.redact(text)
        assert vault.restore(redacted) == normalise(text)
        assert vault.redact(redacted) == redacted, "twice is once"

    @given(noise, st.lists(values, min_size=1, max_size=4), noise)
    @settings(max_examples=60, deadline=None)
    def test_no_value_survives(self, before: str, many: list[tuple[str, str]], after: str) -> None:
        quoted = "\n".join(f"- {value}" for _, value in many)
        redacted = Vault().redact(f"{before}\n{quoted}\n{after}")
        for _, value in many:
            assert normalise(value) not in redacted

    def test_seeded_texts_lose_all_that_is_checksummed_and_come_back_whole(self) -> None:
        for case in texts(many=150):
            vault = Vault()
            redacted = vault.redact(case.text)
            for start, end, kind in case.truth:
                assert kind == "name" or case.text[start:end] not in redacted
            assert vault.restore(redacted) == case.text

    def test_hidden_and_foreign_characters_do_not_help(self) -> None:
        vault = Vault()
        hidden = "a\u200bda@exam\u00adple.org, 4111 1111 1111 1111"
        assert vault.redact(hidden) == "⟦email-1⟧, ⟦card-1⟧"

    def test_one_value_has_one_placeholder_throughout_a_conversation(self) -> None:
        vault = Vault()
        assert vault.redact("ada@example.org and bob@example.org") == "⟦email-1⟧ and ⟦email-2⟧"
        assert vault.redact("again bob@example.org") == "again ⟦email-2⟧"

    def test_a_name_once_signed_is_known_wherever_it_stands(self) -> None:
        vault = Vault()
        vault.redact("It broke.\nRegards,\nMaria Lopez")
        assert vault.redact("Maria Lopez wrote before.") == "⟦name-1⟧ wrote before."

    def test_a_placeholder_that_somebody_typed_stands_for_nothing(self) -> None:
        vault = Vault()
        redacted = vault.redact("send it to ⟦email-1⟧ and to ada@example.org")
        assert vault.restore(redacted) == "send it to ⟦email-1⟧ and to ada@example.org"
        assert redacted.count("⟦email-1⟧") == 1

    def test_placeholders_that_a_model_made_up_are_named(self) -> None:
        vault = Vault()
        vault.redact("ada@example.org")
        assert vault.unknown("Hello ⟦name-1⟧, ⟦email-1⟧") == ("⟦name-1⟧",)
        assert vault.restore("Hello ⟦name-1⟧") == "Hello ⟦name-1⟧"

    def test_another_customers_vault_opens_nothing(self) -> None:
        first, second = Vault(), Vault()
        assert second.restore(first.redact("ada@example.org")) == "⟦email-1⟧"

    def test_it_shows_no_value_of_its_own(self) -> None:
        vault = Vault()
        vault.redact("ada@example.org")
        assert "ada" not in repr(vault)
        assert vault.counts() == {"email": 1}


class TestMeasured:
    def test_the_published_figures_are_these(self) -> None:
        table = pii_cases.table()
        assert table in DOCS.read_text(), f"put this into {DOCS.name}:\n{table}"

    def test_nothing_checksummed_is_missed_or_imagined(self) -> None:
        figures = measure(200)
        for kind in KINDS:
            assert figures[kind].precision >= 0.97, kind
            assert kind == "name" or figures[kind].recall == 1, kind
        assert figures["name"].recall >= 0.5
