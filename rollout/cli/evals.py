"""``eval``: a version over cases whose right end is known."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout.cli.common import AsJson, print_json
from rollout.errors import UsageError

if TYPE_CHECKING:
    from agents.contract import Agent
    from rollout.evals.run import Result
    from rollout.versions.resolved import Resolved


def register(app: typer.Typer) -> None:
    """Add this module's command to the command line."""
    app.command("eval")(evaluate)


def evaluate(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="NAME@VERSION, or a manifest's path.")],
    cases: Annotated[Path, typer.Option(metavar="FILE", help="The cases, in YAML.")],
    agents: Annotated[
        Path | None, typer.Option("--agents", metavar="DIR", help="The folder of NAME@VERSION.yaml files.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the results there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a version every case of a file. Exit 1 if one does not end as it has to."""
    import hashlib

    from rollout.cli.versions import agents_folder
    from rollout.evals.cases import load_cases
    from rollout.evals.run import run
    from rollout.versions.resolved import find, resolve

    wanted = load_cases(cases)
    path = find(version, agents_folder(agents))
    resolved = resolve(path)
    agent = _built(resolved, path.parent)
    deadline = resolved.manifest.deadline.total_seconds()
    results = run(agent, wanted, deadline=deadline, told=(lambda _: None) if as_json else _tell)
    passed = sum(not one.faults for one in results)
    told: dict[str, Any] = {
        "version": resolved.ref,
        "digest": resolved.digest,
        "cases_digest": hashlib.sha256(cases.read_bytes()).hexdigest(),
        "passed": passed,
        "cases": len(results),
        "results": [one.to_json() for one in results],
    }
    if out is not None:
        import orjson

        out.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{resolved.ref} ({resolved.digest[:12]}): {passed} of {len(results)} cases passed")
    if passed < len(results):
        raise typer.Exit(1)


def _tell(one: "Result") -> None:
    typer.echo(f"{'FAIL' if one.faults else 'ok':<5}{one.case.name}: {one.action}")
    for fault in one.faults:
        typer.echo(f"     {fault}")


def _built(resolved: "Resolved", folder: Path) -> "Agent":
    from agents.knowledge import KnowledgeBase, KnowledgeError, load
    from agents.models import ModelUnavailable
    from agents.registry import AgentUnavailable, build

    known = resolved.manifest.knowledge
    try:
        sources = {}
        if known is not None and known.source is not None:
            shelf = folder.parent / "knowledge" / known.source
            sources = {known.source: KnowledgeBase(load(shelf))}
        return build(resolved.manifest, folder, sources=sources)
    except (AgentUnavailable, ModelUnavailable, KnowledgeError, OSError) as error:
        raise UsageError(str(error)) from error
