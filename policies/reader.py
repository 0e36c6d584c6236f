"""Reads YAML more strictly than YAML.

One document, a mapping at the top, no duplicate keys, no tags, no merge keys, no empty values, no
values that two readers may take for different things (``policies.scalars``). Aliases are allowed
while the whole stays small, so that a few lines cannot stand for gigabytes.
"""

from collections.abc import Iterator
from typing import Final

import yaml

from policies import scalars
from policies.document import REFUSED, Document, Entry, Node
from policies.problems import Location

MOST_BYTES: Final = 1_000_000
MOST_NODES: Final = 20_000
DEEPEST: Final = 24
_LINE_BREAKS: Final = "\r\x85\u2028\u2029"
"""YAML 1.1 ends lines at these, editors do not: line numbers would be wrong."""


def parse(raw: bytes, file: str) -> Document:
    """Read one YAML document; everything that is wrong with its form is in ``problems``."""
    document = Document(file)
    text = _decode(raw, document)
    if text is None:
        return document
    for number, line in enumerate(text.split("\n"), start=1):
        _check_line(document, number, line)
    if not document.problems:
        try:
            document.root = _Builder(document).build(yaml.parse(text, Loader=yaml.SafeLoader))
        except yaml.YAMLError as error:
            document.add(*_syntax(error, text))
        except _Stop:
            document.root = None
    return document


def _decode(raw: bytes, document: Document) -> str | None:
    if len(raw) > MOST_BYTES:
        document.add(1, 1, f"the file is larger than {MOST_BYTES:,} bytes", "split it")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        document.add(line, column, f"byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8")
        return None
    return text.replace("\r\n", "\n")


def _check_line(document: Document, number: int, line: str) -> None:
    tab = line[: len(line) - len(line.lstrip(" \t"))].find("\t")
    if tab >= 0 and line.strip():
        document.add(number, tab + 1, "a tab in the indentation", "indent with spaces")
    for column, character in enumerate(line, start=1):
        if character in _LINE_BREAKS:
            code = f"U+{ord(character):04X}"
            document.add(number, column, f"the line break {code}", "end lines with a line feed")


_SYNTAX: Final = (
    ("mapping values are not allowed", "a second ':' in one line", "put the value in quotes"),
    ("could not find expected ':'", "a key without ':'", None),
    ("found unexpected end of stream", "a quote that is never closed", None),
    ("expected ',' or ']'", "a list in brackets is not closed or lacks a comma", None),
    ("expected ',' or '}'", "a mapping in braces is not closed or lacks a comma", None),
    ("expected <block end>", "the indentation does not fit the lines above", None),
    ("found undefined alias", "an alias (*) without an anchor (&) above it", None),
    ("cannot start any token", "a character that cannot start a value", "put the value in quotes"),
    ("found duplicate anchor", "an anchor (&) that stands twice", None),
)


def _syntax(error: yaml.YAMLError, text: str) -> tuple[int, int, str, str | None]:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or "cannot be read"
        for sign, message, suggestion in _SYNTAX:
            if sign in problem:
                return line, column, f"not valid YAML: {message}", suggestion
        return line, column, f"not valid YAML: {problem}", None
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        return line, column, f"the character U+{int(error.character):04X} is not allowed in YAML", "remove it"
    return 1, 1, f"not valid YAML: {error}", None


class _Stop(Exception):
    """The rest of the file is not worth reading; the problem is reported."""


class _Builder:
    """Turns PyYAML's events into nodes, reporting what is refused and going on."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.anchors: dict[str, Node] = {}
        self.nodes = 0

    def build(self, events: Iterator[yaml.Event]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse(event, "a second document starts here", "one file holds one document")
                    raise _Stop
                root = self._node(next(events), events, (), 0)
        if root is None or (root.items is None and root.entries is None and root.value is None):
            self.document.add(1, 1, "the file is empty")
            raise _Stop
        if root.entries is None:
            self.document.add(root.line, root.column, "the top of the file is not a mapping")
            raise _Stop
        return root

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], at: Location, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, at)
        if depth > DEEPEST:
            self._refuse(event, f"nested more than {DEEPEST} levels deep", at=at)
            raise _Stop
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)  # by YAML's grammar
        node = Node(*_place(event))
        self._count(event, 1)
        if event.tag is not None:
            self._refuse(event, f"the tag {event.tag!r}", "remove it: types are fixed by the key", at=at)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, node, at)
        elif isinstance(event, yaml.SequenceStartEvent):
            node.items = []
            while not isinstance(event_ := next(events), yaml.SequenceEndEvent):
                node.items.append(self._node(event_, events, (*at, len(node.items)), depth + 1))
            node.size += sum(item.size for item in node.items)
        else:
            node.entries = {}
            while not isinstance(key := next(events), yaml.MappingEndEvent):
                self._entry(key, node.entries, events, at, depth)
            node.size += sum(entry.node.size for entry in node.entries.values())
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _entry(
        self,
        key: yaml.Event,
        entries: dict[str, Entry],
        events: Iterator[yaml.Event],
        at: Location,
        depth: int,
    ) -> None:
        name = self._key(key, events, at, depth)
        node = self._node(next(events), events, (*at, name), depth + 1)
        if name in entries:
            first = entries[name].line
            self._refuse(
                key, f"duplicate key {name!r} (first on line {first})", "keep one of them", at=(*at, name)
            )
            return
        line, column = _place(key)
        entries[name] = Entry(line, column, node, name)

    def _key(self, key: yaml.Event, events: Iterator[yaml.Event], at: Location, depth: int) -> str:
        if not isinstance(key, yaml.ScalarEvent):
            self._node(key, events, at, depth + 1)
            self._refuse(key, "a key that is not text", at=at)
            return f"?{_place(key)}"
        name = str(key.value)
        if key.style is None and name == "<<":
            self._refuse(key, "merge keys are not read", "write the keys out", at=at)
        elif key.style is None and not isinstance(scalars.plain(name), str):
            self._refuse(key, f"the key {name!r} is not text", "put it in quotes if it is meant", at=at)
        return name

    def _scalar(self, event: yaml.ScalarEvent, node: Node, at: Location) -> None:
        node.text = event.value
        node.value = scalars.plain(event.value) if event.style is None else event.value
        if any("\ud800" <= character <= "\udfff" for character in event.value):
            node.value = scalars.Refused("half a character (a lone surrogate)", "write the character itself")
        if node.value is None and at:
            name = repr(at[-1]) if isinstance(at[-1], str) else "the list item"
            node.value = scalars.Refused(f"{name} has no value", "give it one, or remove it")
        if isinstance(node.value, scalars.Refused):
            self._refuse(event, node.value.message, node.value.suggestion, at=at)
            node.value = REFUSED

    def _alias(self, event: yaml.AliasEvent, at: Location) -> Node:
        node = self.anchors.get(event.anchor or "")
        if node is None:
            self._refuse(event, f"the alias *{event.anchor} has no anchor &{event.anchor} above it", at=at)
            return Node(*_place(event), REFUSED)
        self._count(event, node.size)
        return node

    def _count(self, event: yaml.Event, size: int) -> None:
        self.nodes += size
        if self.nodes > MOST_NODES:
            self._refuse(event, f"more than {MOST_NODES:,} values, aliases counted in full", "split the file")
            raise _Stop

    def _refuse(
        self, event: yaml.Event, message: str, suggestion: str | None = None, *, at: Location = ()
    ) -> None:
        self.document.add(*_place(event), message, suggestion, at=at)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None  # PyYAML's loader marks every event
    return mark.line + 1, mark.column + 1
