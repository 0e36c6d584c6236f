"""Reads a Containerfile: its instructions, stage by stage, and what its ignore file lets through."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

_ONCE: Final = frozenset(
    {"USER", "ENTRYPOINT", "CMD", "STOPSIGNAL", "WORKDIR", "EXPOSE", "VOLUME", "HEALTHCHECK"}
)
_KNOWN: Final = _ONCE | {"FROM", "RUN", "COPY", "ENV"}


@dataclass
class Stage:
    """One image that is built: what it begins with, its steps in order, and how it is run."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    """``RUN``, ``COPY``, ``WORKDIR``, ``USER`` and ``ENV`` with what follows them."""
    settings: dict[str, str] = field(default_factory=dict)
    """The last of each instruction of which the last counts."""

    @property
    def environment(self) -> dict[str, str]:
        """What ``ENV`` sets, as it is written."""
        told = [rest for word, rest in self.steps if word == "ENV"]
        return dict(pair.split("=", 1) for rest in told for pair in shlex.split(rest))

    def command(self, word: str) -> list[str]:
        """``ENTRYPOINT``, ``CMD`` or a health check's command: a list of words, never a shell's line."""
        words = self.settings[word]
        return [str(each) for each in json.loads(words[words.index("[") :])]


def stages(path: Path) -> list[Stage]:
    """The stages of a file, in order.

    Raises:
        ValueError: an instruction is none that is known here.

    """
    found: list[Stage] = []
    for number, word, rest in _instructions(path.read_text()):
        if word not in _KNOWN:
            raise ValueError(f"{path}:{number}: {word} is no instruction that is known here")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name or str(len(found))))
        elif not found:
            raise ValueError(f"{path}:{number}: {word} before the first FROM")
        else:
            found[-1].steps.append((word, rest))
            if word in _ONCE:
                found[-1].settings[word] = rest
    return found


def copied(rest: str) -> tuple[str | None, list[str], str]:
    """The parts of a COPY: the stage it takes from, or None; what it takes; where to."""
    words = shlex.split(rest)
    flags = [word for word in words if word.startswith("--")]
    sources = [word for word in words if not word.startswith("--")]
    stage = next((flag.removeprefix("--from=") for flag in flags if flag.startswith("--from=")), None)
    return stage, sources[:-1], sources[-1]


def let_through(ignore: Path, place: str) -> bool:
    """Whether a file of the context reaches the build: the last pattern that fits it decides."""
    through = True
    for line in ignore.read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        again = pattern.startswith("!")
        if _fits(place, pattern.removeprefix("!").rstrip("/")):
            through = again
    return through


def _fits(place: str, pattern: str) -> bool:
    parts = place.split("/")
    beginnings = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    if pattern.startswith("**/"):
        return any(fnmatch(part, pattern[3:]) for part in parts)
    return any(fnmatch(each, pattern) and each.count("/") == pattern.count("/") for each in beginnings)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    begun, number = "", 0
    for count, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        number = number if begun else count
        begun += line.strip().removesuffix("\\") if line.rstrip().endswith("\\") else line.strip()
        if line.rstrip().endswith("\\"):
            begun += " "
            continue
        word, _, rest = begun.partition(" ")
        yield number, word, " ".join(rest.split())
        begun = ""
