"""``ridealong import``: a desk's past, from a file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json

if TYPE_CHECKING:
    from rollout.importer import ImportSummary, Progress

_STAGES: Final = {"import": "reading and recording", "apply": "applying to the view"}
_QUIET_SECONDS: Final = 5.0


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command("import")(import_)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSONL or Parquet, one row per ticket.")],
    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="W", help="The workflow of rows that name none.")
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=SOURCE", help="Where a column has another name; repeatable."),
    ] = None,
    tenant: Annotated[str, typer.Option("--tenant", metavar="T", help="Whose tickets they are.")] = "default",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Import past tickets, with the arms and outcomes they had.

    Importing a file again adds only what is new in it. Exit code 1 if no row could be used.
    """
    from rollout.importer import import_file

    with _bar() as report:
        summary = import_file(
            file,
            data,
            workflow=workflow,
            mapping=mapping or (),
            tenant=tenant,
            dry_run=dry_run,
            progress=report,
        )
    if as_json:
        print_json(_document(summary))
    else:
        typer.echo(_text(summary))
    if summary.rejected == summary.rows:
        raise typer.Exit(1)


@contextmanager
def _bar() -> Iterator[Callable[["Progress"], None]]:
    """Rows per second and the time that is left, on stderr; in a pipe a line every few seconds."""
    started = monotonic()
    if not sys.stderr.isatty():
        last = started

        def line(progress: "Progress") -> None:
            nonlocal last
            if monotonic() - last >= _QUIET_SECONDS:
                last = monotonic()
                typer.echo(_line(progress, last - started), err=True)

        yield line
        return

    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks = {
            stage: bar.add_task(title, total=1.0, rows="", visible=False) for stage, title in _STAGES.items()
        }

        def draw(progress: "Progress") -> None:
            rate = f"{progress.rows:,} rows, {progress.rows / max(monotonic() - started, 1e-9):,.0f}/s"
            shown = rate if progress.stage == "import" else ""
            bar.update(tasks[progress.stage], completed=progress.share, rows=shown, visible=True)

        yield draw


def _line(progress: "Progress", seconds: float) -> str:
    done = f"{_STAGES[progress.stage]}: {progress.share:.0%}"
    return f"{done}, {progress.rows:,} rows, {progress.rows / max(seconds, 1e-9):,.0f} rows/s"


def _text(summary: "ImportSummary") -> str:
    checked = "checked, nothing was written" if summary.dry_run else f"{summary.imported:,} imported"
    lines = [f"{summary.file}: {summary.rows:,} rows read, {checked}"]
    if summary.revisions:
        lines[0] += f" ({summary.revisions:,} of them revisions of known tickets)"
    if not summary.dry_run:
        lines[0] += f", {summary.already_there:,} already there"
    lines[0] += f", {summary.rejected:,} rejected"
    if summary.seconds >= 1:
        lines[0] += f"; {summary.seconds:,.0f} s, {summary.rows / summary.seconds:,.0f} rows/s"
    lines += [f"  warning: {warning}" for warning in summary.warnings]
    lines += [f"  rejected {problem}" for problem in summary.problems]
    if summary.rejected > len(summary.problems):
        lines.append(f"  … and {summary.rejected - len(summary.problems):,} more")
    if summary.rejects_file:
        lines.append(
            f"  rejected rows are in {summary.rejects_file}; correct them there and import that file"
        )
    for title, counts in (
        ("workflows", summary.workflows),
        ("arms", summary.arms),
        ("steps", summary.steps),
    ):
        if counts:
            lines.append(f"  {title}: " + ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items())))
    if summary.first_opened_at and summary.last_opened_at:
        lines.append(
            f"  opened: {summary.first_opened_at:%Y-%m-%d} to {summary.last_opened_at:%Y-%m-%d} (UTC)"
        )
    if not summary.dry_run:
        lines += [f"next: {command}" for command in summary.next_steps]
    return "\n".join(lines)


def _document(summary: "ImportSummary") -> dict[str, object]:
    from dataclasses import fields

    document = {field.name: getattr(summary, field.name) for field in fields(summary)}
    for name in ("workflows", "arms", "steps"):
        document[name] = dict(document[name])
    for name in ("file", "rejects_file"):
        document[name] = None if document[name] is None else str(document[name])
    return document | {"next": summary.next_steps}
