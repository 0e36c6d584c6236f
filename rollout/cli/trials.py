"""Trials: a simulated desk, and a desk's real past, sent through the loop."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json, progress
from rollout.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command()(demo)
    app.command()(replay)


def demo(
    data: Data = DEFAULT_DATA,
    weeks: Annotated[
        int, typer.Option(min=1, max=52, help="Simulated weeks; ten tell the whole story.")
    ] = 10,
    seed: Annotated[int, typer.Option(help="Another seed, another desk.")] = 1,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The simulated time ends here (UTC); today if left out."),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Only simulate.")] = False,
    as_json: AsJson = False,
) -> None:
    """Simulate ten weeks of a desk on the real router, gates and ladder, then show them.

    A good agent climbs from shadow to full; an update of it that deflects more and satisfies less is
    taken back. --json prints what happened and does not serve.
    """
    from rollout.trials.demo import Settings
    from rollout.trials.demo_run import as_text, demonstrate, plans_of

    settings = Settings(weeks, seed, until.date() if until else None)
    with progress("Simulating", weeks * 7, "days") as done:
        summary = demonstrate(data, settings, tell=None if as_json else typer.echo, done=done)
    if as_json:
        print_json(summary)
        return
    typer.echo(as_text(summary, data))
    if not no_serve:
        from rollout.serve import up

        up(data, open_browser=not no_open, plans=plans_of(data))


def replay(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="The export; RIDEALONG_SHARED_DATA/FORMAT where left out."),
    ] = None,
    export_format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="Its format; see docs/replay.md.")
    ] = "thunderbird",
    data: Data = DEFAULT_DATA,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many tickets.")] = None,
    knowledge_date: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The date of articles that carry none."),
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Also write the report as Markdown.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a desk's past through triage, assignment and the human path, with the offline agent in shadow."""
    from dataclasses import asdict
    from datetime import UTC

    from rollout.trials.desk_export import read_export
    from rollout.trials.replay_run import replay_into
    from rollout.trials.replay_text import as_markdown, as_text

    dated = knowledge_date.replace(tzinfo=UTC) if knowledge_date else None
    export = read_export(folder or _shared(export_format), export_format, knowledge_date=dated)
    with progress("Replaying", min(limit or len(export.threads), len(export.threads)), "tickets") as done:
        report = replay_into(data, export, limit=limit, progress=done)
    if report_file is not None:
        report_file.write_text(as_markdown(report), encoding="utf-8")
    if as_json:
        print_json(asdict(report))
    else:
        typer.echo(as_text(report))


def _shared(export_format: str) -> Path:
    """The export of this format among the shared data."""
    import os

    shared = os.environ.get("RIDEALONG_SHARED_DATA")
    if not shared:
        raise UsageError("which export? Give its folder, or set RIDEALONG_SHARED_DATA to where it lies")
    return Path(shared) / export_format
