"""The desk's tools: what each one is, what it takes, and what no model may choose of it.

A catalogue says what there is; a version's manifest says what of it the version may use. Neither alone
lets anybody do anything. Schemas of arguments are closed at every level, so that nothing can be smuggled
in beside what is declared.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

import re2
from pydantic import Field, model_validator

from policies.values import Duration, Slug, Strict, Unique, refusal

KEYWORDS: Final = frozenset(
    {
        *("type", "title", "description", "examples", "default", "enum", "const"),
        *("properties", "required", "additionalProperties"),
        *("items", "minItems", "maxItems", "uniqueItems"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("minLength", "maxLength", "pattern"),
    }
)
"""What a schema of arguments may say: no references, no alternatives, nothing that opens it again."""
TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")
_NUMBERS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), int),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), int | float),
}
_DEEPEST: Final = 6
_LONGEST: Final = timedelta(seconds=60)

_URL: Final = r"^https?://[^\s/@?#]+(/[^\s#]*)?$"

Bound = Literal["customer", "ticket", "tenant"]


class HttpTool(Strict):
    """An endpoint that takes a signed POST and answers a JSON object."""

    url: str = Field(pattern=_URL)
    """https, or plain http inside a network that is yours."""
    secret_env: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    """Name of the environment variable with the signing secret; never the secret itself."""
    private: bool = False
    """It stands inside a private network or on this machine; such addresses are refused otherwise."""


class McpTool(Strict):
    """A tool of an MCP server: behind a URL (streamable HTTP), or a command (stdio)."""

    url: str | None = Field(default=None, pattern=_URL)
    """Of a server that runs."""
    command: Annotated[list[str], Field(min_length=1)] | None = None
    """Of a server that is started for each call: the program and its arguments."""
    tool: str | None = Field(default=None, min_length=1)
    """What the server calls it, where that is another name."""
    secret_env: str | None = Field(default=None, pattern=r"^[A-Z][A-Z0-9_]*$")
    """Variable with the bearer token of a URL; a command is handed the variable itself."""
    private: bool = False
    """As of an HTTP tool."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise refusal("an MCP server needs either 'url' or 'command', exactly one of them")
        return self


class PythonTool(Strict):
    """A function of the tools' Python environment."""

    function: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """``module:function``; it is given the arguments and the idempotency key, and may be async."""


class ToolDeclaration(Strict):
    """One tool as the desk offers it."""

    name: Slug
    """What manifests grant it by."""
    kind: Literal["http", "mcp", "python"]
    """Which of the three blocks makes the call."""
    authority: Literal["read", "write"]
    """``write`` changes the world. A manifest cannot make a write a read."""
    description: str = Field(min_length=1, max_length=1000)
    """For models and people."""
    arguments: dict[str, Any]
    """JSON Schema of an object that is closed at every level."""
    scope: dict[str, Bound] = Field(default={})
    """Arguments that are taken from the ticket and never from a model, e.g. ``customer_id: customer``."""
    amount: str | None = None
    """The argument that is an amount in dollars; limits in dollars count it."""
    approvers: Literal[1, 2] = 1
    """People who must agree where approval is needed; two are never the same person."""
    approval_expires: Duration = timedelta(hours=24)
    """An approval that nobody gave in this time is gone."""
    timeout: Duration = timedelta(seconds=5)
    """Of one call, at most 60 s."""
    http: HttpTool | None = None
    """Of kind http."""
    mcp: McpTool | None = None
    """Of kind mcp."""
    python: PythonTool | None = None
    """Of kind python."""

    @model_validator(mode="after")
    def _has_its_block(self) -> Self:
        for kind in ("http", "mcp", "python"):
            if (getattr(self, kind) is not None) != (kind == self.kind):
                wanted = "needs" if kind == self.kind else "cannot have"
                raise refusal(f"a tool of kind {self.kind} {wanted} '{kind}'", "kind")
        if not timedelta(0) < self.timeout <= _LONGEST:
            raise refusal("a call takes more than nothing and at most 60s", "timeout")
        return self

    @model_validator(mode="after")
    def _closed(self) -> Self:
        fault = open_place(self.arguments)
        if fault is not None:
            raise refusal(f"arguments{fault}", "arguments")
        if self.arguments.get("type") != "object":
            raise refusal("arguments must be an object", "arguments")
        return self

    @model_validator(mode="after")
    def _binds_what_there_is(self) -> Self:
        properties = self.arguments.get("properties", {})
        for name in self.scope:
            if properties.get(name, {}).get("type") != "string":
                raise refusal(f"{name!r} is bound, but no argument of type string", "scope", name)
        if self.amount is not None:
            schema = properties.get(self.amount, {})
            if schema.get("type") not in {"number", "integer"} or self.amount not in self.required:
                raise refusal(f"the amount {self.amount!r} is no required number", "amount")
            if schema.get("exclusiveMinimum", -1) < 0 and schema.get("minimum", 0) <= 0:
                raise refusal(
                    f"the amount {self.amount!r} could be negative and make room for another",
                    "amount",
                    suggestion=f"add exclusiveMinimum: 0 to {self.amount}",
                )
        return self

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.arguments.get("required", ()))

    @property
    def writes(self) -> bool:
        return self.authority == "write"

    def offered(self) -> Mapping[str, Any]:
        """The schema as a model sees it: without what is bound."""
        schema = dict(self.arguments)
        schema["properties"] = {
            name: each for name, each in schema.get("properties", {}).items() if name not in self.scope
        }
        schema["required"] = [name for name in self.required if name not in self.scope]
        return schema


class ToolCatalogue(Strict):
    """All tools of a desk."""

    tools: list[ToolDeclaration] = Field(min_length=1)
    """What there is."""
    deny: Annotated[list[str], Unique] = Field(default=[])
    """Names, with ``*`` for any characters, that nobody may call whatever a manifest grants."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [tool.name for tool in self.tools]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise refusal(f"tool {name!r} is declared twice", "tools", index, "name")
        return self

    def denies(self, name: str) -> bool:
        return any(re2.fullmatch(re2.escape(each).replace(r"\*", ".*"), name) for each in self.deny)

    def get(self, name: str) -> ToolDeclaration | None:
        return next((tool for tool in self.tools if tool.name == name), None)


def open_place(schema: Any, at: str = "", depth: int = 0) -> str | None:
    """Where a schema lets in what it does not name, or what of it is not understood; None if it is closed."""
    return next(_open_places(schema, at, depth), None)


def _open_places(schema: Any, at: str, depth: int) -> Iterator[str]:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        yield f"{at}: not a schema, or nested deeper than {_DEEPEST}"
        return
    for key in schema:
        if key not in KEYWORDS:
            yield f"{at}: {str(key)!r} is not understood here; known are {', '.join(sorted(KEYWORDS))}"
    kind = schema.get("type")
    if kind not in TYPES:
        yield f"{at}: say one type: {', '.join(TYPES)}"
    yield from _wrong_words(schema, at)
    if kind == "array":
        yield from _open_places(schema.get("items"), f"{at}.items", depth + 1)
    elif kind == "object":
        yield from _open_properties(schema, at, depth)


def _open_properties(schema: Mapping[str, Any], at: str, depth: int) -> Iterator[str]:
    if schema.get("additionalProperties") is not False:
        yield f"{at}: write additionalProperties: false, or anything could stand beside what is declared"
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        yield f"{at}: properties must be a mapping"
        return
    for name in schema.get("required", ()):
        if name not in properties:
            yield f"{at}: {name!r} is required and not among the properties"
    for name, each in properties.items():
        yield from _open_places(each, f"{at}.{name}", depth + 1)


def _wrong_words(schema: Mapping[str, Any], at: str) -> Iterator[str]:
    pattern = schema.get("pattern")
    if pattern is not None:
        try:
            re2.compile(pattern)
        except (re2.error, TypeError):
            yield f"{at}: {pattern!r} is no pattern that RE2 knows"
    for word, right in _NUMBERS.items():
        value = schema.get(word)
        if value is not None and (isinstance(value, bool) or not isinstance(value, right)):
            yield f"{at}: {word} must be a number"
    for word in ("required", "enum"):
        if not isinstance(schema.get(word, []), list):
            yield f"{at}: {word} must be a list"
