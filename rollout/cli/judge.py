"""``judge``: a model that compares replies, measured against people before its word may count."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollout.cli.common import AsJson, print_json, progress
from rollout.errors import UsageError

if TYPE_CHECKING:
    from agents.judging.judge import Judge
    from rollout.judging.ask import Judgements
    from rollout.judging.calibration import Calibration
    from rollout.judging.labels import Labelled
    from rollout.record.folder import DataFolder

judge = typer.Typer(
    name="judge",
    help="A model that compares an agent's replies with people's. See docs/judge.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Model = Annotated[str, typer.Option(metavar="PROVIDER/MODEL", help="The model that judges, by its snapshot.")]
Alias = Annotated[bool, typer.Option("--alias", help="Accept a name without a snapshot.")]
Usd = Annotated[float | None, typer.Option("--usd", metavar="USD", min=0.01, help="Spend at most this.")]
Workflow = Annotated[str | None, typer.Option(metavar="WORKFLOW", help="Whose tickets.")]
Version = Annotated[str | None, typer.Option(metavar="NAME@VERSION", help="Only this version's replies.")]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Whose workflow.")]
Folder = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="A data folder with reviews.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.add_typer(judge)


@judge.command()
def calibrate(  # noqa: PLR0913, PLR0917 - the options of one command
    model: Model,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labelled pairs, one JSON object per line.")
    ] = None,
    data: Folder = None,
    workflow: Workflow = None,
    version: Version = None,
    tenant: Tenant = "default",
    repeats: Annotated[int, typer.Option(min=0, help="Pairs to judge twice, for its noise.")] = 30,
    alias: Alias = False,
    usd: Usd = None,
    write: Annotated[
        bool, typer.Option("--record", help="Write the result down: the newest one holds.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare a judge with people's labels. Exit 1 if it falls short."""
    from rollout.judging.ask import judged
    from rollout.judging.calibration import calibrate as compared
    from rollout.judging.labels import from_file, from_folder, labelled_only

    if (labels is None) == (data is None):
        raise UsageError("give --labels FILE or --data DIR, one of them")
    if write and data is None:
        raise UsageError("--record needs --data: a calibration holds for one workflow of a folder")
    if labels is not None:
        pairs = list(labelled_only(from_file(labels)))
        made = _judge(model, alias, usd, None)
        found = _asked(made, pairs, repeats)
        result = compared(made.rater, judged(pairs, found))
    else:
        with _opened(data) as folder:
            wanted = _workflow(workflow)
            pairs = list(labelled_only(from_folder(folder, wanted, version=version, tenant=tenant)))
            made = _judge(model, alias, usd, folder.path)
            found = _asked(made, pairs, repeats)
            result = compared(made.rater, judged(pairs, found))
            if write:
                _record(folder, result, wanted, tenant)
    _tell(result, found, as_json=as_json)
    if not result.passed:
        raise typer.Exit(1)


@judge.command()
def run(  # noqa: PLR0913, PLR0917 - the options of one command
    model: Model,
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="The data folder.")],
    workflow: Annotated[str, typer.Option(metavar="WORKFLOW", help="Whose tickets.")],
    version: Version = None,
    tenant: Tenant = "default",
    most: Annotated[int, typer.Option(min=1, help="Pairs at most.")] = 500,
    alias: Alias = False,
    usd: Usd = None,
    as_json: AsJson = False,
) -> None:
    """Have a judge rate shadow replies, and record its ratings. No gate counts them."""
    from rollout.clock import SystemClock
    from rollout.judging.labels import from_folder
    from rollout.judging.record import ratings

    with _opened(data) as folder:
        there = from_folder(folder, workflow, version=version, tenant=tenant)
        pairs = _drawn(there, most)
        if not pairs:
            raise UsageError(f"{data}: no pair of an agent's and a person's reply in workflow {workflow!r}")
        made = _judge(model, alias, usd, folder.path)
        new = [one for one in pairs if not _known(folder, made.rater, one)]
        found = _asked(made, new, 0)
        events = ratings(made.rater, new, found, SystemClock().now(), len(pairs) / len(there))
        folder.record(events)
    told = {
        "rater": made.rater,
        "pairs": len(pairs),
        "recorded": len(events),
        "known": len(pairs) - len(new),
        "failed": dict(found.failed),
        "cost_usd": found.cost_usd,
    }
    if as_json:
        print_json(told)
    else:
        typer.echo(
            f"{told['rater']}: {told['recorded']} ratings recorded, {told['known']} were there already"
        )
        _tell_trouble(found)


def _judge(name: str, alias: bool, usd: float | None, folder: Path | None) -> "Judge":
    from pydantic import ValidationError

    from agents.judging.access import judge_of
    from agents.models import ModelUnavailable
    from agents.models.access import ModelAccess
    from agents.models.budget import Ledger
    from agents.models.spend_book import SpendBook

    access = ModelAccess(ledger=Ledger(SpendBook(folder / "spending")) if folder is not None else None)
    try:
        return judge_of(access, name, alias=alias, usd_per_day=usd)
    except ModelUnavailable as error:
        raise UsageError(str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"--model {name}: {first}; name a snapshot, or accept it with --alias") from None


def _opened(data: Path | None) -> "DataFolder":
    from rollout.record.folder import DataFolder

    if data is None or not data.is_dir():
        raise UsageError(f"{data}: no such folder")
    return DataFolder.open(data, holder="judge")


def _workflow(workflow: str | None) -> str:
    if workflow is None:
        raise UsageError("--data needs --workflow")
    return workflow


def _asked(made: "Judge", pairs: "list[Labelled]", repeats: int) -> "Judgements":
    import asyncio

    from rollout.judging.ask import ask

    with progress("judging", len(pairs) + min(repeats, len(pairs)), "pairs") as told:
        return asyncio.run(ask(made, pairs, repeats=repeats, told=told))


def _drawn(pairs: "list[Labelled]", most: int) -> "list[Labelled]":
    """So many of them, the same ones every time, chosen by a hash that says nothing about the ticket."""
    import hashlib

    def place(one: "Labelled") -> bytes:
        return hashlib.sha256(f"judge:{one.pair.version}:{one.pair.ticket_id}".encode()).digest()

    return sorted(pairs, key=place)[:most]


def _known(folder: "DataFolder", rater: str, one: "Labelled") -> bool:
    from rollout.judging.record import rating_id

    return folder.journal.find(rating_id(rater, one), one.pair.tenant) is not None


def _record(folder: "DataFolder", result: "Calibration", workflow: str, tenant: str) -> None:
    from rollout.clock import SystemClock
    from rollout.judging.record import calibration_event

    folder.record([calibration_event(result, workflow=workflow, at=SystemClock().now(), tenant=tenant)])


def _tell(result: "Calibration", found: "Judgements", *, as_json: bool) -> None:
    if as_json:
        print_json({**result.to_json(), "failed": dict(found.failed), "cost_usd": found.cost_usd})
        return
    typer.echo(f"{result.rater}: {result.pairs} pairs that people labelled")
    for one in result.questions:
        typer.echo(
            f"  {one.name:<9} n {one.n}  κ {_number(one.kappa.value)} [{_number(one.kappa.lower)}, "
            f"{_number(one.kappa.upper)}]  AC1 {_number(one.ac1.value)}  "
            f"TPR {_number(one.sensitivity.value)} [{_number(one.sensitivity.lower)}]  "
            f"TNR {_number(one.specificity.value)} [{_number(one.specificity.lower)}]"
        )
    typer.echo(f"  the same when sides are swapped: {result.consistency.hits} of {result.consistency.n}")
    typer.echo(f"  the same when judged again:      {result.stability.hits} of {result.stability.n}")
    _tell_trouble(found)
    for shortfall in result.shortfalls:
        typer.echo(f"  short: {shortfall}")
    typer.echo("calibrated" if result.passed else "not calibrated: its word is for sorting what people read")


def _tell_trouble(found: "Judgements") -> None:
    for reason, number in found.failed.items():
        typer.echo(f"  {number} without a verdict: {reason}")
    cost = "unknown" if found.cost_usd is None else f"{found.cost_usd:.4f} USD"
    typer.echo(f"  cost: {cost}")


def _number(value: float) -> str:
    import math

    return "unknown" if math.isnan(value) else f"{value:.2f}"
