"""Keeping a data folder well: back it up, restore it, examine it, expire texts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json, progress

if TYPE_CHECKING:
    from rollout.upkeep.manifest import Manifest
    from rollout.upkeep.restore import Lost


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command()(backup)
    app.command()(restore)
    app.command()(doctor)
    app.command()(expire)


def backup(
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A folder that is not there yet.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Copy the data folder, also while a server runs, and check the copy."""
    from rollout.record.reader import durable_seq
    from rollout.upkeep.backup import Progress
    from rollout.upkeep.backup import backup as copy

    records = durable_seq(data / "journal")
    with progress("Copying", None, "bytes") as copied, progress("Checking", records, "records") as checked:
        made = copy(data, destination, progress=Progress(copied, checked))
    if as_json:
        print_json({"destination": str(destination), "bytes": made.size, **made.to_json()})
        return
    typer.echo(
        f"{destination}: {made.head.seq:,} records, {len(made.files)} files, {made.size:,} bytes\n"
        f"Head {made.head.seq} {made.head.hash}\n"
        "It holds texts and the digests of keys: keep it as safe as the folder itself, on another disk."
    )


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `ridealong backup` made.")],
    data: Data = DEFAULT_DATA,
    instead_of: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder it replaces: say what is lost of it."),
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check", help="Only check the backup; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a backup, make an empty folder of it, and build the view."""
    from rollout.upkeep.manifest import Manifest
    from rollout.upkeep.restore import Progress, check, lost
    from rollout.upkeep.restore import restore as fill

    told = Manifest.load(source)
    missing = lost(told, instead_of) if instead_of is not None else None
    with (
        progress("Reading", told.size, "bytes") as read,
        progress("Checking", told.head.seq, "records") as checked,
        progress("Building the view", told.head.seq, "records") as rebuilt,
    ):
        steps = Progress(read, checked, rebuilt)
        made = check(source, steps) if check_only else fill(source, data, progress=steps)
    if as_json:
        print_json(
            {
                "data": None if check_only else str(data),
                "made_at": made.made_at,
                "head": made.head._asdict(),
                "newest": made.newest,
                "lost": None if missing is None else {"records": missing.records, **_lost_json(missing)},
            }
        )
    else:
        done = f"{source} is sound" if check_only else f"{data} is restored"
        typer.echo(f"{done}: record {made.head.seq:,}, as of {made.newest or 'the beginning'}.")
        typer.echo(_lost_text(made, missing))


def doctor(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Examine a data folder and this machine; say what to do. Exit 1 if something is broken."""
    from rollout.errors import UsageError
    from rollout.record.reader import durable_seq
    from rollout.upkeep.checkup import examine
    from rollout.upkeep.findings import Level, Patient

    if not data.is_dir():
        raise UsageError(f"{data} is no data folder; --data names one")
    with progress("Checking", durable_seq(data / "journal"), "records") as report:
        findings = examine(Patient(data, progress=report))
    broken = any(finding.level is Level.FAIL for finding in findings)
    if as_json:
        print_json({"sound": not broken, "findings": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{finding.level.value:<5} {finding.check:<16} {finding.sentence}")
            if finding.remedy:
                typer.echo(f"{'':<22} -> {finding.remedy}")
    raise typer.Exit(1 if broken else 0)


def expire(
    days: Annotated[int, typer.Option("--days", min=1, help="Texts stored longer ago than this go.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Erase old texts (retention), also while a server runs; every fact and metric stays."""
    from datetime import timedelta

    from rollout.clock import SystemClock
    from rollout.errors import UsageError
    from rollout.record.content import ContentStore

    if not (data / "content.sqlite").exists():
        raise UsageError(f"{data} holds no texts; --data names another folder")
    before = SystemClock().now() - timedelta(days=days)
    with ContentStore(data / "content.sqlite") as content:
        expired = content.purge(before)
    if as_json:
        print_json({"before": before.isoformat(), "texts": expired})
    else:
        typer.echo(
            f"Erased {expired:,} texts stored before {before:%Y-%m-%d %H:%M} UTC."
            " Backups taken before still hold them."
        )


def _lost_json(missing: "Lost") -> dict[str, object]:
    return {"kinds": dict(missing.kinds), "unreadable": missing.unreadable}


def _lost_text(made: "Manifest", missing: "Lost | None") -> str:
    """What to say of everything newer than the backup."""
    what = f"Everything recorded after {made.newest or 'the beginning'} is not in it"
    if missing is not None:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(missing.kinds.items()))
        what += f": {missing.records:,} records" + (f" ({kinds})" if kinds else "")
        if missing.unreadable:
            what += f", and whatever could not be read ({missing.unreadable})"
    return (
        f"{what}. Whoever sent it may send it again under the same ids.\n"
        f"Since the backup of {made.made_at}: forget again who was forgotten, revoke again the keys that"
        " were revoked, and look where each rollout stands (`ridealong status`) before you serve."
    )
