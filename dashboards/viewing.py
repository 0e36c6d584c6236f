"""What every page is given: the API with the viewer's authority, and what was chosen."""

from dataclasses import dataclass
from typing import cast

from dashboards.client import Client
from dashboards.reads import Reads
from dashboards.rows import DeskRow, MeRow, WorkflowRow


@dataclass(frozen=True)
class Viewing:
    """One viewer's look at one workflow."""

    reads: Reads
    me: MeRow
    desks: list[DeskRow]
    """Every workflow of the tenant; never empty where a page is shown."""
    desk: DeskRow
    """The chosen one."""

    @property
    def client(self) -> Client:
        return self.reads.client

    @property
    def name(self) -> str:
        return self.desk["workflow"]

    @property
    def rollout(self) -> WorkflowRow | None:
        """None where the workflow has records but no rollout."""
        return started(self.desk)

    @property
    def rollouts(self) -> list[WorkflowRow]:
        return [row for desk in self.desks if (row := started(desk)) is not None]

    def may(self, permission: str) -> bool:
        return permission in self.me["permissions"]


def started(desk: DeskRow) -> WorkflowRow | None:
    """The rollout of a desk; None where none ever began."""
    return None if desk["status"] == "not_started" else cast("WorkflowRow", desk)
