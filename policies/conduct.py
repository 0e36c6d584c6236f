"""What an agent may say and must say: the conduct policy, as strict models.

``policies/conduct/*.yaml``. The file holds the promises; how a text is examined for them is the
business of ``agents/checks``.
"""

from typing import Annotated, Literal

from pydantic import Field

from policies.values import Slug, Strict, Unique

Sentence = Annotated[str, Field(pattern=r"\S")]


class ContentGuardrails(Strict):
    """What a reply must not be about."""

    prohibited_topics: Annotated[list[Slug], Unique] = Field(default=[])
    """Topics by name; each needs a detector of that name."""


class Disclosure(Strict):
    """Something the customer has to be told."""

    trigger: Literal["first_message", "account_data_requested"]
    """When."""
    text: Sentence
    """In these words."""


class SensitiveTopic(Strict):
    """What to do when a sensitive topic comes up, ahead of any answer."""

    action: Literal["escalate_immediately", "escalate_to_billing_specialist"]
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
