"""Regular expressions that people write: RE2 only, which reads any text in linear time."""

from typing import Annotated, Any, Final

import re2
from pydantic import AfterValidator, Field

from policies.values import refusal

_LONGEST: Final = 1000


def _quiet() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def _readable(pattern: str) -> str:
    """A pattern that RE2 takes and that says something: one that matches no text at all fires on all."""
    try:
        compiled = re2.compile(pattern, _quiet())
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace") if error.args else "it cannot be read"
        raise refusal(
            f"{pattern!r} is no pattern of RE2: {why}",
            suggestion="look-around and back-references do not exist there; write the words out",
        ) from None
    if compiled.search(""):
        raise refusal(f"{pattern!r} matches the empty text and would fire on everything")
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=_LONGEST), AfterValidator(_readable)]
"""RE2, matched on the normalised, lower-cased text: straight quotes, nothing invisible."""
