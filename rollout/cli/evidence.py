"""``gate``, ``report`` and ``backtest``: what the data say, and what they would have decided."""

from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json
from rollout.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.record.view import View

Workflow = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow to judge.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="TIME", help="Judge as of this moment (ISO 8601 with offset); now if left out."
    ),
]
PlanFile = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Judge by this plan instead of the pinned one.")
]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose workflow it is.")]


class TrackOption(StrEnum):
    LADDER = "ladder"
    CANARY = "canary"


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command()(gate)


def gate(
    workflow: Workflow,
    data: Data = DEFAULT_DATA,
    as_of: AsOf = None,
    plan: PlanFile = None,
    step: Annotated[
        str | None, typer.Option(metavar="STEP", help="The step to judge; the one in force if left out.")
    ] = None,
    track: Annotated[
        TrackOption, typer.Option(help="Agent against humans, or an update against the stable agent.")
    ] = TrackOption.LADDER,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Say what a gate decides, metric by metric, and what is missing. Exit 0 only for PROMOTE."""
    from rollout.gating import gate as look
    from rollout.gating import require_workflow
    from rollout.ladder.transition import Decision
    from rollout.yardstick import find_plan, state_as_of

    moment = moment_of(as_of)
    with opened_view(data, f"ridealong gate {workflow}") as view:
        require_workflow(view, workflow, tenant)
        yardstick = find_plan(view, workflow, tenant=tenant, data=data, file=plan)
        if yardstick.warning:
            typer.echo(f"ridealong: {yardstick.warning}", err=True)
        report = look(
            view,
            yardstick.plan,
            workflow,
            moment,
            state=state_as_of(view, workflow, moment, tenant=tenant),
            step=step,
            track=track.value,
            tenant=tenant,
        ).judged_by(yardstick.source)
    if as_json:
        print_json(report.to_json())
    else:
        from rollout.cli.gate_text import gate_text

        typer.echo(gate_text(report.to_json()))
    if report.decision is not Decision.PROMOTE:
        raise typer.Exit(1)


def moment_of(text: str | None) -> datetime:
    """A moment named on the command line; now where none is.

    Raises:
        UsageError: it is no time, or has no offset.

    """
    from datetime import UTC

    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time; write e.g. 2026-05-20T00:00:00+00:00") from None
    if moment.tzinfo is None:
        raise UsageError(f"{text!r} has no offset; write e.g. {moment.isoformat()}+00:00")
    return moment


@contextmanager
def opened_view(data: Path, holder: str) -> "Iterator[View]":
    """The view of a data folder, caught up with the journal."""
    from rollout.record.folder import DataFolder

    with DataFolder.open(data, holder=holder, create=False) as folder:
        folder.catch_up()
        yield folder.view
