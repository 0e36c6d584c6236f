"""A replay from an export to its report: what the command does."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from agents.knowledge import KnowledgeBase
from agents.pipeline import extractive_agent
from rollout.record.folder import DataFolder
from rollout.trials.desk_export import DeskExport
from rollout.trials.replay import Replay
from rollout.trials.replay_counts import report
from rollout.trials.replay_report import ReplayReport


def replay_into(
    data: Path,
    export: DeskExport,
    *,
    limit: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> ReplayReport:
    """Replay an export into a data folder, with the offline agent over its articles in shadow.

    Args:
        data: the data folder; made when it is not there.
        export: the desk's past.
        limit: only the first so many tickets.
        progress: told the number of tickets done.

    Raises:
        FolderInUse: another process owns the folder.
        UsageError: the folder holds a replay with another agent or other data.

    """
    started = monotonic()
    agent = extractive_agent(KnowledgeBase(export.articles))
    with DataFolder.open(data, holder="replay") as folder:
        run = Replay(export, folder, agent)
        replayed = run.run(limit=limit, progress=progress)
        return report(export, replayed, run.shadow, folder.view, seconds=monotonic() - started)
