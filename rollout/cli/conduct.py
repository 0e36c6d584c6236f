"""``conduct``: what a conduct policy comes to, what it makes of a text, and what a change would change."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollout.cli.common import AsJson, print_json, progress
from rollout.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policies.regions import Policies
    from rollout.rehearsal.traffic import Heard

conduct = typer.Typer(
    help="What an agent may say: the rules in force, and what a change would change.", no_args_is_help=True
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A conduct policy.")]
Region = Annotated[
    str | None,
    typer.Option("--region", metavar="R", help="As tickets carry it; the base if left out."),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.add_typer(conduct, name="conduct")


@conduct.command()
def show(file: File, region: Region = None, as_json: AsJson = False) -> None:
    """Print the rules that hold: base, regional overlay and detectors together, with their digest."""
    from rollout.cli.conduct_text import policy_lines

    policy = _policies(file, region).of(region)
    if as_json:
        print_json(policy.to_json())
    else:
        typer.echo("\n".join(policy_lines(policy)))


@conduct.command("try")
def try_(
    file: File,
    reply: Annotated[str, typer.Argument(metavar="TEXT", help="A reply as an agent might write it.")],
    customer: Annotated[
        str, typer.Option(metavar="TEXT", help="What the customer said; it may be repeated.")
    ] = "",
    grounds: Annotated[
        str, typer.Option(metavar="TEXT", help="What the reply may rest on: an article, a tool's answer.")
    ] = "",
    first: Annotated[bool, typer.Option("--first", help="It is the first message.")] = False,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Say what the rules make of one reply; exit 1 if it would not be sent as it is."""
    from agents.checks.conduct import Conduct, Context
    from agents.checks.violations import Outcome
    from rollout.cli.conduct_text import examined_lines

    context = Context(
        customer=(customer,) if customer else (),
        knowledge=(grounds,) if grounds else (),
        first_message=first,
    )
    done = Conduct(_policies(file, region).of(region)).examine(reply, context)
    if as_json:
        print_json({**done.trace(), "text": done.text})
    else:
        typer.echo("\n".join(examined_lines(done, reply)))
    raise typer.Exit(0 if done.outcome is Outcome.SEND else 1)


@conduct.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The policy as it is.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The policy as it would be.")],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="A data folder: its tickets and replies.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Replies in a CSV file: reply, customer, grounds."),
    ] = None,
    region: Region = None,
    examples: Annotated[int, typer.Option(min=0, max=50, help="Redacted examples per rule.")] = 3,
    allow: Annotated[
        int, typer.Option(min=0, metavar="N", help="Exit 0 up to this many changed decisions.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Put recorded traffic to both policies: which decisions change, by which rule. Changes nothing.

    Exit 1 if more decisions change than --allow, in either direction: what is newly sent needs a look
    as much as what is newly stopped.
    """
    from rollout.cli.conduct_text import difference_lines
    from rollout.record.reader import durable_seq
    from rollout.rehearsal.difference import difference
    from rollout.rehearsal.traffic import FromFolder, from_csv

    if (data is None) == (csv is None):
        raise UsageError("name either a data folder with --data or a file of replies with --csv")
    before, after = _policies(old, None), _policies(new, None)
    gone = 0
    total = durable_seq(data / "journal") if data is not None else None
    with progress("Examining", total, "records") as report:
        folder = FromFolder(data, report) if data is not None else None
        heard: Iterable[Heard] = folder if folder is not None else from_csv(csv or Path())
        found = difference(before, after, heard, region=region, examples=examples)
        gone = folder.gone if folder is not None else 0
    digests = {"old": before.of(region).digest, "new": after.of(region).digest}
    if as_json:
        print_json({**digests, "texts_gone": gone, **found.to_json()})
    else:
        typer.echo("\n".join(difference_lines(found, digests, gone)))
    raise typer.Exit(1 if found.changed > allow else 0)


def _policies(file: Path, region: str | None) -> "Policies":
    from policies.regions import load_policies

    if not file.is_file():
        raise UsageError(f"{file}: no such file; name a conduct policy, e.g. policies/conduct/*.yaml")
    policies = load_policies(file)
    if region is not None and region.strip().upper() not in policies.by_region:
        known = ", ".join(sorted(policies.by_region)) or "none"
        raise UsageError(f"{file} has no overlay for region {region!r}; there are: {known}")
    return policies
