"""Imports one file: read, check, record, chunk by chunk; then the view catches up.

Stopping it at any moment is safe. What was acknowledged stays, and running it again goes on where
it stopped, because every row's event id is made from the row itself.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic
from typing import Final

from rollout.errors import UsageError
from rollout.importer.chunk import Chunk
from rollout.importer.events import Row, rows_of
from rollout.importer.files import open_source
from rollout.importer.header import Header, parse_mapping, resolve
from rollout.importer.recorder import Recorder
from rollout.importer.rejects import Rejects
from rollout.importer.rows import SLUG, check, extras_as_json
from rollout.importer.summary import ImportSummary, Progress
from rollout.record.folder import DataFolder

PROBLEMS_SHOWN: Final = 10


def _silently(_: Progress) -> None:
    """Report no progress."""


def import_file(
    file: Path,
    data: Path,
    *,
    workflow: str | None = None,
    mapping: Sequence[str] = (),
    tenant: str = "default",
    dry_run: bool = False,
    progress: Callable[[Progress], None] = _silently,
) -> ImportSummary:
    """Record every ticket of a file as history, and bring the view up to date.

    ``mapping`` holds ``COLUMN=SOURCE`` pairs. With ``dry_run`` everything is checked and nothing
    is written.

    Raises:
        UsageError: the file or its header cannot be used, or no workflow is named anywhere.
        FolderInUse: another process owns the data folder.

    """
    pairs = parse_mapping(mapping)
    source = open_source(file)
    header = resolve(source.names, pairs, str(file))
    if workflow is not None:
        _require_name(workflow)
    elif "workflow" not in header.sources:
        raise UsageError(f"{file}: no row says which workflow it belongs to; give --workflow NAME")
    summary = ImportSummary(file, dry_run=dry_run, warnings=list(header.warnings))
    started = monotonic()
    with ExitStack() as stack:
        recorder = None
        if not dry_run:
            recorder = Recorder(stack.enter_context(DataFolder.open(data)), tenant, progress)
        rejects_file = None if dry_run else data / "imports" / f"{file.name}.rejects.csv"
        rejects = stack.enter_context(closing(Rejects(rejects_file, source.names)))
        for chunk in source.chunks():
            rows = _checked(chunk, header, workflow, tenant, rejects, summary)
            if recorder:
                recorder.record(rows, summary)
            progress(Progress(summary.rows, chunk.done / max(source.total, 1)))
        if recorder:
            recorder.finish(summary)
        summary.rejects_file = rejects.path
    if not summary.rows:
        raise UsageError(f"{file}: the file has a header and no rows; export it again, one row per ticket")
    summary.seconds = monotonic() - started
    return summary


def _require_name(workflow: str) -> None:
    if not re.match(SLUG, workflow):
        raise UsageError(
            f"--workflow {workflow!r} is no workflow name; "
            "use 1 to 64 letters, digits, dots, dashes and underscores"
        )


def _checked(
    chunk: Chunk, header: Header, workflow: str | None, tenant: str, rejects: Rejects, summary: ImportSummary
) -> list[Row]:
    """The chunk's good rows; the bad ones go to the rejects file, in the order of their lines."""
    good, good_rows, bad = check(chunk.frame, header, workflow)
    rejected = [(chunk.lines[at], reason, chunk.frame.row(at)) for at, reason in bad]
    rejected += [(row.line, row.reason, row.cells) for row in chunk.spoiled]
    for line, reason, cells in sorted(rejected, key=lambda entry: entry[0]):
        rejects.add(line, reason, cells)
        if len(summary.problems) < PROBLEMS_SHOWN:
            summary.problems.append(f"line {line}: {reason}")
    rejects.flush()
    summary.rows += chunk.frame.height + len(chunk.spoiled)
    summary.rejected += len(rejected)
    summary.count(good)
    return rows_of(good, extras_as_json(chunk.frame[good_rows], header.extras), tenant)
