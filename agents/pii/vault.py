"""Placeholders for what identifies somebody, and the way back. One vault per answer, never kept.

``redact`` puts ``⟦email-1⟧`` in the place of an address and remembers it; ``restore`` is the inverse:
``restore(redact(text)) == normalise(text)`` for every text. The same value always gets the same
placeholder, so a model can tell that two mentions are one. Redacting twice changes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import re2

from agents.pii.find import find, learned_names
from agents.text import normalise

_OPEN, _CLOSE = "⟦", "⟧"
PLACEHOLDER: Final = re2.compile(r"⟦([a-z]+)-([1-9]\d{0,5})⟧")
_BRACKETS: Final = re2.compile("[⟦⟧]")
_LITERAL: Final = "text"
"""Kind of what somebody wrote with our brackets: it is no placeholder, and must not be taken for one."""


class Vault:
    """The values behind the placeholders of one conversation."""

    def __init__(self, *, regions: Sequence[str] = ()) -> None:
        """``regions``: countries (ISO 3166, e.g. ``DE``) whose national phone numbers are looked for."""
        self._regions = tuple(regions)
        self._values: dict[str, str] = {}
        self._placeholders: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()
        self._names: list[str] = []

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Vault({dict(self._numbers)})"

    def redact(self, text: str) -> str:
        """The normalised text with placeholders in the place of what identifies a person."""
        self.learn(text)
        redacted = self._once(self._freed(normalise(text)))
        while redacted != text:  # a value may hide behind one that overlaps it
            text, redacted = redacted, self._once(redacted)
        return redacted

    def learn(self, text: str) -> None:
        """Look for the names that a text gives away, in everything that is redacted from now on."""
        found = learned_names(normalise(text))
        self._names.extend(name for name in found if name not in self._names)

    def _once(self, text: str) -> str:
        done, out = 0, []
        for found in find(text, regions=self._regions, names=self._names, skip=PLACEHOLDER):
            out += [text[done : found.start], self._placeholder(found.kind, text[found.start : found.end])]
            done = found.end
        return "".join([*out, text[done:]])

    def restore(self, text: str) -> str:
        """The text with every placeholder of this vault replaced by what it stands for."""
        whole: str = PLACEHOLDER.sub(lambda match: self._values.get(match.group(0), match.group(0)), text)
        return whole

    def unknown(self, text: str) -> tuple[str, ...]:
        """Placeholders of a text that this vault never gave out: invented ones."""
        found = (f"{_OPEN}{kind}-{number}{_CLOSE}" for kind, number in PLACEHOLDER.findall(text))
        return tuple(dict.fromkeys(one for one in found if one not in self._values))

    def counts(self) -> dict[str, int]:
        """How many different values of each kind were replaced: what a trace may say."""
        return {kind: number for kind, number in sorted(self._numbers.items()) if kind != _LITERAL}

    def _freed(self, text: str) -> str:
        """The text without brackets that are not ours: each is a value of its own."""
        if _OPEN not in text and _CLOSE not in text:
            return text
        done, out = 0, []
        for match in PLACEHOLDER.finditer(text):
            if match.group(0) in self._values:
                out += [self._escaped(text[done : match.start()]), match.group(0)]
                done = match.end()
        return "".join([*out, self._escaped(text[done:])])

    def _escaped(self, text: str) -> str:
        whole: str = _BRACKETS.sub(lambda match: self._placeholder(_LITERAL, match.group(0)), text)
        return whole

    def _placeholder(self, kind: str, value: str) -> str:
        known = self._placeholders.get((kind, value))
        if known is None:
            self._numbers[kind] += 1
            known = f"{_OPEN}{kind}-{self._numbers[kind]}{_CLOSE}"
            self._placeholders[kind, value] = known
            self._values[known] = value
        return known
