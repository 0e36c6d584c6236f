"""A YAML file as a tree in which every value knows its line and column."""

from dataclasses import dataclass, field
from typing import Any, Final

from policies.problems import Finding, Location, Problem, dotted

MOST_PROBLEMS: Final = 100
_MOST_WORDS: Final = 600
REFUSED: Final = object()
"""Stands where a value was refused, so that nothing reads it as something else."""


@dataclass(slots=True)
class Node:
    """A scalar (``value``), a list (``items``) or a mapping (``entries``)."""

    line: int
    column: int
    value: Any = None
    text: str = ""
    """A scalar as it was written, without quotes."""
    items: list["Node"] | None = None
    entries: dict[str, "Entry"] | None = None
    size: int = 1

    def refused(self) -> bool:
        """Whether this scalar, or something directly inside this list, was refused already."""
        return self.value is REFUSED or any(item.value is REFUSED for item in self.items or ())

    def plain(self) -> Any:
        """The tree as dicts, lists and scalars; ``REFUSED`` where a value was refused."""
        if self.entries is not None:
            return {key: entry.node.plain() for key, entry in self.entries.items()}
        if self.items is not None:
            return [item.plain() for item in self.items]
        return self.value


@dataclass(slots=True)
class Entry:
    """A key of a mapping, where it stands, and its value."""

    line: int
    column: int
    node: Node
    written: str
    """The key as it stands in the file; a misspelt one may have been put right in the tree."""


@dataclass(slots=True)
class Document:
    """A file as far as it could be read, with everything found wrong in it so far."""

    file: str
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)

    def report(self, finding: Finding) -> None:
        """Add a finding as a problem, unless its place was refused already."""
        line, column, node = self._place(finding.at, on_key=finding.on_key)
        if node is None or not node.refused():
            self.add(line, column, finding.message, finding.suggestion, at=finding.at)

    def add(
        self, line: int, column: int, message: str, suggestion: str | None = None, *, at: Location = ()
    ) -> None:
        """Add a problem at a place of the file, once; beyond a hundred nobody reads on."""
        if len(self.problems) > MOST_PROBLEMS:
            return
        message = message if len(message) <= _MOST_WORDS else f"{message[:_MOST_WORDS]}…"
        problem = Problem(self.file, line, column, dotted(at), message, suggestion)
        if problem not in self.problems:
            full = len(self.problems) == MOST_PROBLEMS
            self.problems.append(
                Problem(self.file, line, column, "", "and more; mend these first") if full else problem
            )

    def node_at(self, at: Location) -> Node | None:
        """The node of a place, or None where the file has no such place."""
        node = self.root
        for part in at:
            node = _child(node, part)
        return node

    def _place(self, at: Location, *, on_key: bool) -> tuple[int, int, Node | None]:
        """Line and column of a place; of the nearest place above it that the file has."""
        node, line, column = self.root, 1, 1
        if node is not None:
            line, column = node.line, node.column
        for index, part in enumerate(at):
            below = _child(node, part)
            if below is None or node is None:
                return line, column, None
            line, column = below.line, below.column
            last = index == len(at) - 1
            if isinstance(part, str) and (last or below.entries is not None) and (on_key or not last):
                entry = (node.entries or {})[part]
                line, column = entry.line, entry.column
            node = below
        return line, column, node


def _child(node: Node | None, part: str | int) -> Node | None:
    if node is not None and isinstance(part, int) and node.items is not None and 0 <= part < len(node.items):
        return node.items[part]
    if node is not None and isinstance(part, str) and node.entries is not None and part in node.entries:
        return node.entries[part].node
    return None
