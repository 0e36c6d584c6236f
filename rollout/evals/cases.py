"""Cases: a ticket and what has to come of it, written by people in YAML."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agents.text import normalise
from policies.load import read_document
from policies.problems import PolicyInvalid
from rollout.errors import UsageError

Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Expected(_Strict):
    """What has to be true of the answer; everything that is stated counts."""

    action: Literal["reply", "hand_off"] | None = None
    """Whether it answers or hands off."""
    reasons: list[Text] = Field(default=[])
    """Of a hand-off: reasons that must be among those given."""
    contains: list[Text] = Field(default=[])
    """Texts that the reply must have, whatever their case."""
    must_not_contain: list[Text] = Field(default=[])
    """Texts that the reply must not have."""
    cites: list[Text] = Field(default=[])
    """Articles, one of which the reply must name as its source."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("expect something: action, reasons, contains, must_not_contain or cites")
        if self.action == "hand_off" and (self.contains or self.cites):
            raise ValueError("a hand-off says nothing to the customer: it contains and cites nothing")
        if self.action == "reply" and self.reasons:
            raise ValueError("a reply has no reasons")
        return self


class Said(_Strict):
    """An earlier message of the conversation."""

    author: Literal["customer", "agent", "human"]
    """Who wrote it."""
    text: Text
    """What."""


class Case(_Strict):
    """One ticket."""

    name: Text
    """Told where it fails."""
    text: Text
    """What the customer writes."""
    subject: str = ""
    """Its subject."""
    turns: list[Said] = Field(default=[])
    """What was said after it, oldest first."""
    language: str | None = "en"
    """Of the ticket."""
    tier: str | None = None
    """Of the customer."""
    region: str | None = None
    """Of the customer."""
    expect: Expected
    """What has to come of it."""


class Cases(_Strict):
    """A file of cases."""

    cases: Annotated[list[Case], Field(min_length=1)]
    """In the order they are told."""

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = [case.name for case in self.cases]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two cases are called {twice[0]!r}")
        return self


def load_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a YAML file.

    Raises:
        UsageError: a key is missing, unknown or of the wrong form; names its place.
        PolicyInvalid: it is no YAML.

    """
    document = read_document(path)
    if document.root is None:
        raise PolicyInvalid(document.problems)
    try:
        return tuple(Cases.model_validate(document.root.plain()).cases)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from None


def has(text: str, part: str) -> bool:
    """Whether a text has a part, whatever its case, spacing and kind of apostrophe."""
    return " ".join(normalise(part).casefold().split()) in " ".join(normalise(text).casefold().split())
