"""``versions``: which there are, what one comes to, what differs between two."""

from pathlib import Path
from typing import Annotated

import typer

from rollout.cli.common import AsJson, print_json
from rollout.errors import UsageError

versions = typer.Typer(
    name="versions",
    help="Versions of agents: which there are, what one comes to, what differs. See docs/agent-versions.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Agents = Annotated[
    Path | None,
    typer.Option("--agents", metavar="DIR", help="The folder of NAME@VERSION.yaml files."),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.add_typer(versions)


@versions.command("list")
def list_versions(agents: Agents = None, as_json: AsJson = False) -> None:
    """Every version of a folder with its digest; one with problems says so."""
    from policies.catalogue import versions_in
    from rollout.versions.resolved import sound

    folder = agents_folder(agents)
    found = {ref: sound(path) for ref, path in versions_in(folder).items()}
    if as_json:
        rows = [
            {"version": ref, "problem": one}
            if isinstance(one, str)
            else {
                "version": ref,
                "kind": one.manifest.kind,
                "digest": one.digest,
                "description": one.manifest.description,
            }
            for ref, one in found.items()
        ]
        print_json({"folder": str(folder), "versions": rows})
        return
    for ref, one in found.items():
        told = (
            one
            if isinstance(one, str)
            else f"{one.digest[:12]}  {one.manifest.kind:<9} {one.manifest.description}"
        )
        typer.echo(f"{ref:<24} {told}".rstrip())
    if not found:
        typer.echo(f"no versions in {folder}")


@versions.command("show")
def show_version(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="NAME@VERSION, or a manifest's path.")],
    agents: Agents = None,
    as_json: AsJson = False,
) -> None:
    """What a version comes to: models as pinned, tools, knowledge, policy, thresholds, digest."""
    from rollout.versions.resolved import find, resolve
    from rollout.versions.shown import described

    told = described(resolve(find(version, agents_folder(agents))))
    if as_json:
        print_json(told)
        return
    for key, value in told.items():
        lines = value if isinstance(value, list) else [value]
        for number, line in enumerate(lines):
            typer.echo(f"{key + ':' if not number else '':<13}{line}")


@versions.command("diff")
def diff_versions(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="NAME@VERSION, or a manifest's path.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The one it is compared with.")],
    agents: Agents = None,
    as_json: AsJson = False,
) -> None:
    """What differs between two versions, what authority is gained, and whether it needs a canary."""
    from rollout.versions.differences import compare
    from rollout.versions.resolved import find, resolve

    folder = agents_folder(agents)
    found = compare(resolve(find(before, folder)), resolve(find(after, folder)))
    if as_json:
        print_json(found.to_json())
        return
    for side in (found.before, found.after):
        typer.echo(f"{side.ref:<24} {side.digest}")
    for change in found.changes:
        mark = {"gained": "AUTHORITY GAINED  ", "lost": "authority lost    "}.get(change.authority or "", "")
        typer.echo(f"\n{change.area}: {mark}{change.sentence}")
        for line in change.detail:
            typer.echo(f"    {line}")
    typer.echo(f"\nneeds a canary: {found.canary}")


def agents_folder(agents: Path | None) -> Path:
    """The folder that is named, else that of this place, else the shipped one."""
    from policies.catalogue import SHIPPED, versions_in

    if agents is not None and not agents.is_dir():
        raise UsageError(f"{agents}: no such folder; --agents takes the folder of NAME@VERSION.yaml files")
    here = (path for path in (Path("policies/agents"), Path("agents")) if versions_in(path))
    return agents or next(here, SHIPPED)
