"""Where the agent versions are: ``NAME@VERSION.yaml`` files of one folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from policies.problems import Problem

SHIPPED: Final = Path(__file__).parent / "agents"


def versions_in(folder: Path) -> Mapping[str, Path]:
    """Manifests by ``NAME@VERSION``, in order of name."""
    return {path.stem: path for path in sorted(folder.glob("*@*.yaml"))}


def agents_folder(plan: Path) -> Path:
    """The folder of agent versions that belongs to a plan: ``agents`` beside it or beside its folder.

    The shipped one where there is neither.
    """
    for beside in (plan.absolute().parent, plan.absolute().parent.parent):
        if versions_in(beside / "agents"):
            return beside / "agents"
    return SHIPPED


def unreadable(path: Path, error: OSError) -> Problem:
    """The problem of a file that cannot be opened."""
    return Problem(str(path), 1, 1, "", f"cannot be read: {error.strerror or error}")
