"""``plan``: how long each gate will take, and which customers each step moves."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollout.cli.common import AsJson, print_json
from rollout.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from policies.plan import Plan
    from rollout.planning.observed import Observed

Surveyed = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Take volume, responses and variances from this data folder."),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(name="plan")(plan_command)


def plan_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The plan.")],
    data: Surveyed = None,
    volume: Annotated[
        float | None,
        typer.Option(metavar="N", min=1e-6, help="Eligible tickets a day; counts before all else."),
    ] = None,
    workflow: Annotated[
        str | None,
        typer.Option("--workflow", metavar="W", help="Whose tickets in --data; the plan's if left out."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Start then (ISO 8601 with offset); now if left out."),
    ] = None,
    beside: Annotated[
        str | None,
        typer.Option(metavar="STEP", help="The step the canary runs beside; the last if left out."),
    ] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw the picture here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say when each gate will be decided, how sure that is, and whom each step moves."""
    from policies.load import load_plan
    from rollout.cli.evidence import moment_of
    from rollout.planning.desk import desk_of
    from rollout.planning.forecast import forecast
    from rollout.planning.public import to_json

    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    if workflow is not None and data is None:
        raise UsageError(f"--workflow {workflow} needs --data DIR, the folder that holds its tickets")
    plan, moment = load_plan(file), moment_of(start)
    observed = survey(data, workflow)(plan) if data is not None else None
    desk = desk_of(plan, volume=volume, observed=observed)
    told = to_json(forecast(plan, desk, moment, beside=beside), str(file))
    if svg is not None:
        from rollout.planning.picture import picture

        svg.write_text(picture(told), encoding="utf-8")
    if as_json:
        print_json(told)
    else:
        from rollout.cli.plan_text import plan_text

        typer.echo(plan_text(told))


def survey(
    data: Path, workflow: str | None = None, as_of: "datetime | None" = None
) -> "Callable[[Plan], Observed]":
    """A function that counts a plan's figures in a data folder.

    It raises UnknownWorkflow where the folder has none of its tickets.
    """

    def counted(plan: "Plan") -> "Observed":
        from rollout.cli.evidence import moment_of, opened_view
        from rollout.gating import require_workflow
        from rollout.ladder.judge import tasks_of
        from rollout.planning.desk import all_steps
        from rollout.planning.observed import observe

        name = workflow or plan.workflow
        metrics = list(
            dict.fromkeys(task.metric for step in all_steps(plan) for task in tasks_of(plan, step))
        )
        with opened_view(data, "ridealong plan") as view:
            require_workflow(view, name, plan.tenant)
            found = observe(view, plan, metrics, workflow=name, as_of=as_of or moment_of(None))
        if found is None:
            raise UsageError(f"{data} holds no tickets of {name!r} to plan with; give --volume N")
        return found

    return counted
