"""The keys a file may have, place by place: which are unknown, and which were probably meant."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, BeforeValidator

from policies.document import Document, Node
from policies.nearest import did_you_mean, nearest
from policies.problems import Finding, Location, dotted


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
