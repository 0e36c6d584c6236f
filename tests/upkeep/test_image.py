"""The image holds what the program needs, nothing else, and is run by names that there are.

``scripts/image`` carries the whole file out; what costs nothing is held here, with every change.
"""

import ast
import importlib.util
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rollout.access.roles import Open, rule_of
from rollout.cli.common import Data

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "deploy" / "Containerfile"
IGNORE = FILE.with_name("Containerfile.dockerignore")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def reading() -> Any:
    place = ROOT / "scripts" / "_containerfile.py"
    spec = importlib.util.spec_from_file_location("_containerfile", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_containerfile"] = module  # data classes look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def image(reading: Any) -> Any:
    return reading.stages(FILE)


def test_every_package_and_file_that_is_built_reaches_the_build(reading: Any, image: Any) -> None:
    sources = [
        source
        for stage in image
        for word, rest in stage.steps
        if word == "COPY"
        for source in (reading.copied(rest)[1] if reading.copied(rest)[0] is None else ())
    ]
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) <= set(sources)
    assert {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]} <= set(sources)
    for source in sources:
        files = [ROOT / source, *(path for path in (ROOT / source).rglob("*.py"))]
        assert all(path.exists() for path in files)
        assert all(reading.let_through(IGNORE, path.relative_to(ROOT).as_posix()) for path in files), source


@pytest.mark.parametrize(
    "place",
    [
        *(".git/config", ".venv/bin/python", "tests/conftest.py", "docs/api.md", "rolloutx/secret"),
        *("data/journal/000000000001.jsonl", "rollout/api/__pycache__/door.pyc", "policies/__pycache__"),
    ],
)
def test_nothing_else_of_the_checkout_does(reading: Any, place: str) -> None:
    assert not reading.let_through(IGNORE, place)


def test_what_is_copied_between_stages_was_made_before(reading: Any, image: Any) -> None:
    names = [stage.name for stage in image]
    for number, stage in enumerate(image):
        for word, rest in stage.steps:
            if word == "COPY" and (origin := reading.copied(rest)[0]) is not None:
                assert origin in names[:number]


def test_it_is_run_by_a_command_a_folder_and_a_port_that_there_are(image: Any) -> None:
    last = image[-1]
    assert last.command("ENTRYPOINT") == list(PROJECT["project"]["scripts"])
    command = last.command("CMD")
    assert command[command.index("--port") + 1] == last.settings["EXPOSE"]
    (option,) = Data.__metadata__  # type: ignore[attr-defined]
    assert last.environment[option.envvar] == last.settings["VOLUME"]
    assert last.environment["PATH"].split(":")[0] == "/opt/ridealong/bin"
    assert last.settings["STOPSIGNAL"] == "SIGTERM"


def test_its_health_is_asked_at_an_open_door_of_its_own_port(image: Any) -> None:
    program, option, code = image[-1].command("HEALTHCHECK")
    assert (program, option) == ("python", "-c")
    (address,) = [
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    base, _, path = address.partition("/readyz")
    assert (base, path) == (f"http://127.0.0.1:{image[-1].settings['EXPOSE']}", "")
    rule = rule_of("GET", "/readyz")
    assert rule is not None
    assert isinstance(rule.needs, Open)


@pytest.mark.parametrize("text", ["RUN true\n", "FROM a:1\nADD x y\n"])
def test_what_the_script_does_not_know_is_refused(reading: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "Containerfile").write_text(text)
    with pytest.raises(ValueError, match="Containerfile:"):
        reading.stages(tmp_path / "Containerfile")
