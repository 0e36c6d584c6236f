"""What every command shares: the data folder option, JSON output, progress on long work."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[
    Path,
    typer.Option("--data", metavar="DIR", help="The data folder.", envvar="RIDEALONG_DATA"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DEFAULT_DATA = Path("ridealong-data")


def print_json(value: Any) -> None:
    """Write one JSON document to stdout; times as ISO 8601 with offset."""
    import orjson

    sys.stdout.write(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode() + "\n"
    )


@contextmanager
def progress(label: str, total: int | None, unit: str = "") -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr; in a pipe, a line every few seconds instead.

    Yields a function that takes the amount done so far.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}" + (f" {unit}" if unit else "")),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda done: bar.update(task, completed=done)
        return

    from time import monotonic

    last = monotonic()

    def report(done: int) -> None:
        nonlocal last
        if monotonic() - last >= 5:
            last = monotonic()
            of = f" of {total:,}" if total else ""
            typer.echo(f"{label}: {done:,}{of} {unit}".rstrip(), err=True)

    yield report
