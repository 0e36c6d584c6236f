"""``report``: the four headlines, and the week in one file for people who never open a dashboard."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json
from rollout.cli.evidence import AsOf, PlanFile, Tenant, moment_of, opened_view
from rollout.errors import UsageError

if TYPE_CHECKING:
    from rollout.weekly import Report


def register(app: typer.Typer) -> None:
    """Add this module's command to the command line."""
    app.command()(report)


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
    asked: dict[str, Any] = {
        "period": period,
        "filters": _filters(where or []),
        "week": md is not None or html is not None,
    }
    moment = moment_of(as_of) if as_of is not None else None
    reports = _reports_of_server(data, workflow, plan, moment, tenant, asked)
    if reports is None:
        reports = _reports(data, workflow, plan, moment or moment_of(None), tenant, asked)
    for note in (note for each in reports for note in each.notes):
        typer.echo(f"ridealong: {note}", err=True)
    if not reports:
        raise UsageError(f"{data} holds no tickets yet; import some or run the demo")
    _write_report(reports, md, html)
    _print_report([dict(each.headlines) for each in reports], as_json=as_json)


def _reports(
    data: Path,
    workflow: str | None,
    plan: Path | None,
    moment: datetime,
    tenant: str,
    asked: "dict[str, Any]",
) -> "list[Report]":
    """Of one workflow or of all, from the folder itself."""
    from rollout.gating import known_workflows, require_workflow
    from rollout.weekly import report_of
    from rollout.yardstick import find_plan

    with opened_view(data, "ridealong report") as view:
        if workflow is not None:
            require_workflow(view, workflow, tenant)
        names = [workflow] if workflow is not None else known_workflows(view, tenant)
        return [
            report_of(
                view,
                name,
                find_plan(view, name, tenant=tenant, data=data, file=plan),
                moment,
                tenant=tenant,
                **asked,
            )
            for name in names
        ]


def _reports_of_server(
    data: Path,
    workflow: str | None,
    plan: Path | None,
    moment: datetime | None,
    tenant: str,
    asked: "dict[str, Any]",
) -> "list[Report] | None":
    """The same from the server that holds the folder; None where none does.

    Raises:
        UsageError: another plan is named than the one in force.

    """
    from rollout.cli.caller import call
    from rollout.serve.viewer import running_server
    from rollout.weekly import Report

    url = running_server(data)
    if url is None:
        return None
    if plan is not None:
        raise UsageError(
            f"--plan {plan}: the server that holds {data} judges by the plan in force. Leave --plan out, or "
            "stop the server"
        )
    named = None if tenant == "default" else tenant  # left out: a key's own tenant
    if workflow is not None:
        names = [workflow]
    else:
        rows = call(url, "GET", "/v1/workflows", tenant=named)["workflows"]
        names = [row["workflow"] for row in rows]
    question = {
        "period": asked["period"],
        "where": [f"{name}={value}" for name, value in asked["filters"].items()],
        "week": "true" if asked["week"] else "false",
        "as_of": None if moment is None else moment.isoformat(),
        "tenant": named,
    }
    told = [call(url, "GET", "/v1/report", workflow=name, **question) for name in names]
    return [Report.from_json(each) for each in told]


def _write_report(reports: "list[Report]", md: Path | None, html: Path | None) -> None:
    """Write the files that were asked for."""
    weeks = [each.week for each in reports if each.week is not None]
    if html is not None:
        from rollout.report_html import report_html

        html.write_text(report_html(weeks), encoding="utf-8")
    if md is not None:
        from rollout.cli.report_text import report_text
        from rollout.report_md import weekly_text

        pages = [f"{report_text(week.overview)}\n\n{weekly_text(week)}" for week in weeks]
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
