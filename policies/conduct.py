"""What an agent may say and must say: the conduct policy, as strict models.

``policies/conduct/*.yaml``, and what single regions add to it. The files hold the promises; what they
come to together is worked out in ``policies/effective.py``, and how a text is examined for them is
the business of ``agents/checks``.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from policies.patterns import Pattern
from policies.values import Slug, Strict, Unique, refusal

Sentence = Annotated[str, Field(pattern=r"\S")]
Severity = Literal["low", "medium", "high", "critical"]
RuleMode = Literal["observe", "enforce"]
OnFail = Literal["warn", "redact", "rewrite", "block", "escalate"]
Action = Literal["escalate_immediately", "escalate_to_billing_specialist"]
Trigger = Literal["first_message", "account_data_requested"]

SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high", "critical")
MODES: Final[tuple[RuleMode, ...]] = ("observe", "enforce")
ON_FAIL: Final[tuple[OnFail, ...]] = ("warn", "redact", "rewrite", "block", "escalate")
"""Each of the three from the mildest to the strictest."""


class ContentGuardrails(Strict):
    """What a reply must not be about."""

    prohibited_topics: Annotated[list[Slug], Unique] = Field(default=[])
    """Topics by name; each needs a detector of that name, or patterns under ``rules``."""


class Disclosure(Strict):
    """Something the customer has to be told."""

    trigger: Trigger
    """When."""
    text: Sentence
    """In these words."""


class SensitiveTopic(Strict):
    """What to do when a sensitive topic comes up, ahead of any answer."""

    action: Action
    """Where the conversation goes."""
    message: Sentence | None = None
    """What the customer reads meanwhile."""
    threshold_usd: float | None = Field(default=None, gt=0)
    """Only amounts *over* this; exactly this much is not."""


class ToneGuidelines(Strict):
    """How a reply sounds."""

    voice: Sentence
    """For prompts and reviewers."""
    prohibited_phrases: Annotated[list[Sentence], Unique] = Field(default=[])
    """Never in a reply; case and the kind of apostrophe do not count."""
    preferred_patterns: Annotated[list[Sentence], Unique] = Field(default=[])
    """For prompts and reviewers; nothing is refused for lacking them."""


class RuleTest(Strict):
    """A text and whether the rule has to fire on it. ``ridealong check`` runs it."""

    text: Sentence
    """A reply; of a sensitive topic, what the customer writes."""
    fires: bool
    """Whether the rule finds something."""
    grounds: str = ""
    """What the reply may rest on: the customer's words, an article, a tool's answer."""


class RuleSettings(Strict):
    """How one rule is kept. What is left out is as the rule's kind has it."""

    severity: Severity | None = None
    """How grave a breach is, for people and reports."""
    mode: RuleMode | None = None
    """``observe`` records what it finds and changes nothing; ``enforce`` acts."""
    on_fail: OnFail | None = None
    """What becomes of the reply: ``warn`` sends it, ``redact`` blanks the place, ``rewrite`` asks the
    model once more, ``block`` leaves it to a person, ``escalate`` to a person at once."""
    patterns: list[Pattern] = Field(default=[])
    """RE2; what fires the rule, beside its detector. A rule of your own has nothing else."""
    unless: list[Pattern] = Field(default=[])
    """RE2; a match inside a match of one of these does not count."""
    message: Sentence | None = None
    """What to tell reviewers, and a model that writes once more."""
    owner: Sentence | None = None
    """Who answers for the rule: a role or a group."""
    tests: list[RuleTest] = Field(default=[])
    """Texts and whether the rule fires on them."""


Rules = dict[Sentence, RuleSettings]
"""By name: a topic, a phrase, a disclosure, a sensitive topic, a built-in check, or a name of your own."""


class ConductPolicy(Strict):
    """One policy: content, disclosures, sensitive topics, tone."""

    content_guardrails: ContentGuardrails = ContentGuardrails()
    """What a reply must not be about."""
    required_disclosures: dict[Slug, Disclosure] = Field(default={})
    """By name: what the customer has to be told."""
    sensitive_topic_handlers: dict[Slug, SensitiveTopic] = Field(default={})
    """By name: topics that a person takes over."""
    tone_guidelines: ToneGuidelines
    """How a reply sounds."""
    rules: Rules = Field(default={})
    """How single rules are kept, and rules of your own."""


class ToneAdditions(Strict):
    """What a region adds to the tone."""

    prohibited_phrases: Annotated[list[Sentence], Unique] = Field(default=[])
    """Never in a reply there."""


class Relaxation(Strict):
    """One rule made milder in a region, and why. The only way to do so."""

    rule: Sentence
    """Its name, as under ``rules``."""
    because: Sentence
    """The reason, for those who review it."""
    drop: bool = False
    """The rule does not hold there at all."""
    severity: Severity | None = None
    """In the place of the base's."""
    mode: RuleMode | None = None
    """In the place of the base's."""
    on_fail: OnFail | None = None
    """In the place of the base's."""
    threshold_usd: float | None = Field(default=None, gt=0)
    """Of a sensitive topic, in the place of the base's."""

    @model_validator(mode="after")
    def _says_how(self) -> Self:
        milder = (self.severity, self.mode, self.on_fail, self.threshold_usd)
        if self.drop == any(value is not None for value in milder):
            raise refusal(
                f"the relaxation of {self.rule!r} must either drop it or say what is milder, not both",
                suggestion="give drop: true, or one of severity, mode, on_fail and threshold_usd",
            )
        return self


class Overlay(Strict):
    """What holds in some regions beside the base: more, or stricter; milder only with a reason."""

    extends: Sentence
    """The base's file, seen from the folder this one is in."""
    regions: Annotated[list[Slug], Unique, Field(min_length=1)]
    """As tickets carry them; the first names the overlay."""
    content_guardrails: ContentGuardrails = ContentGuardrails()
    """Topics that are prohibited there too."""
    required_disclosures: dict[Slug, Disclosure] = Field(default={})
    """More to be told, or the same in other words."""
    sensitive_topic_handlers: dict[Slug, SensitiveTopic] = Field(default={})
    """More topics for people, or a lower threshold."""
    tone_guidelines: ToneAdditions = ToneAdditions()
    """More phrases never to be used."""
    rules: Rules = Field(default={})
    """Rules kept more strictly, and rules of the region's own."""
    relax: list[Relaxation] = Field(default=[])
    """Rules made milder, each with its reason."""
