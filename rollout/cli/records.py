"""The record: check it, rebuild what is derived from it, and forget a customer."""

from typing import TYPE_CHECKING, Annotated

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json, progress
from rollout.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.record.audit import Audit

audit = typer.Typer(help="Check the journal: is it what was written?", no_args_is_help=True)

_OUTSIDE = (
    "A tail that was cut off cannot be seen from the inside: keep what `ridealong audit head` prints"
    " somewhere else, and give it to `verify --head`."
)


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.add_typer(audit, name="audit")
    app.command()(rebuild)
    app.command()(forget)


@audit.command()
def verify(
    data: Data = DEFAULT_DATA,
    head: Annotated[
        str | None, typer.Option(metavar="HASH", help="A hash noted earlier; it must be on the chain.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every record, link, erasure and text; exit 1 at the first that is not what was written.

    Runs beside a live system.
    """
    from dataclasses import asdict

    from rollout.record.audit import verify
    from rollout.record.reader import durable_seq

    _refuse_if_none(data)
    with progress("Verifying", durable_seq(data / "journal"), "records") as report:
        found = verify(data, head=head.strip().lower() if head else None, progress=report)
    if as_json:
        print_json({"sound": found.sound, **asdict(found), "head": found.head._asdict()})
    else:
        _print_audit(found)
    raise typer.Exit(0 if found.sound else 1)


def _print_audit(found: "Audit") -> None:
    state = "sound" if not found.faults else "NOT SOUND"
    typer.echo(
        f"Journal {state}: {found.records:,} records in {found.segments:,} segments, {found.erased:,} erased"
    )
    typer.echo(f"Head {found.head.seq} {found.head.hash}")
    for fault in found.faults:
        typer.echo(f"  {fault}")
    texts = found.texts
    typer.echo(
        f"Texts: {texts.present:,} present, {texts.erased:,} erased, {texts.expired:,} expired,"
        f" {len(texts.missing):,} missing, {len(texts.altered):,} altered"
    )
    for name, refs in (("missing", texts.missing), ("altered", texts.altered)):
        for ref in refs[:20]:
            typer.echo(f"  {name}: {ref}")
    if found.unfinished_bytes:
        typer.echo(
            f"{found.unfinished_bytes:,} bytes behind the newest durable record: being written now, or left"
            " by a crash (then opening the folder sets them aside)."
        )
    if found.anchored_at is not None:
        typer.echo(f"The given hash is on the chain, at record {found.anchored_at}.")
    else:
        typer.echo(_OUTSIDE)


@audit.command("head")
def head_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Print the newest record's number and hash, to be kept where nobody who can write here can."""
    from rollout.record.reader import JournalReader

    _refuse_if_none(data)
    head = JournalReader(data / "journal").head()
    if as_json:
        print_json(head._asdict())
    else:
        typer.echo(f"{head.seq} {head.hash}")


@audit.command("replay")
def replay_(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="The ticket's id.")],
    data: Data = DEFAULT_DATA,
    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="W", help="Where several have a ticket of that id.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose ticket.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Tell who decided what on a ticket and on which evidence; exit 1 if the record contradicts itself.

    Runs beside a live system.
    """
    from rollout.cli.account_text import account_json, account_text
    from rollout.upkeep.account import account

    _refuse_if_none(data)
    told = account(data, ticket, tenant=tenant, workflow=workflow)
    if as_json:
        print_json(account_json(told))
    else:
        typer.echo(account_text(told))
    raise typer.Exit(0 if told.sound else 1)


def rebuild(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Delete the view and build it again from the journal, with the same content."""
    from rollout.record.folder import DataFolder

    with (
        DataFolder.open(data, holder="ridealong rebuild", parts=("view",), create=False) as folder,
        progress("Rebuilding", folder.head().seq, "records") as report,
    ):
        applied = folder.rebuild(report)
        position = folder.view.position
    if as_json:
        print_json({"applied": applied, "position": position})
    else:
        typer.echo(f"The view was built again from {applied:,} records; it is at record {position:,}.")


def forget(
    customer: Annotated[str, typer.Argument(help="The customer's id, as in the tickets.")],
    data: Data = DEFAULT_DATA,
    tenant: Annotated[str, typer.Option(help="Whose customer.")] = "default",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be erased; erase nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a customer: texts are deleted, the id becomes a pseudonym, outcomes stay countable."""
    from rollout.record.folder import DataFolder

    with DataFolder.open(data, holder="ridealong forget", create=False) as folder:
        forgotten = folder.forget(tenant, customer, actor="cli", dry_run=dry_run)
    if as_json:
        print_json(
            {
                "tenant": tenant,
                "found": bool(forgotten),
                "dry_run": dry_run,
                "pseudonym": forgotten.pseudonym if forgotten and not dry_run else None,
                "records": forgotten.records,
                "texts": forgotten.texts,
            }
        )
    elif not forgotten:
        typer.echo(f"ridealong: tenant {tenant!r} has nothing on customer {customer!r}; check both", err=True)
    elif dry_run:
        typer.echo(f"Would erase {forgotten.texts:,} texts and the id in {forgotten.records:,} records.")
    else:
        typer.echo(
            f"Erased {forgotten.texts:,} texts and the id in {forgotten.records:,} records;"
            f" their tickets now belong to {forgotten.pseudonym}. Backups taken before still hold them."
        )
    raise typer.Exit(0 if forgotten else 1)


def _refuse_if_none(data: "Path") -> None:
    if not (data / "journal").is_dir():
        raise UsageError(f"{data} is no data folder; --data names one")
