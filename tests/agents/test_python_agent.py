"""``module:factory``: what is wrong with one is said so that it can be mended."""

import sys
from pathlib import Path

import pytest

from agents.python_agent import FactoryUnusable, from_factory

GOOD = """
class Agent:
    version = "mine@1"
    async def answer(self, ticket, triage, tools):
        raise NotImplementedError
def make():
    return Agent()
def other():
    made = Agent()
    made.version = "mine@2"
    return made
def fails():
    raise RuntimeError("no database")
async def later():
    return Agent()
def nothing():
    return None
NUMBER = 3
"""


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_desk.py").write_text(GOOD)
    (tmp_path / "own_broken.py").write_text("1 / 0\n")
    (tmp_path / "own_needs.py").write_text("import a_package_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("own_desk", "own_broken", "own_needs"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_factory_makes_the_agent() -> None:
    assert from_factory("mine@1", "own_desk:make").version == "mine@1"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("nowhere_at_all:make", "no module 'nowhere_at_all'; install the package, or set PYTHONPATH"),
        ("own_needs:make", "imports 'a_package_nobody_has', which is not installed"),
        ("own_broken:make", "fails while it is imported: ZeroDivisionError"),
        ("own_desk:mak", "did you mean own_desk:make"),
        ("own_desk:NUMBER", "it is a int; name a function"),
        ("own_desk:fails", "failed: RuntimeError: no database"),
        ("own_desk:later", "is asynchronous"),
        ("own_desk:nothing", "made a NoneType, which is no agent"),
        ("own_desk:other", "made mine@2; versions must agree"),
    ],
)
def test_what_is_wrong_is_said(path: str, told: str) -> None:
    with pytest.raises(FactoryUnusable, match="mine@1") as refused:
        from_factory("mine@1", path)
    assert told in str(refused.value)
