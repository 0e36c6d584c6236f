"""What is wrong with a file, told so that it can be mended without a manual."""

from collections.abc import Iterable
from dataclasses import dataclass

Location = tuple[str | int, ...]
"""Where in a document: keys and list positions from the top, ``("steps", 2, "set_weight")``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a place of a document, before file and line are known."""

    at: Location
    message: str
    suggestion: str | None = None
    """What to write instead, or what was probably meant."""
    on_key: bool = False
    """Points at the key itself rather than at its value."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding with its place in the file; line and column count from 1."""

    file: str
    line: int
    column: int
    path: str
    """``steps[2].set_weight``; empty where the whole file is meant."""
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        """One line in the form that editors and CI can jump to."""
        remedy = f"; {self.suggestion}" if self.suggestion else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{remedy}"


class PolicyInvalid(ValueError):
    """A file that must not be used. ``problems`` has all that is wrong with it, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        super().__init__("\n".join(map(str, self.problems)))


class PlanInvalid(PolicyInvalid):
    """A plan that must not be used."""


class ManifestInvalid(PolicyInvalid):
    """An agent version that must not be used."""


def dotted(at: Location) -> str:
    """``steps[2].set_weight``."""
    text = ""
    for part in at:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
