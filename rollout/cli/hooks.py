"""``webhooks``: who is told of what, what did not arrive, and trying it again."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.notify.store import Delivery, Outbox
    from rollout.webhooks.settings import InForce, Target

webhooks = typer.Typer(
    name="webhooks",
    help="Messages to others: what waits, what arrived, what was set aside. See docs/webhooks.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.add_typer(webhooks)


@webhooks.command("list")
def list_(
    subscription: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one's.")] = None,
    state: Annotated[str, typer.Option(metavar="STATE", help="dead, pending, delivered or all.")] = "dead",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Count messages by subscription, and show those that were set aside (or --state)."""
    from rollout.errors import UsageError
    from rollout.notify.store import STATES

    if state not in (*STATES, "all"):
        raise UsageError(f"--state {state}: choose one of {', '.join(STATES)}, all")
    with _outbox(data) as outbox:
        counts = outbox.counts()
        rows = [_row(each) for each in outbox.all(None if state == "all" else state, subscription)]
    if as_json:
        totals = [{"subscription": name, "state": kind, "count": n} for (name, kind), n in counts.items()]
        print_json({"counts": totals, "messages": rows})
        return
    for (name, kind), number in sorted(counts.items()):
        typer.echo(f"{name}: {number:,} {kind}")
    for row in rows[:_SHOWN]:
        cause = f": {row['cause']}" if row["cause"] else ""
        typer.echo(
            f"{row['id']}  {row['subscription']}  {row['event']} of record {row['seq']}, {row['state']} "
            f"after {row['attempts']} tries{cause}"
        )
    if len(rows) > _SHOWN:
        typer.echo(f"… and {len(rows) - _SHOWN:,} more; --json shows all")
    if not counts:
        typer.echo("Nothing was to be told so far.")


@webhooks.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Messages to try again.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that were set aside.")] = False,
    subscription: Annotated[
        str | None, typer.Option("--to", metavar="NAME", help="With --dead: only those to this one.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Try messages again from the beginning; a running server sends them at once. Exit 1 if none is there."""
    from rollout.clock import SystemClock
    from rollout.errors import UsageError

    if bool(ids) == dead:
        raise UsageError("which messages? Give their ids, or --dead for all that were set aside")
    with _outbox(data) as outbox:
        wanted = list(ids or [each.id for each in outbox.all("dead", subscription)])
        count = outbox.replay(wanted, SystemClock().now().timestamp())
    if as_json:
        print_json({"replayed": count})
    else:
        typer.echo(f"{count} of {len(wanted)} messages are tried again")
    if count < len(wanted) or not wanted:
        raise typer.Exit(1)


@webhooks.command("test")
def send_test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The subscription.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Send a test message now, from here. Exit 1 and the cause if it did not arrive."""
    import asyncio

    from rollout.errors import UsageError

    known = _settings(data)
    target = next((each for each in known.out if each.subscription.name == name), None)
    if target is None:
        names = ", ".join(each.subscription.name for each in known.out) or "none"
        raise UsageError(f"no subscription is called {name!r}; there are: {names}")
    cause = asyncio.run(_ping(target))
    if as_json:
        print_json({"subscription": name, "arrived": cause is None, "cause": cause})
    else:
        typer.echo(f"{name}: arrived" if cause is None else f"{name}: did not arrive: {cause}")
    if cause is not None:
        raise typer.Exit(1)


async def _ping(target: "Target") -> str | None:
    from rollout.clock import SystemClock
    from rollout.notify.deliver import send
    from rollout.notify.notice import ping

    now = SystemClock().now()
    cause, _, _ = await send(target, ping(now, target.subscription.tenant), "dlv_test", now)
    return cause


def _settings(data: Path) -> "InForce":
    from rollout.webhooks.settings import load, settings_file

    return load(settings_file(data))


@contextmanager
def _outbox(data: Path) -> "Iterator[Outbox]":
    from rollout.errors import UsageError
    from rollout.notify.store import FILE, Outbox

    if not (data / "journal").is_dir():
        raise UsageError(f"{data} is no data folder; --data names another")
    with Outbox(data / FILE) as outbox:
        yield outbox


def _row(delivery: "Delivery") -> dict[str, Any]:
    from datetime import UTC, datetime

    times = ("due", "changed")
    return {
        name: datetime.fromtimestamp(value, UTC).isoformat() if name in times else value
        for name, value in delivery._asdict().items()
    }
