"""The frozen common triage: rules only, decided before assignment, the same for every arm.

Deterministic and in linear time (RE2), because it runs on every ticket and decides who may be
randomised at all. What it cannot read it calls ``unknown``; it never guesses ``simple``.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

import re2

from agents.contract import Ticket, Triage
from agents.roles.rules import COMPLEXITY_SIGNALS, DEFAULT, HARD_TRIGGERS, INTENSITY, TriageRules
from agents.text import normalise, stem, words
from policies.vocabulary import Complexity, Sentiment, Urgency

TOO_LITTLE_TEXT: Final = "too-little-text"
LANGUAGE_UNSUPPORTED: Final = "language-unsupported"
UNKNOWN_VALUE: Final = "given-value-unknown"

_EMAIL: Final = re2.compile(r"([\w.+-])[\w.+-]*@([\w-]+(?:\.[\w-]+)+)")
_ORDER: Final = re2.compile(
    r"(?i)\b(?:order|invoice|purchase|tracking|booking|account|case|ticket|reference|ref)\b"
    r"[ .:#]{0,3}(?:number|no|nr|id)?[ .:#]{0,3}([a-z0-9][a-z0-9-]{3,24})\b"
)
_LANGUAGE_WORDS: Final = 8
_LANGUAGE_SHARE: Final = 0.12
_SHOUTED_LETTERS: Final = 25
_SHOUTED_SHARE: Final = 0.7

Enum = TypeVar("Enum", Urgency, Sentiment, Complexity)


class _Compiled(NamedTuple):
    """``any_…`` finds a text in which at least one of its kind is found: most texts are done with that."""

    any_signal: Any
    any_urgency: Any
    any_feeling: Any
    signals: Mapping[str, Any]
    urgent: Any
    pressing: Any
    unhurried: Any
    angry: Any
    frustrated: Any
    positive: Any
    categories: Mapping[str, Mapping[tuple[str, ...], float]]
    products: Mapping[tuple[str, ...], str]


def triage(ticket: Ticket, rules: TriageRules = DEFAULT) -> Triage:
    """Read a ticket: what it is about, how pressing, how hard, and what stands out.

    Values that came with the ticket (category, urgency, sentiment, complexity) win over the rules;
    one outside its vocabulary is ignored and makes the complexity unknown. Pure: equal tickets
    give equal results.
    """
    given = (ticket.language, ticket.category, ticket.urgency, ticket.sentiment, ticket.complexity)
    if not (ticket.subject or ticket.text or ticket.turns):
        return _read_nothing(*given, rules)
    body = "\n".join([ticket.text, *(turn.text for turn in ticket.turns if turn.author == "customer")])
    return _read(ticket.subject, body, *given, rules)


def _read(
    subject: str,
    body: str,
    language: str | None,
    given_category: str | None,
    given_urgency: str | None,
    given_sentiment: str | None,
    given_complexity: str | None,
    rules: TriageRules,
) -> Triage:
    subject = _ends(normalise(subject), rules)
    text = f"{subject}\n{_ends(normalise(body), rules)}"
    bag = words(text)
    lower = text.lower()
    read = _ends(text, rules)
    signals = _detected(read, read.lower(), rules)
    if len(bag) < rules.min_words:
        signals.append(TOO_LITTLE_TEXT)
    if not _readable(language, bag, rules):
        signals.append(LANGUAGE_UNSUPPORTED)

    urgency, known_urgency = _given(Urgency, given_urgency)
    sentiment, known_sentiment = _given(Sentiment, given_sentiment)
    complexity, known_complexity = _given(Complexity, given_complexity)
    if not (known_urgency and known_sentiment and known_complexity):
        signals.append(UNKNOWN_VALUE)
    return Triage(
        category=(given_category or "").strip() or _category(words(subject), bag, rules),
        urgency=urgency or _urgency(lower, signals, rules),
        sentiment=sentiment or _feeling(read, read.lower(), rules),
        complexity=complexity or _complexity(signals, len(bag), rules),
        signals=tuple(signals),
        entities=_entities(text, bag, rules),
        version=rules.version,
    )


@lru_cache(maxsize=4096)
def _read_nothing(
    language: str | None,
    category: str | None,
    urgency: str | None,
    sentiment: str | None,
    complexity: str | None,
    rules: TriageRules,
) -> Triage:
    """A ticket without words: there are few different ones, and what is read of one never changes."""
    return _read("", "", language, category, urgency, sentiment, complexity, rules)


def detect(text: str, rules: TriageRules = DEFAULT) -> tuple[str, ...]:
    """The names of the detectors that fire on a text, in the order of the rules."""
    text = _ends(normalise(text), rules)
    return tuple(_detected(text, text.lower(), rules))


def read_sentiment(text: str, rules: TriageRules = DEFAULT) -> Sentiment:
    """The sentiment of one text. Politeness alone is neutral, praise beside a complaint is a complaint."""
    text = _ends(normalise(text), rules)
    return _feeling(text, text.lower(), rules)


def _detected(text: str, lower: str, rules: TriageRules) -> list[str]:
    """``detect`` of a text that is normalised already; ``lower`` is the same in lower case."""
    compiled = _compile(rules)
    some = not lower.isspace() and compiled.any_signal.search(lower) is not None
    found = [name for name, pattern in compiled.signals.items() if pattern.search(lower)] if some else []
    if _is_intense(text) or (some and compiled.angry.search(lower)):
        found.append(INTENSITY)
    return found


def _feeling(text: str, lower: str, rules: TriageRules) -> Sentiment:
    """``read_sentiment`` of a text that is normalised already."""
    compiled = _compile(rules)
    if lower.isspace() or compiled.any_feeling.search(lower) is None:
        return Sentiment.NEUTRAL
    frustrated = bool(compiled.frustrated.search(lower))
    if compiled.angry.search(lower) or (frustrated and _is_intense(text)):
        return Sentiment.ANGRY
    if frustrated:
        return Sentiment.FRUSTRATED
    return Sentiment.POSITIVE if compiled.positive.search(lower) else Sentiment.NEUTRAL


def _ends(text: str, rules: TriageRules) -> str:
    """The text, or both ends of an endless one: people write before and after the log they paste."""
    half = rules.max_chars // 2
    return text if len(text) <= rules.max_chars else f"{text[:half]}\n{text[-half:]}"


def _is_intense(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    shouted = sum(map(str.isupper, text))
    return (
        "!!" in text
        or "?!" in text
        or text.count("!") > 3
        or (letters >= _SHOUTED_LETTERS and shouted > _SHOUTED_SHARE * letters)
    )


def _readable(language: str | None, bag: list[str], rules: TriageRules) -> bool:
    """Whether the rules were written for this language: as declared, and as the words look."""
    if language and language.strip().lower().replace("_", "-").split("-")[0] not in rules.languages:
        return False
    known = sum(word in rules.function_words for word in bag)
    return len(bag) < _LANGUAGE_WORDS or known >= _LANGUAGE_SHARE * len(bag)


def _given(kind: type[Enum], value: str | None) -> tuple[Enum | None, bool]:
    """The value that came with the ticket, and whether it is of the vocabulary (or absent)."""
    cleaned = (value or "").strip().lower()
    if not cleaned:
        return None, True
    try:
        return kind(cleaned), True
    except ValueError:
        return None, False


def _urgency(lower: str, signals: list[str], rules: TriageRules) -> Urgency:
    compiled = _compile(rules)
    if "safety" in signals or "security" in signals:
        return Urgency.CRITICAL
    if lower.isspace() or compiled.any_urgency.search(lower) is None:
        return Urgency.NORMAL
    if compiled.urgent.search(lower):
        return Urgency.CRITICAL
    if compiled.unhurried.search(lower):
        return Urgency.LOW
    return Urgency.HIGH if compiled.pressing.search(lower) else Urgency.NORMAL


def _complexity(signals: list[str], length: int, rules: TriageRules) -> Complexity:
    if {TOO_LITTLE_TEXT, LANGUAGE_UNSUPPORTED, UNKNOWN_VALUE} & set(signals):
        return Complexity.UNKNOWN
    count = sum(signal in COMPLEXITY_SIGNALS for signal in signals)
    if count > 1 or set(HARD_TRIGGERS) & set(signals):
        return Complexity.COMPLEX
    return Complexity.MODERATE if count or length > rules.long_words else Complexity.SIMPLE


def _category(subject: list[str], bag: list[str], rules: TriageRules) -> str:
    subject_terms, all_terms = _ngrams(subject), _ngrams(bag)
    best, best_score = rules.fallback_category, 0.0
    for category, vocabulary in _compile(rules).categories.items():
        score = sum(vocabulary[term] for term in all_terms & vocabulary.keys())
        score += sum(vocabulary[term] for term in subject_terms & vocabulary.keys())
        if score >= rules.min_score and score > best_score:
            best, best_score = category, score
    return best


def _ngrams(bag: list[str]) -> set[tuple[str, ...]]:
    stems = [stem(word) for word in bag]
    return {tuple(stems[at : at + size]) for size in (1, 2, 3) for at in range(len(stems) - size + 1)}


def _entities(text: str, bag: list[str], rules: TriageRules) -> Mapping[str, tuple[str, ...]]:
    """Order numbers as written, e-mail addresses masked, products in the desk's spelling."""
    if not bag:
        return {}
    orders = (number for number in _ORDER.findall(text) if any(char.isdigit() for char in number))
    emails = (f"{first}***@{domain}" for first, domain in _EMAIL.findall(text))
    products = _compile(rules).products
    named = (products[term] for term in _ngrams(bag) & products.keys()) if products else ()
    found = {
        "order_numbers": tuple(dict.fromkeys(orders)),
        "emails": tuple(dict.fromkeys(emails)),
        "products": tuple(sorted(set(named))),
    }
    return {kind: values for kind, values in found.items() if values}


@lru_cache(maxsize=64)
def _compile(rules: TriageRules) -> _Compiled:
    def either(patterns: tuple[str, ...]) -> Any:
        return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns))

    def key(term: str) -> tuple[str, ...]:
        return tuple(stem(word) for word in words(normalise(term)))

    firing = tuple(pattern for patterns in rules.signals.values() for pattern in patterns)
    return _Compiled(
        any_signal=either((*firing, *rules.angry)),
        any_urgency=either((*rules.urgent, *rules.pressing, *rules.unhurried)),
        any_feeling=either((*rules.angry, *rules.frustrated, *rules.positive)),
        signals={name: either(patterns) for name, patterns in rules.signals.items()},
        urgent=either(rules.urgent),
        pressing=either(rules.pressing),
        unhurried=either(rules.unhurried),
        angry=either(rules.angry),
        frustrated=either(rules.frustrated),
        positive=either(rules.positive),
        categories={
            category: {key(term): weight for term, weight in vocabulary.items()}
            for category, vocabulary in rules.categories.items()
        },
        products={key(product): product for product in rules.products},
    )
