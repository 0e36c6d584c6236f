"""What a triage depends on, read from ``rules.toml``: data, so that a desk can bring its own."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HARD_TRIGGERS: Final = ("safety", "security", "legal-language", "regulatory", "asks-for-human")
"""Signals that put a person in charge whatever anybody's confidence, gravest first (R48)."""

INTENSITY: Final = "emotional-intensity"
COMPLEXITY_SIGNALS: Final = ("legal-language", "regulatory", "multi-issue", "previous-unresolved", INTENSITY)
"""R34: legal or regulatory language, several issues, earlier tickets left open, strong emotion."""


@dataclass(frozen=True, slots=True, eq=False)
class TriageRules:
    """The fields of ``rules.toml``; each is explained there. ``version`` must change with any of them."""

    version: str
    categories: Mapping[str, Mapping[str, float]]
    """Weight of each term, by category."""
    signals: Mapping[str, tuple[str, ...]]
    """Patterns, any of which fires the signal they stand under."""
    fallback_category: str
    min_score: float
    min_words: int
    long_words: int
    max_chars: int
    urgent: tuple[str, ...]
    pressing: tuple[str, ...]
    unhurried: tuple[str, ...]
    angry: tuple[str, ...]
    frustrated: tuple[str, ...]
    positive: tuple[str, ...]
    languages: frozenset[str]
    function_words: frozenset[str]
    products: tuple[str, ...] = ()


def load_rules(path: Path) -> TriageRules:
    """Read a rules file.

    Raises:
        ValueError: a hard trigger without patterns (nobody may switch one off by leaving it out),
            a key that is missing, unknown or of the wrong form.

    """
    with path.open("rb") as stream:
        raw: dict[str, Any] = tomllib.load(stream)
    missing = [name for name in HARD_TRIGGERS if not raw.get("signals", {}).get(name)]
    if missing:
        raise ValueError(f"{path}: no patterns for the hard triggers {', '.join(missing)}; add them again")
    try:
        lists = {key: tuple(value) for key, value in raw.items() if isinstance(value, list)}
        return TriageRules(
            **{
                **raw,
                **lists,
                "signals": {name: tuple(patterns) for name, patterns in raw["signals"].items()},
                "categories": {name: _weights(rows) for name, rows in raw["categories"].items()},
                "languages": frozenset(raw["languages"]),
                "function_words": frozenset(raw["function_words"].split()),
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: {error}; compare the file with agents/roles/rules.toml") from error


def _weights(rows: Mapping[str, str]) -> Mapping[str, float]:
    return {term.strip(): float(weight) for weight, terms in rows.items() for term in terms.split(",")}


_DEFAULT_FILE: Final = Path(__file__).with_name("rules.toml")
DEFAULT: Final = load_rules(_DEFAULT_FILE)
