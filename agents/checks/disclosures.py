"""What the customer has to be told: whether it is owed with a reply, stands in it, and is added where not."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agents.checks.reading import Reading, matches
from agents.text import normalise
from policies.effective import Rule

FIRST_MESSAGE: Final = "first_message"


def owed(rules: Iterable[Rule], reading: Reading, *, first_message: bool) -> Iterator[Rule]:
    """The disclosures that have to go with a reply.

    Args:
        rules: those of kind ``disclosure``.
        reading: of the reply.
        first_message: whether it is the first that a machine sends to this customer in the conversation.

    """
    for rule in rules:
        if rule.trigger == FIRST_MESSAGE:
            if first_message:
                yield rule
        elif any(True for _ in matches(reading, rule.triggered_by, rule.not_triggered_by)):
            yield rule


def stands_in(disclosure: str, text: str) -> bool:
    """Whether a text has these words, whatever the case, white space and kind of apostrophe."""
    return _folded(disclosure) in _folded(text)


def added(text: str, rules: Iterable[Rule]) -> str:
    """The text with what it lacks: the first message's disclosures before it, the others behind it."""
    lacking = [rule for rule in rules if not stands_in(rule.text, text)]
    before = [rule.text for rule in lacking if rule.trigger == FIRST_MESSAGE]
    behind = [rule.text for rule in lacking if rule.trigger != FIRST_MESSAGE]
    return "\n\n".join([*before, text, *behind]) if lacking else text


def noticed(text: str, notices: Sequence[str]) -> str:
    """The text with the notices it lacks before it."""
    return "\n\n".join([*(notice for notice in notices if not stands_in(notice, text)), text])


def _folded(text: str) -> str:
    return " ".join(normalise(text).lower().split())
