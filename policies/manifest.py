"""One version of an agent: everything that decides how it answers, under one name and digest.

``policies/agents/NAME@VERSION.yaml``. A changed prompt, policy, tool set, model, threshold or
knowledge is a new version, because its digest is another.
"""

from typing import Annotated, Final, Literal, Self

import re2
from pydantic import AfterValidator, Field, model_validator

from policies.values import Duration, Percent, Slug, Strict, refusal

MODEL_ROLES: Final = ("triage", "knowledge", "resolution", "handoff")
EXTRACTIVE: Final = "extractive"
"""The built-in offline model: answers from retrieved passages with citations, or abstains."""

_ISO_639_1 = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz
ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik
io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml
mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd
se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi
vo wa wo xh yi yo za zh zu
"""
LANGUAGES: Final = frozenset(_ISO_639_1.split())
"""Primary subtags: the two-letter codes of ISO 639-1."""

_SNAPSHOT: Final = re2.compile(r"\d{3}|[:@]\S|-v\d")
"""What tells a snapshot from an alias: a date or serial number, a tag, a digest, a revision."""


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise refusal(f"{code!r} is no language code; write the two letters of ISO 639-1, e.g. 'de'")
    return code


def _relative(path: str) -> str:
    if path.startswith(("/", "~")) or "\\" in path or ":" in path:
        raise refusal(f"{path!r} must be a path relative to the manifest, with forward slashes")
    return path


RelativePath = Annotated[str, Field(min_length=1), AfterValidator(_relative)]
"""Seen from the folder the manifest is in."""
LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2}$"), AfterValidator(_language)]
"""Of a ticket's language without its region."""
Share = Annotated[float, Field(ge=0, le=1)]


class Price(Strict):
    """What a model costs, where the provider's price list is not to be trusted."""

    input_usd_per_million_tokens: float = Field(ge=0)
    """Prompt tokens."""
    output_usd_per_million_tokens: float = Field(ge=0)
    """Answer tokens."""


class RoleModel(Strict):
    """The model of one role."""

    name: str = Field(min_length=1)
    """``extractive``, or a litellm name that names a snapshot (``openai/gpt-4o-mini-2024-07-18``)."""
    alias: bool = False
    """Accepts a name without a snapshot, whose behaviour may change under the version."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    """0 repeats itself best."""
    max_tokens: int = Field(default=1024, ge=1, le=32768)
    """Of one answer."""
    answers_as: str | None = Field(default=None, min_length=1)
    """The name the provider gives in its answers, where it is another (a deployment's, say)."""
    price: Price | None = None
    """Of this model; without it, the version's."""

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.name == EXTRACTIVE or self.alias:
            return self
        if "latest" in self.name or not _SNAPSHOT.search(self.name):
            raise refusal(
                f"model {self.name!r} is an alias: what answers may change under this version",
                "name",
                suggestion="name a snapshot (e.g. gpt-4o-2024-08-06), or accept it with alias: true",
            )
        return self


class Models(Strict):
    """The model per role; a role left out works by the built-in rules, without a model."""

    triage: RoleModel | None = None
    """Reads the ticket. Never decides who may be randomised: the common triage does."""
    knowledge: RoleModel | None = None
    """Rephrases the question for the search."""
    resolution: RoleModel
    """Writes the answer."""
    handoff: RoleModel | None = None
    """Writes the packet for the human."""


class Prompts(Strict):
    """Prompt files per role; a role left out uses the built-in prompt."""

    triage: RelativePath | None = None
    """Text file."""
    knowledge: RelativePath | None = None
    """Text file."""
    resolution: RelativePath | None = None
    """Text file."""
    handoff: RelativePath | None = None
    """Text file."""


class ToolLimits(Strict):
    """How far one write may go."""

    amount_usd: float | None = Field(default=None, gt=0)
    """Largest amount of one call; more needs approval or is refused."""
    per_ticket: int = Field(default=1, ge=1)
    """Calls per ticket. Like all that follow, no approval lifts it."""
    per_customer_day: int | None = Field(default=None, ge=1)
    """Calls for one customer on one day (UTC), all their tickets together."""
    per_day: int | None = Field(default=None, ge=1)
    """Calls per day, all tickets together."""
    usd_per_ticket: float | None = Field(default=None, gt=0)
    """Dollars for one ticket, all calls together."""
    usd_per_customer_day: float | None = Field(default=None, gt=0)
    """Dollars for one customer on one day (UTC), all their tickets together."""
    usd_per_day: float | None = Field(default=None, gt=0)
    """Dollars per day (UTC), all tickets together."""

    @property
    def in_money(self) -> bool:
        """Whether it takes an amount to keep them."""
        amounts = (self.amount_usd, self.usd_per_ticket, self.usd_per_customer_day, self.usd_per_day)
        return any(limit is not None for limit in amounts)


class ToolGrant(Strict):
    """A tool the agent may use, and how far."""

    name: Slug
    """As the desk's tool is registered."""
    authority: Literal["read", "write"]
    """``write`` changes the world; shadow runs never receive it."""
    limits: ToolLimits | None = None
    """Required of a write, refused of a read."""
    approval: Literal["always", "above_limit", "never"] = "always"
    """When a person must approve a write."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.authority == "write" and self.limits is None:
            raise refusal(
                f"tool {self.name!r} may write without limits",
                "authority",
                suggestion="add limits: {per_ticket: 1}, or make it authority: read",
            )
        if self.authority == "read" and self.limits is not None:
            raise refusal(f"tool {self.name!r} only reads: limits have no meaning", "limits")
        if self.approval == "above_limit" and self.limits is not None and self.limits.amount_usd is None:
            raise refusal(
                f"tool {self.name!r} needs approval above a limit that is not there",
                "approval",
                suggestion="add limits: {amount_usd: …}, or write approval: always",
            )
        return self


class Knowledge(Strict):
    """What the agent may answer from: a path, or a source that the operator binds at start."""

    path: RelativePath | None = None
    """A folder of articles or a CSV file; its content is part of the digest."""
    source: Slug | None = None
    """A name bound at start (``helpdesk``); the run records the digest of what was bound."""
    max_age_days: int = Field(default=90, ge=1)
    """Older articles on topics likely to change are stale."""
    passages: int = Field(default=4, ge=1, le=20)
    """Retrieved per question."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.path is None) == (self.source is None):
            raise refusal("knowledge needs either 'path' or 'source', exactly one of them")
        return self


class Thresholds(Strict):
    """Below (or beyond) these the agent hands off. They only add caution: hard triggers stay."""

    confidence: Share = 0.72
    """Least confidence in an answer."""
    abstain: Share = 0.35
    """The extractive model abstains below this retrieval score."""
    retrieval: Share = 0.5
    """Least retrieval score on sensitive topics."""
    max_turns: int = Field(default=4, ge=1, le=50)
    """Completed agent replies; the next one is a human's."""


class Budget(Strict):
    """What hosted models may come to; beyond it a human takes the ticket. Nothing stated is no limit."""

    tokens_per_ticket: int | None = Field(default=None, ge=1)
    """Prompt and answer tokens of one ticket, all roles and turns."""
    usd_per_ticket: float | None = Field(default=None, gt=0)
    """Of one ticket."""
    tokens_per_day: int | None = Field(default=None, ge=1)
    """Of this version on one day (UTC)."""
    usd_per_day: float | None = Field(default=None, gt=0)
    """Of this version on one day (UTC)."""
    tokens_per_tenant_day: int | None = Field(default=None, ge=1)
    """Of the tenant on one day, all versions together; this version stops there."""
    usd_per_tenant_day: float | None = Field(default=None, gt=0)
    """Of the tenant on one day, all versions together; this version stops there."""

    @property
    def in_money(self) -> bool:
        """Whether a model whose price is unknown cannot keep it."""
        return any(
            limit is not None for limit in (self.usd_per_ticket, self.usd_per_day, self.usd_per_tenant_day)
        )


class LanguageModels(Strict):
    """Models of one language; a role left out keeps the version's."""

    triage: RoleModel | None = None
    """Reads the ticket."""
    knowledge: RoleModel | None = None
    """Rephrases the question."""
    resolution: RoleModel | None = None
    """Writes the answer."""
    handoff: RoleModel | None = None
    """Writes the packet."""


class Language(Strict):
    """What differs for the tickets of one language."""

    models: LanguageModels = LanguageModels()
    """Models per role, in the place of the version's."""
    prompts: Prompts = Prompts()
    """Prompt files per role, in the place of the version's."""


class HttpAgent(Strict):
    """The customer's own agent behind a URL."""

    url: str = Field(pattern=r"^(https://[^\s/]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(/\S*)?$")
    """https, or plain http on the same machine."""
    secret_env: str | None = Field(default=None, pattern=r"^[A-Z][A-Z0-9_]*$")
    """Name of the environment variable that holds the key; never the key itself."""


class PythonAgent(Strict):
    """An agent of this Python environment."""

    factory: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """``module:factory``; called without arguments, returns the agent."""


class Script(Strict):
    """An agent for demos and tests: the same ticket always gets the same answer."""

    reply: str = Field(min_length=1)
    """The text of every answer."""
    hands_off: Percent
    """Percent of tickets it hands to a human."""
    violates: Percent
    """Percent of tickets whose answer breaks a policy."""
    fails: Percent
    """Percent of tickets on which it raises an error."""
    latency: Duration
    """Time to an answer."""
    cost_usd: float = Field(ge=0)
    """Model cost of an answer."""
    confidence: Share = 0.9
    """What it says of its answers."""


class AgentVersion(Strict):
    """A version manifest. ``kind`` says which of the four blocks makes the answers."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    """The agent; the file is called NAME@VERSION.yaml."""
    version: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]*$")
    """Quoted where it could be read as a number."""
    kind: Literal["pipeline", "http", "python", "scripted"]
    """``pipeline`` (our roles), ``http``, ``python`` or ``scripted``."""
    description: str = ""
    """What is new in it, for people."""
    models: Models | None = None
    """Of a pipeline: the model per role."""
    prompts: Prompts = Prompts()
    """Of a pipeline: prompt files."""
    tools: list[ToolGrant] = Field(default=[])
    """What it may use; nothing unless stated."""
    knowledge: Knowledge | None = None
    """What it may answer from."""
    policy: RelativePath | None = None
    """The conduct policy it keeps."""
    thresholds: Thresholds = Thresholds()
    """When it hands off."""
    deadline: Duration
    """Later than this a human takes the ticket."""
    price: Price | None = None
    """Model prices, where they are to be fixed here."""
    budget: Budget = Budget()
    """What hosted models may come to."""
    languages: dict[LanguageCode, Language] = Field(default={})
    """Of a pipeline: models and prompts by primary language subtag (``de``)."""
    http: HttpAgent | None = None
    """Of kind http."""
    python: PythonAgent | None = None
    """Of kind python."""
    script: Script | None = None
    """Of kind scripted."""

    @model_validator(mode="after")
    def _has_its_block(self) -> Self:
        blocks = {"pipeline": "models", "http": "http", "python": "python", "scripted": "script"}
        wanted = blocks[self.kind]
        if getattr(self, wanted) is None:
            raise refusal(f"an agent of kind {self.kind} needs '{wanted}'", "kind")
        for kind, block in blocks.items():
            if kind != self.kind and getattr(self, block) is not None:
                raise refusal(f"'{block}' has no meaning in an agent of kind {self.kind}; remove it", block)
        names = [tool.name for tool in self.tools]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise refusal(f"tool {name!r} is granted twice", "tools", index, "name")
        return self

    @property
    def ref(self) -> str:
        """``NAME@VERSION``, as plans write it."""
        return f"{self.name}@{self.version}"
