"""The ticket desk of a run: agents in their own process, deadlines and limits from what was promised."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from policies.catalogue import SHIPPED, agents_folder, versions_in
from policies.load import load_manifest
from policies.manifest import AgentVersion
from policies.problems import ManifestInvalid
from rollout.api.agent_host import RemoteAgent, connect
from rollout.api.desk import Desk
from rollout.api.standings import Standings
from rollout.clock import SystemClock
from rollout.conversations.answering import Terms
from rollout.conversations.purse import Purse
from rollout.errors import UnknownWorkflow
from rollout.handle.shadow import ShadowLimits
from rollout.record.folder import DataFolder
from rollout.records import Assigned
from rollout.serve.settings import RunSettings
from rollout.serve.tool_desk import toolsets
from rollout.ticketing import TicketDesk

DEADLINE: Final = 20.0
"""Seconds, where a version's manifest cannot be read any more."""
MAX_TURNS: Final = 4
"""Likewise; a manifest that says nothing says as many."""


def ticket_desk(
    settings: RunSettings, desk: Desk, folder: DataFolder, standings: Standings
) -> TicketDesk | None:
    """Who has tickets answered in this run; None where it has no agents."""
    if not settings.agents_socket:
        return None
    http, shadows = connect(settings.agents_socket), connect(settings.shadows_socket)
    agents = SHIPPED if settings.plans is None else agents_folder(Path(settings.plans) / "any.yaml")

    @cache
    def manifest(version: str) -> AgentVersion | None:
        found = versions_in(agents).get(version)
        try:
            return None if found is None else load_manifest(found)
        except ManifestInvalid:
            return None

    def deadline(version: str) -> float:
        found = manifest(version)
        return DEADLINE if found is None else found.deadline.total_seconds()

    def max_turns(version: str) -> int:
        found = manifest(version)
        return MAX_TURNS if found is None else found.thresholds.max_turns

    clock = SystemClock()
    purse = Purse.read(folder.journal.folder, folder.journal.head().seq, clock.now())

    def limits(tenant: str, assigned: Assigned, workflow: str) -> ShadowLimits | None:
        found = shadow_limits(standings, tenant, assigned, workflow)
        if found is None or assigned.version is None:
            return None
        spent = purse.spent((tenant, workflow, assigned.version), found.unknown_cost_usd)
        return replace(found, spent=spent)

    made = TicketDesk(
        desk,
        folder.journal,
        folder.content,
        lambda version: RemoteAgent(version, http),
        clock,
        terms=Terms(deadline, max_turns),
        shadow_limits=limits,
    )
    made.watch_through(lambda version: RemoteAgent(version, shadows))
    tools = toolsets(settings, folder, standings, manifest, deadline)
    if tools is not None:
        made.equip(tools)
    return made


def shadow_limits(
    standings: Standings, tenant: str, assigned: Assigned, workflow: str
) -> ShadowLimits | None:
    """What the plan in force gives the shadow of a step; None where it watches nothing."""
    try:
        plan, _, _ = standings.standing(tenant, workflow)
    except UnknownWorkflow:
        return None
    step = next((each for each in plan.steps if each.name == assigned.step), None)
    if step is None or step.shadow is None:
        return None
    return ShadowLimits(
        deadline=step.shadow.deadline.total_seconds(),
        budget_usd_per_day=step.shadow.budget_usd_per_day,
        concurrency=step.shadow.concurrency,
        percentage=float(step.shadow.percentage),
    )
