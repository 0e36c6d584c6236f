"""Tools in a run: which there are, who may write with them, and the gate before them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from agents.contract import Ticket
from policies.manifest import AgentVersion, ToolGrant
from rollout.api.agent_host import connect
from rollout.api.standings import Standings
from rollout.approvals.authority import lets_write
from rollout.approvals.gate import Gate
from rollout.approvals.toolsets import Toolsets
from rollout.clock import SystemClock
from rollout.errors import UnknownWorkflow
from rollout.record.folder import DataFolder
from rollout.records import Assigned
from rollout.serve.settings import RunSettings
from rollout.serve.tool_secrets import catalogue_of
from rollout.tooling.line import RemoteToolbox


def toolsets(
    settings: RunSettings,
    folder: DataFolder,
    standings: Standings,
    manifest: Callable[[str], AgentVersion | None],
    deadline: Callable[[str], float],
) -> Toolsets | None:
    """What agents of this run may use; None where no tools are declared.

    Calls that an earlier run began and never ended go to people before anything else is done. ``manifest``
    and ``deadline`` (seconds) are a version's.

    Raises:
        UsageError: a file is wrong.
        RecordError: nothing can be recorded.

    """
    catalogue = catalogue_of(None if settings.plans is None else Path(settings.plans))
    if catalogue is None or not settings.tools_socket:
        return None
    runs = RemoteToolbox(connect(settings.tools_socket))
    gate = Gate(folder.journal, folder.content, SystemClock(), catalogue, runs)
    gate.recover()

    def grants_of(version: str) -> Mapping[str, ToolGrant]:
        found = manifest(version)
        return {} if found is None else {grant.name: grant for grant in found.tools}

    def writes(ticket: Ticket, assigned: Assigned) -> bool:
        return may_write(standings, ticket, assigned)

    return Toolsets(gate, grants_of, writes, deadline)


def may_write(standings: Standings, ticket: Ticket, assigned: Assigned) -> bool:
    """Whether the plan in force lets the version write for the ticket now."""
    try:
        plan, state, _ = standings.standing(ticket.tenant, ticket.workflow)
    except UnknownWorkflow:
        return False
    return lets_write(plan, state, assigned)
