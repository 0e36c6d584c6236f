"""In which language a text is, by its script and its commonest words: enough to catch a wrong one.

Not a language detector: of texts without letters, or too short to tell, it says nothing, and nothing is
not wrong. How often it errs is in docs/agents.md.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from agents.text import normalise, words

_SCRIPTS: Final = (
    ("ru", 0x0400, 0x052F),
    ("el", 0x0370, 0x03FF),
    ("he", 0x0590, 0x05FF),
    ("ar", 0x0600, 0x06FF),
    ("hi", 0x0900, 0x097F),
    ("th", 0x0E00, 0x0E7F),
    ("ko", 0xAC00, 0xD7AF),
    ("ja", 0x3040, 0x30FF),
    ("zh", 0x4E00, 0x9FFF),
)
_SHARED_SCRIPTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("uk", "bg", "sr", "mk", "be", "kk"), "ru"),
    **dict.fromkeys(("fa", "ur"), "ar"),
    **dict.fromkeys(("mr", "ne"), "hi"),
}
"""Languages written in the letters of another; told apart they are not."""
_COMMON: Final[Mapping[str, frozenset[str]]] = {
    language: frozenset(text.split())
    for language, text in {
        "en": "the and of to is in that for it you with on this be have are not your can will from please"
        " if as or we an what how do i my was has by at which then there",
        "de": "der die und das ist nicht sie mit den auf für ein eine zu von im dem des es ich wir haben ihr"
        " ihre werden kann können bitte wenn oder auch noch wie dass bei nach sich",
        "fr": "le la les et des est une un pour vous dans que pas votre avec sur ce qui nous de du au il"
        " être avez peut plus ou si vos cette je ne",
        "es": "el la los las y de que en un una es para con no su por se del al lo puede más o si como está"
        " usted esta nos le este sus tiene",
        "it": "il la i gli e di che un una è per non con del della si può le da in sono come questo nel"
        " alla suo ha anche più o se lo ci",
        "pt": "o a os as e de que um uma é para não com do da em se no na por seu sua você pode mais como"
        " está ou ao foi este",
        "nl": "de het een en van is dat niet in te voor met op u uw zijn kan dit er aan om ook wij ik je of"
        " als bij naar wordt hebben",
        "sv": "och att det i en är som på för med inte av du kan den till har ett om vi din eller så",
        "pl": "i w na nie się z do to jest że o jak za od po dla lub czy proszę może są przez pan",
    }.items()
}
_FEWEST_LETTERS: Final = 12
_FEWEST_WORDS: Final = 5
_SCRIPT_SHARE: Final = 0.4
_LEAD: Final = 1.5
"""How many times more common words another language needs before a text counts as its."""


def speaks(text: str, language: str) -> bool:
    """Whether nothing says that the text is in another language than this (a primary subtag)."""
    found = language_of(text, rather=language)
    return found is None or found in (language, _SHARED_SCRIPTS.get(language))


def language_of(text: str, *, rather: str | None = None) -> str | None:
    """The language of a text, ``None`` where it cannot be told.

    Args:
        text: of any length.
        rather: the language to believe in unless another one is clearly ahead.

    """
    text = normalise(text)
    letters = sum(map(str.isalpha, text))
    if letters < _FEWEST_LETTERS:
        return _script(text, max(letters, 1))
    script = _script(text, letters)
    if script is not None:
        return script
    bag = words(text)
    if len(bag) < _FEWEST_WORDS:
        return None
    counts = Counter({code: sum(word in common for word in bag) for code, common in _COMMON.items()})
    best, most = counts.most_common(1)[0]
    if rather is not None and rather not in _COMMON:
        # Nobody can say that it is this one, only that it is clearly another.
        return best if most >= 0.3 * len(bag) else None
    if most < 2 or (rather is not None and most < _LEAD * max(counts[rather], 1)):
        return rather if rather is not None and counts[rather] else None
    return best


def _script(text: str, letters: int) -> str | None:
    counts: Counter[str] = Counter()
    for char in text:
        code = ord(char)
        if code >= _SCRIPTS[0][1] or code >= _SCRIPTS[1][1]:
            counts.update(name for name, first, last in _SCRIPTS if first <= code <= last)
    if counts["ja"] and counts["zh"]:
        counts["ja"] += counts.pop("zh")
    if not counts:
        return None
    best, most = counts.most_common(1)[0]
    return best if most >= _SCRIPT_SHARE * letters else None
