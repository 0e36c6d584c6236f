"""The word that somebody probably meant."""

from collections.abc import Iterable
from typing import Final

_SYNONYMS: Final = {
    "weight": ("set_weight",),
    "duration": ("min_duration", "max_duration"),
    "pause": ("min_duration",),
    "dwell": ("min_duration",),
    "analysis": ("gate",),
    "gates": ("gate",),
    "traffic": ("set_weight",),
    "stages": ("steps",),
    "model": ("models",),
    "tool": ("tools",),
    "timeout": ("deadline",),
}
"""What other rollout tools call it."""


_LONGEST: Final = 80
"""Beyond this nothing is a misspelling, and comparing would take its time."""


def nearest(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known words that ``word`` most likely stands for: none, the nearest, or several as near.

    Case and the choice between ``-``, ``_`` and camel case do not count; otherwise one mistake
    (a letter more, less or other, or two swapped) per three letters is forgiven.
    """
    if len(word) > _LONGEST:
        return ()
    candidates = [name for name in dict.fromkeys(known) if len(name) <= _LONGEST]
    folded = _fold(word)
    same = tuple(name for name in candidates if _fold(name) == folded)
    if same:
        return same
    meant = tuple(name for name in _SYNONYMS.get(folded, ()) if name in candidates)
    if meant:
        return meant
    forgiven = max(1, len(folded) // 3)
    distances = {
        name: edits(folded, _fold(name))
        for name in candidates
        if abs(len(_fold(name)) - len(folded)) <= forgiven
    }
    best = min(distances.values(), default=forgiven + 1)
    if best > forgiven or best >= len(word):  # not of the folded word: an underscore may be the mistake
        return ()
    return tuple(name for name, distance in distances.items() if distance == best)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """``did you mean 'set_weight'?``, or None where nothing is near."""
    found = nearest(word, known)
    return f"did you mean {' or '.join(repr(name) for name in found[:3])}?" if found else None


def edits(left: str, right: str) -> int:
    """Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(left, start=1):
        above, row = rows[-1], [i]
        for j, b in enumerate(right, start=1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def _fold(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "").replace(" ", "")
