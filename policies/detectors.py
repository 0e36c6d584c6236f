"""How topics are recognised: patterns as data, so that a reviewer can read them.

``policies/detectors/topics.yaml``. A policy names topics by slug; a slug that has no detector here and
no patterns of its own would silently prohibit nothing, so it is refused.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from policies.conduct import RuleTest, Sentence
from policies.patterns import Pattern
from policies.problems import PolicyInvalid, Problem
from policies.reader import parse
from policies.values import Slug, Strict, Unique

SHIPPED: Final = Path(__file__).parent / "detectors" / "topics.yaml"


class Detector(Strict):
    """What tells one topic."""

    means: Sentence
    """What is found, in a sentence."""
    reads: Literal["reply", "customer"]
    """Whose words it reads."""
    patterns: list[Pattern] = Field(default=[])
    """RE2; any of them fires."""
    unless: list[Pattern] = Field(default=[])
    """RE2; a match inside a match of one of these does not count."""
    signals: Annotated[list[Slug], Unique] = Field(default=[])
    """Signals of the common triage, any of which fires too."""
    amount: bool = False
    """Fires only beside an amount of money over the threshold of the policy."""
    tests: Annotated[list[RuleTest], Field(min_length=2)]
    """Texts and whether it fires on them; a threshold is 500 there."""


class Detectors(Strict):
    """A file of detectors."""

    detectors: Annotated[dict[Slug, Detector], Field(min_length=1)]
    """By the slug that policies use."""


@cache
def shipped() -> Mapping[str, Detector]:
    """The detectors that come with Ridealong, by slug.

    Raises:
        PolicyInvalid: the file was changed and cannot be used; ``ridealong check`` says why.

    """
    document = parse(SHIPPED.read_bytes(), str(SHIPPED))
    try:
        if document.root is None:
            raise PolicyInvalid(document.problems)
        return Detectors.model_validate(document.root.plain()).detectors
    except ValidationError as error:
        message = "this file of detectors cannot be used; `ridealong check` it"
        raise PolicyInvalid([Problem(str(SHIPPED), 1, 1, "", message)]) from error
