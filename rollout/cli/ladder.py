"""Where a rollout stands, and what people may order."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout.cli.common import DEFAULT_DATA, AsJson, Data, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policies.plan import Plan
    from rollout.controller import Controller
    from rollout.ladder.state import LadderState, TrackName
    from rollout.ladder.transition import Order, Transition
    from rollout.record.folder import DataFolder

Workflow = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; recorded, and read by others.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Who orders it; you where left out.")]
OnCanary = Annotated[bool, typer.Option("--canary", help="The update that is being tried, not the ladder.")]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose workflow it is.")]
_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    for command in (status, start, promote, pause, resume, abort, readmit):
        app.command()(command)


def status(
    workflow: Annotated[
        str | None,
        typer.Argument(metavar="[WORKFLOW]", help="The workflow; all that were started if left out."),
    ] = None,
    data: Data = DEFAULT_DATA,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Say where a rollout stands, what holds it and until when, and who decided what."""
    from rollout.cli.status_text import status_text

    rows = _standing_of_server(data, workflow, tenant)
    if rows is None:
        rows = _standing(data, workflow, tenant)
    if as_json:
        print_json(rows if workflow is None else rows[0])
    elif rows:
        typer.echo("\n\n".join(status_text(row, _SHOWN) for row in rows))
    else:
        typer.echo("No rollout was started here. Begin one with `ridealong start PLAN_FILE`.")


def _standing_of_server(data: Path, workflow: str | None, tenant: str) -> list[dict[str, Any]] | None:
    """As the server that holds the folder sees it; None where none does."""
    from rollout.cli.caller import call
    from rollout.serve.viewer import running_server

    url = running_server(data)
    if url is None:
        return None
    named = None if tenant == "default" else tenant  # left out: a key's own tenant
    if workflow is not None:
        return [call(url, "GET", f"/v1/workflows/{workflow}", tenant=named)]
    rows: list[dict[str, Any]] = call(url, "GET", "/v1/workflows", tenant=named)["workflows"]
    return [row for row in rows if row["status"] != "not_started"]


def _standing(data: Path, workflow: str | None, tenant: str) -> list[dict[str, Any]]:
    from rollout.clock import SystemClock
    from rollout.status import status

    now = SystemClock().now()
    with _controller(data, "ridealong status", create=False) as (folder, controller):
        started = [name for owner, name in controller.workflows() if owner == tenant]
        rows = []
        for name in started if workflow is None else [workflow]:
            standing = controller.standing(name, tenant)
            history = [
                {
                    key: value
                    for key, value in row.items()
                    if key not in ("state", "evidence", "tenant", "workflow")
                }
                for row in folder.view.transitions(tenant, name)
            ]
            rows.append(status(standing, controller.rulings(standing, now), now, history))
    return rows


def start(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN_FILE", help="The plan.")],
    reason: Reason = "started from the command line",
    apply: Annotated[
        bool, typer.Option("--apply", help="Put a changed plan under a running rollout, whatever it changes.")
    ] = False,
    canary: Annotated[bool, typer.Option("--canary", help="Also start the plan's canary.")] = False,
    actor: Actor = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Begin a plan's rollout, adopt a changed plan under a running one, or start its canary.

    The plan is pinned: editing the file changes nothing until it is started again. A change that only
    restricts is applied at once; any other needs --apply.
    """
    from policies.digest import plan_digest
    from policies.load import load_plan
    from rollout.errors import TransitionRefused, UnknownWorkflow

    plan = load_plan(plan_file)
    made: list[Transition] = []
    with _controller(data, "ridealong start", create=True) as (folder, controller):
        try:
            standing = controller.standing(plan.workflow, plan.tenant)
        except UnknownWorkflow:
            standing = None
        order = _order(data, "start", plan.tenant, actor, reason, override=apply)
        if standing is None or not standing.state.ladder.open:
            made.append(controller.start(plan, str(plan_file), order))
        elif standing.state.plan_digest != plan_digest(plan):
            made.append(controller.adopt(plan, str(plan_file), order))
        elif not canary:
            raise TransitionRefused(
                f"{plan.workflow} runs under this very plan already, at step {standing.state.ladder.step}; "
                "--canary starts its canary"
            )
        if canary:
            folder.catch_up()
            made.append(controller.start_canary(plan.workflow, order, plan.tenant))
    _tell(made, as_json)


def promote(
    workflow: Workflow,
    reason: Reason,
    override: Annotated[
        bool, typer.Option("--override", help="Although the gate has not passed; recorded as such.")
    ] = False,
    canary: OnCanary = False,
    actor: Actor = None,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Leave a step: where the gates pass, or with --override. Exit 1 and the reasons if refused."""
    asked = {"reason": reason, "override": override}
    if _by_server(data, workflow, "promote", asked, canary, actor, tenant, as_json):
        return
    order = _order(data, "promote", tenant, actor, reason, override=override)
    with _controller(data, "ridealong promote", create=False) as (_, controller):
        change = controller.promote(workflow, _track(canary), order, tenant)
    _tell([change], as_json)


def pause(
    workflow: Workflow,
    reason: Reason,
    canary: OnCanary = False,
    actor: Actor = None,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Keep the traffic where it is and promote nothing; monitors go on."""
    from rollout.ladder.actions import pause

    if _by_server(data, workflow, "pause", {"reason": reason}, canary, actor, tenant, as_json):
        return
    order = _order(data, "pause", tenant, actor, reason)
    _command(data, workflow, tenant, _with(pause, canary, order), as_json)


def resume(
    workflow: Workflow,
    reason: Reason,
    canary: OnCanary = False,
    actor: Actor = None,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Go on climbing from the same step."""
    if _by_server(data, workflow, "resume", {"reason": reason}, canary, actor, tenant, as_json):
        return
    order = _order(data, "resume", tenant, actor, reason)
    with _controller(data, "ridealong resume", create=False) as (_, controller):
        change = controller.resume(workflow, _track(canary), order, tenant)
    _tell([change], as_json)


def abort(
    workflow: Workflow,
    reason: Reason,
    canary: OnCanary = False,
    actor: Actor = None,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Take the version out of all traffic at once; it stays out until readmitted."""
    from rollout.ladder.actions import abort

    if _by_server(data, workflow, "abort", {"reason": reason}, canary, actor, tenant, as_json):
        return
    order = _order(data, "abort", tenant, actor, reason)
    _command(data, workflow, tenant, _with(abort, canary, order), as_json)


def readmit(
    workflow: Workflow,
    version: Annotated[str, typer.Argument(metavar="NAME@VERSION", help="The version that is out.")],
    reason: Reason,
    actor: Actor = None,
    tenant: Tenant = "default",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Let an aborted or rolled-back version be started again."""
    from rollout.ladder.actions import readmit

    order = _order(data, "readmit", tenant, actor, reason)
    _command(data, workflow, tenant, lambda plan, state: readmit(plan, state, version, order), as_json)


def _with(
    action: "Callable[[Plan, LadderState, TrackName, Order], Transition]", canary: bool, order: "Order"
) -> "Callable[[Plan, LadderState], Transition]":
    return lambda plan, state: action(plan, state, _track(canary), order)


def _command(
    data: Path,
    workflow: str,
    tenant: str,
    make: "Callable[[Plan, LadderState], Transition]",
    as_json: bool,
) -> None:
    with _controller(data, "ridealong", create=False) as (_, controller):
        change = controller.order(workflow, make, tenant)
    _tell([change], as_json)


@contextmanager
def _controller(data: Path, holder: str, *, create: bool) -> "Iterator[tuple[DataFolder, Controller]]":
    """A controller over the data folder, with the view caught up."""
    from rollout.controller import Controller
    from rollout.gating import gate
    from rollout.record.folder import DataFolder

    with DataFolder.open(data, holder=holder, create=create) as folder:
        folder.catch_up()

        def judge(plan: Any, state: Any, name: Any, now: Any) -> Any:
            return gate(folder.view, plan, state.workflow, now, state=state, track=name.value).ruling

        yield folder, Controller(folder.view, folder.record, judge)


def _track(canary: bool) -> "TrackName":
    from rollout.ladder.state import TrackName

    return TrackName.CANARY if canary else TrackName.LADDER


def _order(
    data: Path, command: str, tenant: str, actor: str | None, reason: str, *, override: bool = False
) -> "Order":
    from rollout.cli.caller import orderer
    from rollout.clock import SystemClock
    from rollout.ladder.transition import Order

    who = orderer(data, command, actor, tenant)
    return Order(who.actor, reason, SystemClock().now(), override, two_person=who.known)


def _by_server(
    data: Path,
    workflow: str,
    action: str,
    asked: dict[str, Any],
    canary: bool,
    actor: str | None,
    tenant: str,
    as_json: bool,
) -> bool:
    """Give the order to the server that holds the folder; False where none does."""
    from getpass import getuser

    from rollout.cli.caller import call
    from rollout.serve.viewer import running_server

    url = running_server(data)
    if url is None:
        return False
    body = asked | {"track": _track(canary).value, "actor": actor or getuser()}
    named = None if tenant == "default" else tenant  # left out: a key's own tenant
    told = call(url, "POST", f"/v1/workflows/{workflow}/{action}", body, tenant=named)
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{told['workflow']}: {told['sentence']}")
    return True


def _tell(made: "list[Transition]", as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "at": change.at.isoformat(),
                "workflow": change.state.workflow,
                "action": change.action,
                "track": change.track.value,
                "from_step": change.from_step,
                "to_step": change.to_step,
                "reason": change.reason,
                "sentence": change.sentence,
                "actor": change.actor,
                "state": change.state.to_json(),
            }
            for change in made
        ]
        print_json(rows[0] if len(rows) == 1 else rows)
        return
    for change in made:
        typer.echo(f"{change.state.workflow}: {change.sentence}")
