"""Trials: a desk's real past, replayed through the loop."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json, progress
from rollout.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command()(replay)


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
