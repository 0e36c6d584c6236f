"""Names of people where letters put them: after a greeting, under a farewell, after "my name is".

No list of names and no model: what stands elsewhere is not found. docs/agents.md says how much that is.
"""

from collections.abc import Iterator
from typing import Final

import re2

_WORD = r"\p{Lu}[\pL\pM'-]*\.?"
_PARTICLES = r"(?:(?:van|von|de|da|di|del|der|den|la|le|bin|al|ter)[ \t]+){0,2}"
_NAME = rf"{_WORD}(?:[ \t]+{_PARTICLES}{_WORD}){{0,3}}"
_TITLE = r"(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Sr|Sra|Mme|M)\.?[ \t]+)?"
_INTRODUCED: Final = re2.compile(
    rf"\b(?:[Mm]y (?:full )?name is|[Mm]y name's|[Nn]ame:|[Tt]his is|[Ii]ch hei(?:ß|ss)e"
    rf"|[Mm]ein Name ist|[Jj]e m'appelle|[Mm]e llamo)[ \t]+{_TITLE}({_NAME})"
)
_TITLED: Final = re2.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau)\.?[ \t]+({_NAME})")
_GREETING: Final = re2.compile(
    rf"(?m)^[ \t]*(?i:hi|hello|hey|dear|hallo|liebe|lieber|bonjour|hola|good (?:morning|afternoon|evening))"
    rf"[ \t]+{_TITLE}({_NAME})[ \t]*(?:[,!:.-]|$)"
)
_FAREWELL: Final = re2.compile(
    r"(?mi)^[ \t]*(?:(?:many |best |kind |warm |kindest |warmest )?"
    r"(?:thanks|thank you|regards|wishes|greetings)(?: (?:and|in) (?:best |kind )?(?:regards|advance))?"
    r"|thx|cheers|sincerely|yours(?: (?:sincerely|truly|faithfully))?"
    r"|best|all the best|respectfully|love|mit freundlichen gr(?:ü|ue)(?:ß|ss)en|viele gr(?:ü|ue)(?:ß|ss)e"
    r"|lg|mfg|cordialement|saludos)[ \t]*[,.!-]*[ \t]*(?:\n[ \t]*){0,2}"
)
_SIGNED: Final = re2.compile(rf"^-{{0,2}}[ \t]*({_NAME})[ \t]*[.,]?[ \t]*(?:\n|$)")
_SAID_LAST: Final = re2.compile(rf"(?m)^[ \t]*(?:--?|~)[ \t]*(?:\n[ \t]*)?({_NAME})[ \t]*$")
_NOT_NAMED = """
a after again all also an and another any anybody anyone are as at bank because best bug can could
customer do does email error everybody everyone firefox folks for friend from google happy hello
help hi how i if in is it just kind linux look looking mac madam mail me microsoft mozilla my need
no not now of office on one other outlook please problem really regards sent service should since
sir so someone sorry still support team thank thanks that the their them there these they this
thunderbird to tried trying urgent very we what when where which who why will windows with would
yahoo you your
"""
_NO_NAMES: Final = frozenset(_NOT_NAMED.split())
"""First words of a line that begin sentences and greetings, or name products."""
_LONGEST: Final = 60


def given(text: str) -> Iterator[tuple[int, int]]:
    """The spans of names, possibly one twice."""
    for pattern in (_INTRODUCED, _TITLED, _GREETING, _SAID_LAST):
        for match in pattern.finditer(text):
            yield from _kept(text, *match.span(1))
    for match in _FAREWELL.finditer(text):
        signed = _SIGNED.match(text[match.end() : match.end() + _LONGEST])
        if signed:
            yield from _kept(text, match.end() + signed.start(1), match.end() + signed.end(1))


def _kept(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span as far as its words may be a name; nothing where the first is none."""
    kept = start
    for word in re2.finditer(r"[^ \t]+", text[start:end]):
        if word.group(0).rstrip(".,").lower() in _NO_NAMES:
            break
        kept = start + word.end()
    span = text[start:kept].rstrip(".")
    if len(span) > 1:
        yield start, start + len(span)
