"""Says what a model refuses in words of the file: keys and values, never the validator's jargon."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, get_args, get_origin

import re2
from pydantic import BaseModel, BeforeValidator, ValidationError

from policies.document import Document, Node
from policies.nearest import did_you_mean, nearest
from policies.problems import Finding, Location, dotted
from policies.values import AGENT_PATTERN, OWNER_PATTERN, SLUG_PATTERN

_QUOTED: Final = re2.compile(r"'([^']*)'")

_FORMS: Final = {
    SLUG_PATTERN: "use letters, digits, '.', '_' and '-', at most 64, a letter or digit first",
    AGENT_PATTERN: "write NAME@VERSION, e.g. resolution@1.2.0",
    OWNER_PATTERN: "name a role or a group, e.g. support-operations",
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
    meaning = (field.description or "").split("\n")[0].strip().rstrip(".")
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


def put_keys_right(document: Document, model: type[BaseModel]) -> None:
    """Report every unknown key; in the tree, rename it to the one it surely means or drop it.

    What follows can then judge the rest of the file as it was meant.
    """
    if document.root is not None:
        # the place nearest to the top wins where a key has several
        places = {key: place for place, key in reversed(list(_places(model, ())))}
        for at, node, here in _mappings(document.root, model, ()):
            _put_right(document, at, node, list(here.model_fields), places)


def _put_right(
    document: Document, at: Location, node: Node, known: list[str], places: Mapping[str, str]
) -> None:
    entries = node.entries or {}
    for key in [key for key in entries if key not in known]:
        free = [name for name in known if name not in entries]
        meant = nearest(key, free)
        suggestion = did_you_mean(key, free) or did_you_mean(key, known)
        if suggestion is None:
            elsewhere = places.get(key)
            suggestion = (
                f"it belongs {elsewhere}" if elsewhere is not None else f"known are {', '.join(known)}"
            )
        where = f" in {dotted(at)}" if at else ""
        document.report(Finding((*at, key), f"unknown key {key!r}{where}", suggestion, on_key=True))
        entry = entries.pop(key)
        if len(meant) == 1:
            entries[meant[0]] = entry


def _mappings(node: Node, annotation: Any, at: Location) -> Iterator[tuple[Location, Node, type[BaseModel]]]:
    """Every mapping of the tree that a model describes, parents first."""
    kind, inner = _structure(annotation)
    if kind == "model" and node.entries is not None:
        yield at, node, inner
        for key, entry in list(node.entries.items()):
            if key in inner.model_fields:
                field = inner.model_fields[key]
                if not any(isinstance(mark, BeforeValidator) for mark in field.metadata):
                    yield from _mappings(entry.node, field.annotation, (*at, key))
    elif kind == "list" and node.items is not None:
        for index, item in enumerate(node.items):
            yield from _mappings(item, inner, (*at, index))
    elif kind == "dict" and node.entries is not None:
        for key, entry in node.entries.items():
            yield from _mappings(entry.node, inner, (*at, key))


def model_at(model: type[BaseModel], at: Location) -> type[BaseModel]:
    """The model that describes the mapping at a place; the last one on the way where there is none."""
    annotation: Any = model
    found = model
    for part in at:
        kind, inner = _structure(annotation)
        if kind == "model":
            field = inner.model_fields.get(str(part))
            annotation = field.annotation if field else None
        else:
            annotation = inner
        if _structure(annotation)[0] == "model":
            found = _structure(annotation)[1]
    return found


def _structure(annotation: Any) -> tuple[str, Any]:
    """``model``, ``list``, ``dict`` or ``value`` with what is inside; spelled-out values are values."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        spelled = any(isinstance(mark, BeforeValidator) for mark in arguments[1:])
        return ("value", None) if spelled else _structure(arguments[0])
    if origin is list:
        return "list", arguments[0]
    if origin is dict:
        return "dict", arguments[1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "model", annotation
    for choice in arguments:
        found = _structure(choice)
        if found[0] != "value":
            return found
    return "value", None


def _places(annotation: Any, at: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every key a file may have below the top, with the words for where it belongs."""
    kind, inner = _structure(annotation)
    if kind == "model":
        for key, field in inner.model_fields.items():
            yield f"in {'.'.join(at)}" if at else "at the top of the file", key
            yield from _places(field.annotation, (*at, key))
    elif kind in {"list", "dict"}:
        yield from _places(inner, (*at[:-1], f"{at[-1]}[]" if kind == "list" else f"{at[-1]}.NAME"))
