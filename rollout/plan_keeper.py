"""Keeps a folder of plans in force while the server runs: what is sound is taken, what is not is told.

Files are looked at, not waited for: every look digests their contents, so that a write in place, a rename
over, a swapped link and a file deleted and restored are all the same to it. What was seen once is looked at
again before it counts, so that half a file is not taken for a whole one. Sound is what ``ridealong check``
finds nothing wrong with: it is the same code.

A plan that cannot be taken changes nothing: its rollout goes on under the plan it is pinned to.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from policies.catalogue import agents_folder
from policies.digest import plan_digest
from policies.files import Checked, check_files
from policies.plan import Plan
from policies.reader import MOST_BYTES
from rollout.access.principal import INSTALLATION
from rollout.clock import Clock
from rollout.controller import Controller, Recorder
from rollout.errors import TransitionRefused
from rollout.ladder.transition import Order
from rollout.planning.feasibility import Feasibility
from rollout.records import Event, Kind

ACTOR: Final = "serve --plans"
REFUSED: Final = "refused"
WAITING: Final = "waiting"
IN_FORCE: Final = "in force"
REMOVED: Final = "removed"
_MOST_TOLD: Final = 5
_UNCHANGED: Final = "unchanged"
_MISSING: Final = "the folder"

_log = logging.getLogger(__name__)
Judge = Callable[[Sequence[Path]], list[Checked]]


@dataclass(frozen=True, slots=True)
class FileState:
    """Where one file of the folder stands."""

    state: str
    """``in force``, ``waiting`` (sound, a person has to apply it), ``refused`` or ``removed``."""
    tenant: str
    """Whose plan it is, or last was; the installation's where nobody ever knew."""
    detail: str = ""
    digest: str = ""
    """Of the file's bytes."""


def verdicts(files: Sequence[Path]) -> list[Checked]:
    """What ``ridealong check`` says of these files."""
    return check_files(list(files), None, [Feasibility()])


class PlanKeeper:
    """One folder. Not thread-safe: whoever ticks the controller looks here as well."""

    def __init__(
        self,
        folder: Path,
        controller: Controller,
        record: Recorder,
        clock: Clock,
        judge: Judge = verdicts,
    ) -> None:
        self._folder = folder
        self._controller = controller
        self._record = record
        self._clock = clock
        self._judge = judge
        self._seen: Mapping[Path, str] | None = None
        self._taken: Mapping[Path, str] | None = None
        self.files: dict[str, FileState] = {}
        """By name, replaced as a whole: readers in other threads see one look or the next."""

    @property
    def looked(self) -> bool:
        """Whether what is in the folder was taken in once: until then its rollouts may not have begun."""
        return self._taken is not None

    def look(self) -> bool:
        """Look once; whether anything was taken in.

        Raises:
            RidealongError: it could not be recorded now; the next look tries again.

        """
        seen = self._contents()
        if seen == self._taken:
            return False
        if seen != self._seen:
            self._seen = seen  # somebody may be writing still: it counts when it stays so
            return False
        files = self._plans()
        checked = self._judge(files)
        if self._contents() != seen:
            return False
        found = {Path(each.file).name: self._state(each, seen[Path(each.file)]) for each in checked}
        if not self._folder.is_dir():
            told = f"{self._folder} is not there; rollouts go on under the plans they are pinned to"
            found[_MISSING] = FileState(REFUSED, INSTALLATION, told)
        for name, before in self.files.items():
            if name not in found and name != _MISSING:
                told = "its rollout goes on under the plan it is pinned to"
                found[name] = FileState(REMOVED, before.tenant, told)
        self._tell({name: state for name, state in found.items() if self._is_news(name, state)})
        self.files = found
        self._taken = seen
        return True

    def _state(self, checked: Checked, digest: str) -> FileState:
        name = Path(checked.file).name
        before = self.files.get(name)
        tenant = INSTALLATION if before is None else before.tenant
        if checked.problems:
            told = "; ".join(str(problem) for problem in checked.problems[:_MOST_TOLD])
            return FileState(REFUSED, tenant, told, digest)
        if not isinstance(checked.content, Plan):
            return FileState(IN_FORCE, tenant, f"no plan but {checked.kind}", digest)
        plan = checked.content
        try:
            told = self._put_in_force(plan, checked.file)
        except TransitionRefused as refusal:
            return FileState(WAITING, plan.tenant, str(refusal), digest)
        return FileState(IN_FORCE, plan.tenant, told, digest)

    def _put_in_force(self, plan: Plan, file: str) -> str:
        """Start or adopt a plan, unless it is in force already.

        Raises:
            TransitionRefused: it does more than restrict, or cannot be changed under way.

        """
        order = Order(ACTOR, f"plan {Path(file).name}", self._clock.now(), person=False)
        if (plan.tenant, plan.workflow) not in self._controller.workflows():
            return self._controller.start(plan, file, order).sentence
        if self._controller.standing(plan.workflow, plan.tenant).state.plan_digest == plan_digest(plan):
            return _UNCHANGED
        return self._controller.adopt(plan, file, order).sentence

    def _is_news(self, name: str, state: FileState) -> bool:
        before = self.files.get(name)
        return before is None or (before.state, before.digest) != (state.state, state.digest)

    def _tell(self, changed: Mapping[str, FileState]) -> None:
        """Log and record what changed."""
        now = self._clock.now()
        events = []
        for name, state in changed.items():
            if name not in self.files and state.detail == _UNCHANGED:
                continue  # as the record has it since before this start
            log = _log.info if state.state == IN_FORCE else _log.warning
            log("plan %s is %s: %s", name, state.state, state.detail)
            payload = {
                "what": "plan file",
                "file": name,
                "state": state.state,
                "detail": state.detail,
                "bytes": state.digest,
            }
            event_id = f"config:{name}:{now.isoformat()}:{uuid4().hex[:8]}"
            events.append(Event(event_id, Kind.CONFIG, now, payload, state.tenant, actor=ACTOR))
        if events:
            self._record(events)

    def _plans(self) -> list[Path]:
        found = sorted(self._folder.glob("*.y*ml")) if self._folder.is_dir() else []
        return [path for path in found if path.is_file() or not path.exists()]

    def _contents(self) -> Mapping[Path, str]:
        """Digests of all files that decide about a plan: the plans, and the versions they name."""
        plans = self._plans()
        versions = sorted(agents_folder(self._folder / "any.yaml").glob("*.y*ml"))
        return {path: _digest(path) for path in (*plans, *versions)}


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(MOST_BYTES + 1)).hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"


def told(files: Mapping[str, FileState], tenant: str | None) -> dict[str, Any]:
    """The files as an answer: all of them counted, those of one tenant (or of nobody) by name."""
    counts = {state: sum(each.state == state for each in files.values()) for state in (REFUSED, WAITING)}
    mine = {
        name: {"state": each.state, "detail": each.detail}
        for name, each in files.items()
        if each.tenant == tenant or tenant is None
    }
    return {"refused": counts[REFUSED], "waiting": counts[WAITING], "files": mine}
