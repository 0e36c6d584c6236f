"""Bodies in anybody's words, read by a mapping that was checked when its file was."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from policies.webhooks import Mapping as Mapped
from policies.webhooks import Rule, Sender
from rollout.api.inputs import Csat, Escalation, Handling
from rollout.webhooks.inputs import (
    Closing,
    Delivery,
    Envelope,
    Merge,
    Outcome,
    Unreadable,
    moment_of,
    text_of,
)

_KINDS: Final[dict[str, type[Outcome]]] = {
    "handling": Handling,
    "escalation": Escalation,
    "resolution": Closing,
    "survey": Csat,
    "csat": Csat,
    "merge": Merge,
}
_TIMES: Final = ("opened_at", "first_response_at")
_NUMBERS: Final = ("score", "handle_seconds", "human_seconds", "latency_seconds", "cost_usd")
_MISSING: Final = object()


def read(body: Any, mapping: Mapped, sender: Sender, system: str) -> Delivery:
    """What a verified body carries; one that fits no rule carries nothing.

    Raises:
        Unreadable: a rule fits, but a field is missing or not of its kind.

    """
    rules = [(index, rule) for index, rule in enumerate(mapping.events) if _fits(rule, body)]
    if not rules:
        return Delivery("other")
    envelope = Envelope(
        sender,
        system,
        text_of(_at(body, mapping.id), mapping.id),
        moment_of(_at(body, mapping.time), mapping.time),
    )
    tickets, events = [], []
    for index, rule in rules:
        if rule.record == "nothing":
            continue
        values = {name: _value(body, rule, name) for name in rule.fields}
        if rule.record == "ticket":
            tickets.append(envelope.ticket(values))
        else:
            if rule.record == "survey":
                values["score"] = None
            events.append(envelope.event(_KINDS[rule.record], values, f"{rule.record}-{index}"))
    return Delivery("+".join(rule.record for _, rule in rules), tuple(tickets), tuple(events))


def _fits(rule: Rule, body: Any) -> bool:
    return all(
        _word(_at(body, place)) in {word.casefold() for word in words} for place, words in rule.when.items()
    )


def _at(body: Any, place: str) -> Any:
    """What stands at a place; ``_MISSING`` where nothing does."""
    value = body
    for key in place.split("."):
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, Sequence) and not isinstance(value, str) and _inside(key, value):
            value = value[int(key)]
        else:
            return _MISSING
    return value


def _inside(key: str, values: Sequence[Any]) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 6 and int(key) < len(values)


def _word(value: Any) -> str:
    """A value as people would write it in a rule."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip().casefold() if isinstance(value, str | int | float) else ""


def _value(body: Any, rule: Rule, name: str) -> Any:
    """One field of a record; None where the body does not have it."""
    source = rule.fields[name]
    value = source[1:] if source.startswith("=") else _at(body, source)
    if value is _MISSING or value is None or value == "":
        return None
    words = {word.casefold(): ours for word, ours in rule.values.get(name, {}).items()}
    value = words.get(_word(value), value)
    return _typed(name, value, source)


def _typed(name: str, value: Any, source: str) -> Any:
    """The value in the kind its field needs: senders write numbers as text and ids as numbers."""
    if name in _TIMES:
        return moment_of(value, source)
    if name in _NUMBERS or name == "turns":
        return _number(value, source, whole=name == "turns")
    if isinstance(value, Mapping | list | datetime):
        raise Unreadable(f"{source}: a text belongs there")
    return _word(value) if isinstance(value, bool) else str(value)


def _number(value: Any, source: str, *, whole: bool) -> float | int:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Unreadable(f"{source}: a number belongs there")
        return int(value) if whole else float(value)
    except (ValueError, OverflowError):
        raise Unreadable(f"{source}: a number belongs there") from None
