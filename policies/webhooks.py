"""Who may report to a server and whom it tells: webhooks in and out, as strict models.

Secrets never stand in the file; it says where they are kept. The secret that verifies a request
decides whose it is, so a sender can never choose its tenant or workflow.
"""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

import re2
from pydantic import BeforeValidator, Field, model_validator

from policies.nearest import did_you_mean
from policies.values import Duration, Slug, Strict, Unique, refusal

REFERENCE_PATTERN: Final = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*)$"
PLACE_PATTERN: Final = r"^[^\s.=][^.]*(\.[^.]+)*$"
_REFERENCE: Final = re2.compile(REFERENCE_PATTERN)
SOURCE_PATTERN: Final = r"^(=.*|[^\s.=][^.]*(\.[^.]+)*)$"
URL_PATTERN: Final = r"^(https?://[^\s/@]+(/\S*)?|env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*)$"


def _reference(value: Any) -> Any:
    """Refused in words of our own: what stands there may be the secret itself and is never shown."""
    if not isinstance(value, str) or not _REFERENCE.match(value):
        raise ValueError("this is not where a secret is kept; write env:NAME or file:PATH, never the secret")
    return value


Reference = Annotated[
    str, BeforeValidator(_reference), Field(json_schema_extra={"pattern": REFERENCE_PATTERN})
]
"""Where a secret is kept: ``env:NAME`` or ``file:PATH``."""
Secrets = Annotated[list[Reference], Unique, Field(min_length=1, max_length=2)]
Place = Annotated[str, Field(pattern=PLACE_PATTERN)]
"""Keys from the top of a body, joined by dots: ``ticket.requester.id``; list positions are numbers."""
Source = Annotated[str, Field(pattern=SOURCE_PATTERN)]
"""A place in the body, or ``=TEXT`` for the same text every time."""
Plain = str | int | float | bool

Recorded = Literal["ticket", "handling", "escalation", "resolution", "survey", "csat", "merge", "nothing"]

FIELDS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "ticket": (
        ("ticket_id", "customer_id"),
        (
            *("opened_at", "subject", "text", "category", "urgency", "complexity", "sentiment"),
            *("tier", "channel", "language", "region", "issue_key"),
        ),
    ),
    "handling": (
        ("ticket_id", "handler"),
        (
            *("outcome", "version", "first_response_at", "turns", "handle_seconds", "human_seconds"),
            *("latency_seconds", "cost_usd"),
        ),
    ),
    "escalation": (("ticket_id", "reason"), ("queue",)),
    "resolution": (("ticket_id",), ("kind", "path", "closed_reason")),
    "survey": (("ticket_id",), ()),
    "csat": (("ticket_id", "score"), ()),
    "merge": (("ticket_id",), ("into",)),
    "nothing": ((), ()),
}
"""What each record needs, and what it may have besides. A ``survey`` was offered, a ``csat`` answered."""


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Words = Annotated[list[str], BeforeValidator(_one_or_more), Field(min_length=1)]


class Rule(Strict):
    """Which bodies become which record."""

    record: Recorded
    """What the body becomes; ``nothing`` acknowledges it without recording."""
    when: dict[Place, Words] = Field(default={})
    """The text that has to stand at each place, or a list of them, case aside; every body where left out."""
    fields: dict[str, Source] = Field(default={})
    """Where each field of the record is found."""
    values: dict[str, dict[str, Plain]] = Field(default={})
    """Per field: the sender's word and ours for it; other words pass as they are."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        required, optional = FIELDS[self.record]
        known = (*required, *optional)
        for part, names in (("fields", self.fields), ("values", self.values)):
            for name in names:
                if name not in known:
                    remedy = did_you_mean(name, known) or f"known are {', '.join(known) or 'none'}"
                    message = f"a {self.record} has no field {name!r}"
                    raise refusal(message, part, name, suggestion=remedy)
        for name in required:
            if name not in self.fields:
                message = f"a {self.record} needs the field {name!r}"
                raise refusal(message, "fields", suggestion=f"say where it stands: {name}: PLACE")
        return self


class Mapping(Strict):
    """How bodies in somebody's own words are read."""

    id: Place
    """Where the sender's own event id stands: the same id again changes nothing."""
    time: Place
    """When it happened: ISO 8601 with an offset, or seconds since 1970."""
    events: list[Rule] = Field(min_length=1)
    """Every rule that fits makes one record; a body that fits none is acknowledged and counted."""


class Sender(Strict):
    """What all senders have."""

    name: Slug
    """What people call it; part of the address of a generic sender."""
    workflow: Slug
    """The workflow whose tickets it reports."""
    tenant: Slug = "default"
    """Whose tickets they are."""
    secrets: Secrets
    """Where its signing secret is kept; two while it is being changed, both are accepted."""
    ticket_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{0,32}$")] = ""
    """Put before its ticket ids, where two desks of one tenant count from 1."""
    agents: Annotated[list[str], Unique] = Field(default=[])
    """Ids of the accounts under which AI agents answer there; everybody else is a human."""


class ZendeskSender(Sender):
    """A Zendesk account."""

    account: str | None = None
    """Its account id: events of other accounts are refused."""
    triggers: Mapping | None = None
    """How the bodies of trigger webhooks, written by you, are read."""


class IntercomSender(Sender):
    """An Intercom workspace."""

    app: str | None = None
    """Its app id: notifications of other apps are refused."""


class GenericSender(Sender):
    """Anything that can sign a body."""

    mapping: Mapping
    """How its bodies are read."""


class Retry(Strict):
    """How long a receiver that does not answer is tried."""

    attempts: int = Field(default=12, ge=1, le=100)
    """Tries before a message is set aside as a dead letter."""
    first: Duration = timedelta(seconds=2)
    """Wait after the first failure; doubles with each, up to ``longest``."""
    longest: Duration = timedelta(hours=1)
    """The longest wait between two tries."""
    timeout: Duration = timedelta(seconds=10)
    """How long one try may take in all."""


class Subscription(Strict):
    """Somebody who is told."""

    name: Slug
    """What people call it."""
    url: Annotated[str, Field(pattern=URL_PATTERN)]
    """Where to: an http(s) address, or where it is kept (``env:NAME``, ``file:PATH``) if it is a secret."""
    events: Annotated[
        list[Literal["handoff", "verdict", "transition", "incident"]], Unique, Field(min_length=1)
    ]
    """What it hears of."""
    tenant: Slug = "default"
    """Whose events they are."""
    workflows: Annotated[list[Slug], Unique] = Field(default=[])
    """Only these workflows; all of the tenant where left out."""
    format: Literal["json", "slack"] = "json"
    """``slack`` sends ``{"text", "blocks"}`` as Slack's incoming webhooks take it."""
    secrets: Annotated[list[Reference], Unique, Field(max_length=2)] = Field(default=[])
    """Where the signing secret is kept; two while it is being changed, both sign. Slack needs none."""
    private: bool = False
    """Whether the address may be inside your own network; refused unless said."""
    retry: Retry = Retry()
    """How long it is tried."""

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.format == "json" and not self.secrets:
            message = f"{self.name!r} has no secret: its receiver could not tell us from anybody else"
            raise refusal(message, suggestion="add secrets: [env:NAME]")
        return self


class Webhooks(Strict):
    """All webhooks of one server, in and out."""

    zendesk: list[ZendeskSender] = Field(default=[])
    """Accounts that report to /webhooks/zendesk."""
    intercom: list[IntercomSender] = Field(default=[])
    """Workspaces that report to /webhooks/intercom."""
    generic: list[GenericSender] = Field(default=[])
    """Others, each at /webhooks/generic/NAME."""
    out: list[Subscription] = Field(default=[])
    """Who is told of hand-offs, verdicts, transitions and incidents."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for key in ("zendesk", "intercom", "generic", "out"):
            _refuse_doubles(key, getattr(self, key))
        for key in ("zendesk", "intercom"):
            _refuse_shared(key, getattr(self, key))
        return self


def _refuse_doubles(key: str, entries: list[Any]) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        if entry.name in seen:
            message = f"two entries of {key} are called {entry.name!r}"
            raise refusal(message, key, index, "name", suggestion="give each a name of its own")
        seen.add(entry.name)


def _refuse_shared(key: str, senders: list[Any]) -> None:
    """One address serves them all, and only the secret tells them apart."""
    owners: dict[str, str] = {}
    for index, sender in enumerate(senders):
        for place, reference in enumerate(sender.secrets):
            if reference in owners:
                message = f"{reference!r} is also the secret of {owners[reference]!r}"
                remedy = "the secret decides whose the request is: give each its own"
                raise refusal(message, key, index, "secrets", place, suggestion=remedy)
            owners[reference] = sender.name
