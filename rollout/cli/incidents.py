"""``incident``: what went wrong with an agent, and who looks after it."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.incidents.register import Register

Actor = Annotated[str | None, typer.Option("--actor", help="Who reports it; you where left out.")]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose workflow it is.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; recorded, and read by others.")]
Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, as `list` shows it.")]
Severity = Annotated[int, typer.Option("--severity", min=1, max=4, help="1 is worst; see `incident list`.")]
Row = dict[str, Any]

incident = typer.Typer(
    name="incident",
    help="Incidents with AI agents; while one of severity 1 or 2 is open nothing is promoted.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.add_typer(incident)


@incident.command("open")
def open_(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow it happened in.")],
    severity: Severity,
    title: Annotated[str, typer.Option("--title", help="What happened, in one line.")],
    version: Annotated[
        str | None, typer.Option("--version", metavar="NAME@VERSION", help="The agent version, if known.")
    ] = None,
    actor: Actor = None,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Open an incident; of severity 1 or 2 it holds the workflow's promotion at once."""
    body = {"workflow": workflow, "severity": severity, "title": title, "version": version}
    row = _asked(data, "POST", "/v1/incidents", body, actor, tenant)
    if row is None:
        from rollout.cli.caller import orderer
        from rollout.clock import SystemClock
        from rollout.incidents import incident as incidents

        with _register(data) as known:
            row = known.open(
                tenant,
                workflow,
                incidents.Severity(severity),
                title,
                version=version,
                actor=orderer(data, "incident open", actor, tenant).actor,
                at=SystemClock().now(),
            ).to_json()
    _tell([row], as_json, single=True)


@incident.command("list")
def list_(
    workflow: Annotated[str | None, typer.Argument(metavar="[WORKFLOW]", help="Only this one's.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show incidents, the worst first, and what the severities mean."""
    from rollout.cli.caller import call
    from rollout.incidents.incident import MEANINGS
    from rollout.serve.viewer import running_server

    url = running_server(data)
    if url is not None:
        found = call(url, "GET", "/v1/incidents", workflow=workflow, tenant=_named(tenant))["incidents"]
    else:
        with _register(data) as known:
            found = [each.to_json() for each in known.of(tenant, workflow)]
    rows = [row for row in found if every or row["status"] != "closed"]
    if as_json or rows:
        _tell(rows, as_json)
    else:
        typer.echo("No incident is open.")
    if not as_json:
        typer.echo("\nSeverities:")
        for severity, meaning in MEANINGS.items():
            typer.echo(f"  {severity:d}  {meaning}")


@incident.command()
def acknowledge(
    incident_id: Incident,
    actor: Actor = None,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Say that you look after it."""
    _change(data, incident_id, "acknowledge", {}, actor, tenant, as_json)


@incident.command()
def grade(
    incident_id: Incident,
    severity: Severity,
    reason: Reason,
    actor: Actor = None,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Change its severity: it turned out better or worse than it seemed."""
    _change(data, incident_id, "grade", {"severity": severity, "reason": reason}, actor, tenant, as_json)


@incident.command()
def close(
    incident_id: Incident,
    reason: Reason,
    actor: Actor = None,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Say that it is over; promotion is judged by the gates again."""
    _change(data, incident_id, "close", {"reason": reason}, actor, tenant, as_json)


def _change(
    data: Path,
    incident_id: str,
    action: str,
    body: Row,
    actor: str | None,
    tenant: str,
    as_json: bool,
) -> None:
    row = _asked(data, "POST", f"/v1/incidents/{incident_id}/{action}", body, actor, tenant)
    if row is None:
        from rollout.cli.caller import orderer
        from rollout.clock import SystemClock
        from rollout.incidents import incident as incidents

        person = orderer(data, f"incident {action}", actor, tenant).actor
        now = SystemClock().now()

        def make(known: incidents.Incident) -> Any:
            if action == "acknowledge":
                return incidents.acknowledge(known, person, now)
            if action == "close":
                return incidents.close(known, body["reason"], person, now)
            return incidents.grade(known, incidents.Severity(body["severity"]), body["reason"], person, now)

        with _register(data) as register:
            row = register.change(tenant, incident_id, make).to_json()
    _tell([row], as_json, single=True)


def _asked(data: Path, method: str, path: str, body: Row, actor: str | None, tenant: str) -> Row | None:
    """What the server that holds the folder answers; None where none does."""
    from rollout.cli.caller import call, own_key
    from rollout.serve.viewer import running_server

    url = running_server(data)
    if url is None:
        return None
    person = {} if own_key() else {"actor": _person(actor)}
    sent = {name: value for name, value in body.items() if value is not None} | person
    answer: Row = call(url, method, path, sent, tenant=_named(tenant))
    return answer


def _named(tenant: str) -> str | None:
    """The tenant to ask for; a key of one tenant needs none named."""
    return None if tenant == "default" else tenant


@contextmanager
def _register(data: Path) -> "Iterator[Register]":
    from rollout.incidents.register import Register
    from rollout.record.folder import DataFolder

    with DataFolder.open(data, holder="ridealong incident", parts=("journal",), create=False) as folder:
        yield Register(folder.journal)


def _person(actor: str | None) -> str:
    from getpass import getuser

    return actor or getuser()


def _tell(rows: list[Row], as_json: bool, *, single: bool = False) -> None:
    if as_json:
        print_json(rows[0] if single else rows)
        return
    for row in rows:
        version = f" {row['version']}" if row["version"] else ""
        holds = "  HOLDS PROMOTION" if row["blocks"] else ""
        typer.echo(f"{row['incident_id']}  severity {row['severity']}  {row['status']}{holds}")
        typer.echo(f"  {row['workflow']}{version}: {row['title']}")
        typer.echo(f"  opened {row['opened_at']} by {row['opened_by']}")
        if row["acknowledged_by"]:
            typer.echo(f"  looked after by {row['acknowledged_by']}")
        if row["reason"]:
            typer.echo(f"  {row['reason']}")
