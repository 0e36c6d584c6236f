"""``gate``, ``report`` and ``backtest``: what the data say, and what they would have decided."""

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
    from rollout.weekly import Weekly

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
    app.command()(report)
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


def report(  # noqa: PLR0913, PLR0917 - the options of one command
    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="WORKFLOW", help="One workflow; all if left out.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_of: AsOf = None,
    period: Annotated[
        str, typer.Option(metavar="PERIOD", help="Tickets opened in the last 30d, 12w, 48h, or all.")
    ] = "30d",
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Only these: version, category, channel, language, region or tier. Repeatable.",
        ),
    ] = None,
    plan: PlanFile = None,
    md: Annotated[
        Path | None,
        typer.Option("--markdown", "--md", metavar="FILE", help="Also write the weekly report as Markdown."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write it as one self-contained HTML file."),
    ] = None,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Tell the four headlines: CSAT, re-contact, escalation and cost per resolution."""
    from rollout.gating import known_workflows, require_workflow
    from rollout.report import overview
    from rollout.yardstick import find_plan

    moment = moment_of(as_of)
    filters = _filters(where or [])
    told: list[dict[str, object]] = []
    weeks: list[Weekly] = []
    with opened_view(data, "ridealong report") as view:
        if workflow is not None:
            require_workflow(view, workflow, tenant)
        for name in [workflow] if workflow is not None else known_workflows(view, tenant):
            found = find_plan(view, name, tenant=tenant, data=data, file=plan)
            if found.warning:
                typer.echo(f"ridealong: {found.warning}", err=True)
            read = overview(
                view, name, moment, period=period, tenant=tenant, plan=found.plan, filters=filters
            )
            told.append({**read.to_json(), "plan": {"source": found.source}})
            if md is not None or html is not None:
                from rollout.weekly import weekly

                weeks.append(weekly(view, found.plan, told[-1], moment, tenant))
            if not read.tickets and read.newest is not None:
                typer.echo(
                    f"ridealong: no ticket of {name!r} in this period; its newest is of {read.newest:%F}. "
                    "Look there with --as-of, or at everything with --period all",
                    err=True,
                )
    if not told:
        raise UsageError(f"{data} holds no tickets yet; import some or run the demo")
    _write_report(told, weeks, md, html)
    _print_report(told, as_json=as_json)


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


def _write_report(
    told: "list[dict[str, object]]", weeks: "list[Weekly]", md: Path | None, html: Path | None
) -> None:
    """Write the files that were asked for."""
    if html is not None:
        from rollout.report_html import report_html

        html.write_text(report_html(weeks), encoding="utf-8")
    if md is not None:
        from rollout.cli.report_text import report_text
        from rollout.report_md import weekly_text

        pages = [
            f"{report_text(each)}\n\n{weekly_text(week)}" for each, week in zip(told, weeks, strict=True)
        ]
        md.write_text("\n\n".join(pages) + "\n", encoding="utf-8")


def _print_report(told: "list[dict[str, object]]", *, as_json: bool) -> None:
    from rollout.cli.report_text import report_text

    text = "\n\n".join(report_text(each) for each in told) + "\n"
    if as_json:
        print_json({"reports": told})
    else:
        typer.echo(text, nl=False)


def _filters(pairs: list[str]) -> dict[str, str]:
    found = dict(pair.partition("=")[::2] for pair in pairs)
    broken = next((pair for pair in pairs if "=" not in pair), None)
    if broken is not None:
        raise UsageError(f"--where {broken!r} has no value; write e.g. --where category=billing")
    return found


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
