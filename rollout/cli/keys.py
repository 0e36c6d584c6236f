"""``ridealong keys``: who may reach the server. Works with it running, and without."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json

_ROLES: Final = "viewer, operator, reviewer, release_manager, engineer, auditor, agent or admin"
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="T", help="Whose keys.")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")]

app = typer.Typer(
    help="Access keys: make, list, rotate, revoke. As soon as one exists, the server asks for them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(parent: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    parent.add_typer(app, name="keys")


@app.command()
def create(
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help=f"One of {_ROLES}.")],
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", metavar="T", help="Whose data it opens: your own, or 'default'."),
    ] = None,
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Of no tenant: it names one with each request.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Whose key it is; the record calls it so.")] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="When it ends: 90d, 12w, 8h; never if left out.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Its own limit, in requests per second.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, this once: only a digest of it is kept."""
    from rollout.access.principal import DEFAULT_TENANT
    from rollout.cli.caller import call, key_desk

    asked = _asked(role, name, all_tenants, expires, rate)
    url = _server(data)
    if url is not None:
        body = asked.model_dump(mode="json") | {"actor": _user()}
        made = call(url, "POST", "/v1/keys", body, tenant=None if all_tenants else tenant)
    else:
        with key_desk(data) as (desk, author):
            fresh = desk.create(
                author,
                "ridealong keys create",
                asked.role,
                None if all_tenants else _checked(tenant or DEFAULT_TENANT),
                name=asked.name,
                expires_at=asked.expires_at,
                rate=asked.rate,
            )
            made = {**desk.row(fresh.key), "key": fresh.clear}
    _show(made, as_json)


@app.command("list")
def list_(tenant: Tenant = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show the keys there are, without their secrets."""
    from rollout.access import key_file
    from rollout.access.key_desk import KeyDesk
    from rollout.cli.caller import call

    url = _server(data)
    if url is not None:
        rows = call(url, "GET", "/v1/keys", tenant=tenant)["keys"]
    else:
        rows = KeyDesk(data, _read_only).rows(tenant)
    if as_json:
        print_json({"keys": rows})
    elif not rows:
        typer.echo(f"No key opens {key_file.path_of(data).parent.parent}: its server is for one person.")
    for row in [] if as_json else rows:
        used = row["last_used_at"] or "never"
        whose = row["tenant"] or "all tenants"
        typer.echo(
            f"{row['id']}  {row['status']:8} {row['role']:16} {whose:16} {row['name'] or '-'}  used {used}"
        )


@app.command()
def revoke(key_id: KeyId, tenant: Tenant = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Close a key at once and for good."""
    from rollout.cli.caller import call, key_desk

    url = _server(data)
    if url is not None:
        row = call(url, "POST", f"/v1/keys/{key_id}/revoke", {"actor": _user()}, tenant=tenant)
    else:
        with key_desk(data) as (desk, author):
            row = desk.row(desk.revoke(author, "ridealong keys revoke", key_id, tenant))
    if as_json:
        print_json(row)
    else:
        typer.echo(f"{row['id']} is revoked and opens nothing any more")


@app.command()
def rotate(
    key_id: KeyId,
    overlap: Annotated[
        str, typer.Option(metavar="PERIOD", help="How long the old secret goes on opening.")
    ] = "24h",
    tenant: Tenant = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret and show it, this once."""
    from rollout.cli.caller import call, key_desk

    length = _period(overlap, "--overlap")
    url = _server(data)
    if url is not None:
        body = {"actor": _user(), "overlap_seconds": length.total_seconds()}
        made = call(url, "POST", f"/v1/keys/{key_id}/rotate", body, tenant=tenant)
    else:
        with key_desk(data) as (desk, author):
            fresh = desk.rotate(author, "ridealong keys rotate", key_id, tenant, length)
            made = {**desk.row(fresh.key), "key": fresh.clear}
    _show(made, as_json)


def _asked(role: str, name: str | None, all_tenants: bool, expires: str | None, rate: float | None) -> Any:
    """The same request that the API takes, so that both refuse the same."""
    from pydantic import ValidationError

    from rollout.api.inputs import KeyRequest
    from rollout.clock import SystemClock
    from rollout.errors import UsageError

    ends = None if expires is None else SystemClock().now() + _period(expires, "--expires")
    try:
        return KeyRequest.model_validate(
            {"role": role, "name": name, "all_tenants": all_tenants, "expires_at": ends, "rate": rate},
            strict=False,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        known = f"; the roles are {_ROLES}" if first["loc"] == ("role",) else ""
        raise UsageError(f"--{first['loc'][0]}: {first['msg']}{known}") from None


def _period(text: str, option: str) -> Any:
    from policies.values import parse_duration
    from rollout.errors import UsageError

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _checked(tenant: str) -> str:
    from rollout.access.principal import is_tenant
    from rollout.errors import UsageError

    if not is_tenant(tenant):
        raise UsageError(f"--tenant {tenant}: use letters, digits, '.', '_' and '-', a letter or digit first")
    return tenant


def _server(data: Path) -> str | None:
    from rollout.serve.viewer import running_server

    return running_server(data)


def _user() -> str:
    from getpass import getuser

    return getuser()


def _read_only(_: Any) -> None:
    raise AssertionError("listing keys records nothing")


def _show(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    whose = made["tenant"] or "all tenants"
    typer.echo(f"{made['role']} of {whose}, id {made['id']}. Shown once; keep it safe:", err=True)
    typer.echo(made["key"])
