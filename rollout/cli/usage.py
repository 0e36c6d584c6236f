"""``usage``: what was used and what it cost."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping


def register(app: typer.Typer) -> None:
    """Add this module's command to the command line."""
    app.command()(usage)


def usage(
    data: Data = DEFAULT_DATA,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="2026-09-01 (UTC); the first of the month if left out."),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this; now.")] = None,
    by: Annotated[str, typer.Option(metavar="WHAT", help="tenant, version, workflow or day.")] = "workflow",
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="Whose; everybody's if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell tickets, agents' replies, tokens, cost and people's minutes of a period."""
    told = _asked(data, since, until, by, tenant)
    if as_json:
        print_json(told)
    else:
        typer.echo(_text(told))


def _asked(data: Path, since: str | None, until: str | None, by: str, tenant: str | None) -> dict[str, Any]:
    """From the server that holds the folder, else from the folder."""
    from rollout.cli.caller import call
    from rollout.serve.viewer import running_server

    begin, end = _moment(since), _moment(until)
    url = running_server(data)
    if url is not None:
        told: dict[str, Any] = call(
            url,
            "GET",
            "/v1/usage",
            **{
                "from": None if begin is None else begin.isoformat(),
                "to": None if end is None else end.isoformat(),
                "by": by,
                "tenant": tenant,
            },
        )
        return told
    from rollout.cli.evidence import opened_view
    from rollout.clock import SystemClock
    from rollout.observe.usage import account, period_of

    with opened_view(data, "ridealong usage") as view:
        return account(view, *period_of(begin, end, SystemClock().now()), by, tenant)  # type: ignore[arg-type]  # checked there


def _moment(text: str | None) -> datetime | None:
    from datetime import UTC

    from rollout.errors import UsageError

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time; write 2026-09-01 or 2026-09-01T12:00:00+02:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


_COLUMNS = (
    ("tickets", "tickets"),
    ("agent_replies", "replies"),
    ("tokens", "tokens"),
    ("model_usd", "model $"),
    ("shadow_replies", "shadowed"),
    ("shadow_usd", "shadow $"),
    ("human_minutes", "human min"),
)


def _text(told: "Mapping[str, Any]") -> str:
    by, total = told["by"], told["total"]
    names = [row[by] or "(people)" for row in told["rows"]]
    width = max(map(len, [*names, "total", by]))
    lines = [
        f"{told['from']} to {told['to']}",
        "",
        "  ".join([by.ljust(width), *(title.rjust(10) for _, title in _COLUMNS)]),
    ]
    lines += [_line(name, row, width) for name, row in zip(names, told["rows"], strict=True)]
    lines.append(_line("total", total, width))
    unknown = total["model_unknown"] + total["shadow_unknown"]
    if unknown:
        lines += ["", f"{unknown:,} answers have no known price and are in no sum."]
    return "\n".join(lines)


def _line(name: str, row: "Mapping[str, Any]", width: int) -> str:
    return "  ".join([name.ljust(width), *(_cell(row[key]).rjust(10) for key, _ in _COLUMNS)])


def _cell(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
