"""``gate`` and ``backtest``: what the data say, and what they would have decided."""

from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json, progress
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
    app.command()(backtest)


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
    from rollout.yardstick import find_plan, state_as_of

    moment = moment_of(as_of)
    if plan is None and step is None:
        told = _gate_of_server(data, workflow, as_of and moment.isoformat(), track.value, tenant)
        if told is not None:
            _tell_gate(told, as_json)
            return
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
            forecast=True,
        ).judged_by(yardstick.source)
    _tell_gate(report.to_json(), as_json)


def _gate_of_server(
    data: Path, workflow: str, as_of: str | None, track: str, tenant: str
) -> "dict[str, Any] | None":
    """The gate as the server that holds the folder sees it; None where none does."""
    from rollout.cli.caller import call
    from rollout.serve.viewer import running_server

    url = running_server(data)
    if url is None:
        return None
    named = None if tenant == "default" else tenant  # left out: a key's own tenant
    told: dict[str, Any] = call(
        url, "GET", f"/v1/workflows/{workflow}/gate", track=track, as_of=as_of, tenant=named
    )
    return told


def _tell_gate(told: "dict[str, Any]", as_json: bool) -> None:
    from rollout.cli.gate_text import gate_text
    from rollout.ladder.transition import Decision

    if as_json:
        print_json(told)
    else:
        typer.echo(gate_text(told))
    if told["decision"] != Decision.PROMOTE:
        raise typer.Exit(1)


def backtest(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="The plan whose gates are asked.")],
    data: Data = DEFAULT_DATA,
    workflow: Annotated[
        str | None,
        typer.Option(metavar="WORKFLOW", help="Whose history; the plan's own workflow if left out."),
    ] = None,
    every: Annotated[str, typer.Option(metavar="PERIOD", help="Distance of the looks: 1d, 12h, 1w.")] = "1d",
    first: Annotated[str | None, typer.Option("--from", metavar="TIME", help="The first look.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The last look.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a history through a plan's gates: what each look would have decided, and why."""
    from policies.load import load_plan
    from rollout.report import period_of
    from rollout.trials.backtest import backtest as replay_gates
    from rollout.trials.backtest import moments_between

    distance = period_of(every)
    if distance is None:
        raise UsageError("--every all is no distance; write e.g. 1d")
    begin = None if first is None else moment_of(first)
    end = None if last is None else moment_of(last)
    promised = load_plan(plan)
    with opened_view(data, f"ridealong backtest {plan.name}") as view:
        total = moments_between(view, promised, workflow=workflow, every=distance, first=begin, last=end)
        with progress("Looking", total, "looks") as done:
            result = replay_gates(
                view,
                promised,
                workflow=workflow,
                every=distance,
                first=begin,
                last=end,
                progress=done,
            ).to_json()
    if as_json:
        print_json(result)
    else:
        from rollout.cli.backtest_text import backtest_text

        typer.echo(backtest_text(result))


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
