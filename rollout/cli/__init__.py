"""The command line. Modules here import nothing heavy: ``ridealong --help`` answers in 0.1 s."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from policies.problems import PolicyInvalid
from rollout.cli import (
    agents,
    conduct,
    evals,
    evidence,
    hooks,
    importing,
    incidents,
    judge,
    keys,
    ladder,
    planning,
    plans,
    records,
    reporting,
    serving,
    trials,
    upkeep,
    usage,
    versions,
)
from rollout.errors import RidealongError, TransitionRefused

app = typer.Typer(
    name="ridealong",
    help="Roll out customer-support AI agents beside the human desk, one proven step at a time.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_register: tuple[Callable[[typer.Typer], None], ...] = (
    trials.register,
    serving.register,
    plans.register,
    conduct.register,
    agents.register,
    versions.register,
    judge.register,
    evals.register,
    planning.register,
    importing.register,
    evidence.register,
    reporting.register,
    usage.register,
    ladder.register,
    incidents.register,
    hooks.register,
    records.register,
    upkeep.register,
    keys.register,
)
for register in _register:
    register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ridealong {version('ridealong')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Exit codes: 0 fine, 1 "no" (a gate not passed, a check failed), 2 wrong usage."""


def main() -> None:
    """Run the command line; an expected error is one line on stderr, never a traceback."""
    try:
        app()
    except RidealongError as error:
        typer.echo(f"ridealong: {error}", err=True)
        sys.exit(1 if isinstance(error, TransitionRefused) else 2)
    except PolicyInvalid as error:  # every problem of a plan on its own line, as `check` prints them
        typer.echo(str(error), err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("ridealong: interrupted; what was acknowledged is recorded", err=True)
        sys.exit(130)
