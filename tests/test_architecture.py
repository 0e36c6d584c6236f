"""The house keeps its shape: who may import whom, and which room owns which heavy library."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agents", "dashboards", "experiments", "policies", "rollout")
STAGES = ("assign", "handle", "record", "measure", "ladder")
FIRST_PARTY = {
    "policies": set(),
    "experiments": set(),
    "agents": {"policies"},
    "dashboards": set(),
    "rollout": {"agents", "experiments", "policies"},
}
OWNERS = {
    "litellm": ("agents/models",),
    "duckdb": ("rollout/record/", "rollout/measure/"),
    "statsmodels": ("experiments/",),
    "streamlit": ("dashboards/",),
    "altair": ("dashboards/",),
    "fastapi": ("rollout/api/",),
    "yaml": ("policies/",),
    "typer": ("rollout/cli/",),
}


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide which room is entered"
            yield node.module or "", node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    package = place.split("/")[0]
    for name, line in imports(path):
        top = name.split(".")[0]
        if top in PACKAGES and top != package:
            assert top in FIRST_PARTY[package], f"{place}:{line}: {package} may not import {top}"
        if top in OWNERS:
            assert place.startswith(OWNERS[top]), f"{place}:{line}: {top} belongs to {OWNERS[top]}"


@pytest.mark.parametrize("stage", STAGES)
def test_stage_folders_never_import_each_other(stage: str) -> None:
    for path in sorted((ROOT / "rollout" / stage).rglob("*.py")):
        for name, line in imports(path):
            for other in STAGES:
                assert other == stage or name.split(".")[:2] != ["rollout", other], (
                    f"{path.relative_to(ROOT)}:{line}: stage {stage} reaches into stage {other}; "
                    "only the conductors know the order"
                )


def test_stages_do_not_know_the_conductors() -> None:
    conductors = {
        *("router", "controller", "report", "importer", "serve", "api", "cli", "trials"),
        *("webhooks", "notify", "incidents", "upkeep"),
    }
    for stage in STAGES:
        for path in sorted((ROOT / "rollout" / stage).rglob("*.py")):
            for name, line in imports(path):
                parts = name.split(".")
                assert not (parts[0] == "rollout" and len(parts) > 1 and parts[1] in conductors), (
                    f"{path.relative_to(ROOT)}:{line}: a stage imports the conductor {name}"
                )


def test_who_may_what_is_decided_without_knowing_a_stage_or_a_door() -> None:
    free = {"access", "records", "errors", "clock"}
    for path in sorted((ROOT / "rollout" / "access").rglob("*.py")):
        for name, line in imports(path):
            parts = name.split(".")
            assert parts[0] != "rollout" or len(parts) < 2 or parts[1] in free, (
                f"{path.relative_to(ROOT)}:{line}: access imports {name}"
            )


def test_experiments_import_when_copied_alone(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    code = (
        "import pkgutil, importlib, experiments\n"
        "for module in pkgutil.walk_packages(experiments.__path__, 'experiments.'):\n"
        "    importlib.import_module(module.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def loaded_after(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


HEAVY = {
    "duckdb",
    "fastapi",
    "litellm",
    "numpy",
    "pandas",
    "polars",
    "pydantic",
    "scipy",
    "statsmodels",
    "streamlit",
}


def test_the_command_line_starts_without_a_heavy_import() -> None:
    assert not loaded_after("import rollout.cli") & HEAVY


def test_the_hot_path_knows_no_database_and_no_statistics() -> None:
    heavy = HEAVY - {"pydantic", "fastapi"}
    assert not loaded_after("import rollout.router, rollout.record.journal") & (heavy | {"pyarrow"})
