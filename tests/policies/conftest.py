"""Documents to spoil, and what the loader says of them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from policies.files import Checked, check_files
from policies.problems import Problem

DOCUMENTS = Path(__file__).parent / "documents"


@pytest.fixture(scope="session")
def every_key() -> str:
    """A plan with every key, one per line."""
    return (DOCUMENTS / "every-key.yaml").read_text()


@pytest.fixture(scope="session")
def agents() -> Path:
    """Agent versions that the plan names."""
    return DOCUMENTS / "agents"


@pytest.fixture(scope="session")
def small_agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same versions with short manifests: they are read once per plan."""
    folder = tmp_path_factory.mktemp("agents")
    for version in ("1.0.0", "1.1.0"):
        (folder / f"answers@{version}.yaml").write_text(
            f"name: answers\nversion: '{version}'\nkind: python\npython: {{factory: 'a:b'}}\ndeadline: 9s\n"
        )
    return folder


@pytest.fixture
def check(tmp_path: Path, agents: Path, small_agents: Path) -> Callable[..., Checked]:
    """Checks one text as if it were the file ``plan.yaml`` (or another, by name)."""

    def checked(text: str | bytes, name: str = "plan.yaml") -> Checked:
        raw = text.encode() if isinstance(text, str) else text
        (tmp_path / name).write_bytes(raw)
        return check_files([tmp_path / name], small_agents)[0]

    if not (tmp_path / "prompts").exists():
        shutil.copytree(agents / "prompts", tmp_path / "prompts")
        shutil.copytree(agents / "articles", tmp_path / "articles")
    return checked


@pytest.fixture
def problems(check: Callable[..., Checked]) -> Callable[..., tuple[Problem, ...]]:
    """The problems of one text."""
    return lambda text, name="plan.yaml": check(text, name).problems
