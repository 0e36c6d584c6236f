"""Says what a model refuses in words of the file, never in the validator's jargon."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import re2
from pydantic import BaseModel, ValidationError

from policies.document import Document, Node
from policies.keys import model_at
from policies.nearest import did_you_mean
from policies.problems import Finding, Location, dotted
from policies.values import AGENT_PATTERN, OWNER_PATTERN, SLUG_PATTERN
from policies.webhooks import PLACE_PATTERN, SOURCE_PATTERN, URL_PATTERN

_QUOTED: Final = re2.compile(r"'([^']*)'")

_FORMS: Final = {
    SLUG_PATTERN: "use letters, digits, '.', '_' and '-', at most 64, a letter or digit first",
    AGENT_PATTERN: "write NAME@VERSION, e.g. resolution@1.2.0",
    OWNER_PATTERN: "name a role or a group, e.g. support-operations",
    URL_PATTERN: "write http:// or https:// and no user name, or where it is kept: env:NAME, file:PATH",
    PLACE_PATTERN: "write the keys from the top of the body, joined by dots: ticket.requester.id",
    SOURCE_PATTERN: "write a place in the body such as ticket.id, or =TEXT for a text of your own",
}

_KINDS: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
"""What the validator wanted, by its error's name."""


def explain(error: ValidationError, model: type[BaseModel], document: Document) -> None:
    """Report everything a model refused, each at its key or value."""
    for item in error.errors(include_url=False):
        on_key = item["loc"][-1:] == ("[key]",)
        at = tuple(part for part in item["loc"] if part != "[key]")
        context = item.get("ctx", {})
        node = document.node_at(at)
        if item["type"] == "refused":
            at = (*at, *context["at"])
            document.report(Finding(at, context["message"], context["suggestion"], on_key=on_key))
        elif item["type"] == "missing":
            document.report(_missing(at, model))
        else:
            words = _WORDS.get(item["type"], _other)
            message, suggestion = words(context, node)
            document.report(Finding(at, message, suggestion, on_key=on_key))


def _missing(at: Location, model: type[BaseModel]) -> Finding:
    field = model_at(model, at[:-1]).model_fields[str(at[-1])]
    where = f" in {dotted(at[:-1])}" if at[:-1] else ""
    meaning = (field.description or "").split("\n")[0].strip().rstrip(".").replace("``", "")
    return Finding(at[:-1], f"{str(at[-1])!r} is missing{where}", f"add it: {meaning}", on_key=True)


def _given(node: Node | None) -> str:
    if node is None:
        return "this"
    if node.entries is not None:
        return "a mapping"
    if node.items is not None:
        return "a list"
    if isinstance(node.value, bool):
        return f"the boolean {node.text}"
    return f"the number {node.text}" if isinstance(node.value, int | float) else f"the text {node.text!r}"


Words = tuple[str, str | None]


def _kind(wanted: str) -> Callable[[Mapping[str, Any], Node | None], Words]:
    def words(_: Mapping[str, Any], node: Node | None) -> Words:
        suggestion = None
        if node is not None and node.items is None and node.entries is None:
            if wanted == "text":
                suggestion = f"put it in quotes: '{node.text}'"
            elif wanted == "a list":
                suggestion = f"write [{node.text}]"
        return f"{_given(node)} stands where {wanted} belongs", suggestion

    return words


def _choice(context: Mapping[str, Any], node: Node | None) -> Words:
    allowed = [found.group(1) for found in _QUOTED.finditer(str(context.get("expected", "")))]
    near = did_you_mean(node.text, allowed) if node is not None and node.text else None
    if len(allowed) == 1:
        return f"{_given(node)} stands where only {allowed[0]!r} is known", near
    return f"{_given(node)} is not one of {', '.join(allowed)}", near


def _form(context: Mapping[str, Any], node: Node | None) -> Words:
    form = _FORMS.get(str(context.get("pattern")))
    return f"{_given(node)} does not have the form this key needs", form or str(context.get("pattern"))


def _empty(_: Mapping[str, Any], node: Node | None) -> Words:
    kind = "the text" if node is None or (node.items is None and node.entries is None) else _given(node)
    return f"{kind} is empty", "name at least one, or leave the key out where it may be left out"


def _bound(words: str, key: str) -> Callable[[Mapping[str, Any], Node | None], Words]:
    return lambda context, node: (f"{_given(node)} must be {words} {context[key]:g}", None)


def _other(_: Mapping[str, Any], node: Node | None) -> Words:
    return f"{_given(node)} is not accepted here", "see docs/plan.md for what this key takes"


_WORDS: Final[dict[str, Callable[[Mapping[str, Any], Node | None], Words]]] = {
    **{name: _kind(wanted) for name, wanted in _KINDS.items()},
    "enum": _choice,
    "literal_error": _choice,
    "string_pattern_mismatch": _form,
    "string_too_short": _empty,
    "too_short": _empty,
    "greater_than": _bound("larger than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("smaller than", "lt"),
    "less_than_equal": _bound("at most", "le"),
    "value_error": lambda context, _: (str(context["error"]), None),
}
