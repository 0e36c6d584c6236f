"""``agent``: an endpoint tried out before anybody relies on it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout.cli.common import AsJson, print_json
from rollout.errors import UsageError

if TYPE_CHECKING:
    from agents.remote.exam.run import Result

agent = typer.Typer(
    name="agent",
    help="Agents behind a URL. See docs/http-agent.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_WIDTH = 26


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.add_typer(agent)


@agent.command("check")
def check_endpoint(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where your agent answers.")],
    secret_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The variable that holds the secret both sides know."),
    ] = None,
    deadline: Annotated[
        float, typer.Option(metavar="SECONDS", help="What it is given per request.", min=0.5, max=120)
    ] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Try the contract out against an endpoint, with about fifty requests. Exit 1 if a check fails."""
    from agents.remote.exam.probe import Status
    from agents.remote.exam.run import address_trouble, examine
    from agents.remote.settings import secret_from

    trouble = address_trouble(url)
    if trouble is not None:
        raise UsageError(f"{url}: {trouble}")
    try:
        secret = secret_from(secret_env)
    except LookupError as error:
        raise UsageError(f"--secret-env {secret_env}: {error}") from None
    results = examine(url, secret, deadline=deadline, told=(lambda _: None) if as_json else _tell)
    failed = sum(one.finding.status is Status.FAIL for one in results)
    warned = sum(one.finding.status is Status.WARN for one in results)
    if as_json:
        print_json({"url": url, "ok": not failed, "checks": [_row(one) for one in results]})
    else:
        typer.echo(f"{len(results)} checks: {failed} failed, {warned} to look at")
    if failed:
        raise typer.Exit(1)


def _tell(one: "Result") -> None:
    finding = one.finding
    typer.echo(f"{finding.status.upper():<5}{one.check.name:<{_WIDTH}} {finding.why}")
    if finding.fix:
        typer.echo(f"{'':<5}{'':<{_WIDTH}} -> {finding.fix}")


def _row(one: "Result") -> dict[str, Any]:
    return {
        "check": one.check.name,
        "asks": one.check.asks,
        "status": one.finding.status.value,
        "why": one.finding.why,
        "fix": one.finding.fix or None,
    }
