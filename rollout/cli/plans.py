"""``check`` and ``schema``: the files people write, before anything runs."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout.cli import checked_files
from rollout.cli.common import AsJson, print_json
from rollout.errors import UsageError

if TYPE_CHECKING:
    from policies.files import Checked
    from policies.plan import Plan
    from rollout.planning.feasibility import Feasibility, Survey
    from rollout.planning.observed import Observed


class SchemaKind(StrEnum):
    PLAN = "plan"
    AGENT = "agent"
    CONDUCT = "conduct"
    OVERLAY = "overlay"
    DETECTORS = "detectors"
    ROUTES = "routes"
    WEBHOOKS = "webhooks"
    TOOLS = "tools"


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""

    @app.command()
    def check(
        files: Annotated[
            list[Path],
            typer.Argument(
                metavar="FILE...", help="Plans, agent versions, conduct policies, or folders of them."
            ),
        ],
        agents: Annotated[
            Path | None,
            typer.Option(
                metavar="DIR", help="The folder of agent versions (default: 'agents' beside the plan)."
            ),
        ] = None,
        data: Annotated[
            Path | None,
            typer.Option(
                "--data",
                metavar="DIR",
                help="Whether gates can be decided in time: at this folder's volume, not the plan's.",
            ),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Say everything that is wrong with plans and agent versions, with file and line."""
        from agents.checks.inline_tests import broken_tests
        from policies.files import check_files
        from rollout.planning.feasibility import Feasibility

        if agents is not None and not agents.is_dir():
            raise UsageError(
                f"{agents}: no such folder; --agents takes the folder of NAME@VERSION.yaml files"
            )
        feasibility = Feasibility(_survey(data))
        checked = check_files(list(_expanded(files)), agents, [feasibility], broken_tests)
        if as_json:
            print_json(
                {
                    "ok": not any(each.problems for each in checked),
                    "files": [_as_json(each, feasibility) for each in checked],
                }
            )
        else:
            _tell(checked, feasibility)
        if any(each.problems for each in checked):
            raise typer.Exit(1)

    @app.command()
    def schema(
        kind: Annotated[SchemaKind, typer.Argument(help="What the schema describes.")] = SchemaKind.PLAN,
    ) -> None:
        """Print the JSON Schema, for editors and other tools."""
        from policies.schema import schema_text

        typer.echo(schema_text(kind.value), nl=False)


def _expanded(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(
                file
                for file in path.rglob("*")
                if file.suffix in {".yaml", ".yml"} and not _hidden(file.relative_to(path))
            )
            if not inside:
                raise UsageError(f"{path}: there is no .yaml file in this folder")
            yield from inside
        elif path.exists():
            yield path
        else:
            raise UsageError(f"{path}: no such file or folder")


def _hidden(path: Path) -> bool:
    """``.venv`` and its like are nobody's plans."""
    return any(part.startswith(".") for part in path.parts)


def _survey(data: Path | None) -> "Survey | None":
    """Counts in the folder; a plan whose workflow has no tickets there is judged by its own volume."""
    if data is None:
        return None
    from rollout.cli.planning import survey
    from rollout.errors import UnknownWorkflow

    counted = survey(data)

    def tolerant(plan: "Plan") -> "Observed | None":
        try:
            return counted(plan)
        except UnknownWorkflow as error:
            typer.echo(f"ridealong: {error}; {plan.workflow} is checked at its declared volume", err=True)
            return None

    return tolerant


def _as_json(each: "Checked", feasibility: "Feasibility") -> dict[str, Any]:
    from policies.plan import Plan

    time = {"time": feasibility.summary(each.content)} if isinstance(each.content, Plan) else {}
    return {**checked_files.as_json(each), **time}


def _tell(checked: Sequence["Checked"], feasibility: "Feasibility") -> None:
    from policies.plan import Plan

    problems = [problem for each in checked for problem in each.problems]
    for each in checked:
        for problem in each.problems:
            typer.echo(str(problem))
        if not each.problems:
            typer.echo("\n".join(checked_files.summary(each)))
            if isinstance(each.content, Plan):
                typer.echo(f"  {'time:':<12}{feasibility.summary(each.content)}")
    if problems:
        bad = sum(bool(each.problems) for each in checked)
        typer.echo(f"{_count(len(problems), 'problem')} in {bad} of {_count(len(checked), 'file')}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
