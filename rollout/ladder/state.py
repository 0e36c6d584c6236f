"""Where a workflow stands, and its form in a transition record."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from experiments.verdict import Looks
from policies.plan import Plan, Step
from policies.vocabulary import Mode


class TrackName(StrEnum):
    """The two things that climb: the agent beside humans, an update inside the agent's share."""

    LADDER = "ladder"
    CANARY = "canary"


class Status(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    """Traffic stays where it is, nothing is promoted, monitors are judged all the same."""
    ABORTED = "aborted"
    """No traffic; the version is quarantined."""
    COMPLETED = "completed"
    """The last step's gate has passed; monitors are judged for good."""


@dataclass(frozen=True, slots=True)
class Request:
    """A promotion that one person asked for and another has to approve."""

    by: str
    at: datetime
    override: bool
    """Although the gate had not passed: only another who says so too approves that."""


@dataclass(frozen=True, slots=True)
class Track:
    """One climb."""

    step: str
    index: int
    status: Status
    entered_at: datetime
    version: str
    since: datetime
    """When the evidence that counts begins: the start, or the change that made it start over."""
    passes: int = 0
    """Consecutive passes counted so far, where the step asks for several."""
    passed_at: datetime | None = None
    """When the latest of them was counted."""
    looks: Mapping[str, Looks] = field(default_factory=dict)
    """Planned looks taken on this step, by metric; methods that may be looked at any time keep none."""
    requested: Request | None = None
    """The promotion out of this step that waits for a second person."""

    @property
    def open(self) -> bool:
        """Whether the version still has its traffic."""
        return self.status is not Status.ABORTED

    @property
    def climbing(self) -> bool:
        return self.status in (Status.RUNNING, Status.PAUSED)


@dataclass(frozen=True, slots=True)
class Shares:
    """The split that a state puts in force: all that the router needs, without the plan."""

    step: str
    mode: Mode
    weight: Decimal
    canary_weight: Decimal
    holdout: Decimal
    stable: str
    canary: str | None
    salt: str
    eligibility: Mapping[str, tuple[str, ...]]
    open_conversations: str = "keep"
    """Whether a quarantined version may finish the conversations it has: ``keep`` or ``release``."""


@dataclass(frozen=True, slots=True)
class LadderState:
    """A workflow's whole position; every transition carries it."""

    workflow: str
    tenant: str
    plan_digest: str
    ladder: Track
    canary: Track | None
    quarantined: tuple[str, ...]
    """Versions that were aborted or rolled back: out until a person lets them back in."""
    shares: Shares
    changed_at: datetime
    """The latest transition; a clock that shows less has gone backwards."""
    authors: tuple[str, ...] = ()
    """Who put this plan in force or widened it since: they cannot approve what it leads to."""

    def track(self, name: TrackName) -> Track | None:
        return self.ladder if name is TrackName.LADDER else self.canary

    def to_json(self) -> dict[str, Any]:
        return {
            "workflow": self.workflow,
            "tenant": self.tenant,
            "plan_digest": self.plan_digest,
            "ladder": _track_to_json(self.ladder),
            "canary": None if self.canary is None else _track_to_json(self.canary),
            "quarantined": list(self.quarantined),
            "split": _shares_to_json(self.shares),
            "changed_at": self.changed_at.isoformat(),
            "authors": list(self.authors),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of ``to_json``.

        Raises:
            ValueError: a key is missing or holds something else; the message names what.

        """
        try:
            return cls(
                workflow=value["workflow"],
                tenant=value["tenant"],
                plan_digest=value["plan_digest"],
                ladder=_track_from_json(value["ladder"]),
                canary=None if value["canary"] is None else _track_from_json(value["canary"]),
                quarantined=tuple(value["quarantined"]),
                shares=shares_from_json(value["split"]),
                changed_at=datetime.fromisoformat(value["changed_at"]),
                authors=tuple(value.get("authors", ())),
            )
        except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(f"not a ladder state: {error!r}") from error


def shares_of(plan: Plan, ladder: Track, canary: Track | None) -> Shares:
    """The split that two tracks put in force: always legal, whatever the plan says.

    An aborted ladder gives the agent nothing; a canary gets a share only of live traffic.
    """
    step = plan.steps[ladder.index]
    cap = Decimal(100) - plan.holdout
    weight = min(step.weight, cap) if ladder.open else Decimal(0)
    mode = step.mode if ladder.open else Mode.LIVE
    exposed = (
        canary is not None and canary.open and plan.canary is not None and mode is Mode.LIVE and weight > 0
    )
    update = _canary_step(plan, canary) if exposed else None
    return Shares(
        step=step.name,
        mode=mode,
        weight=weight,
        canary_weight=update.weight if update is not None else Decimal(0),
        holdout=plan.holdout,
        stable=ladder.version,
        canary=canary.version if canary is not None and update is not None else None,
        salt=plan.salt,
        eligibility={
            key: tuple(str(value) for value in values)
            for key, values in plan.eligibility_of(step).model_dump(exclude_none=True).items()
        },
        open_conversations=plan.open_conversations,
    )


def moved(plan: Plan, state: LadderState, at: datetime, **changes: Any) -> LadderState:
    """The state with ``changes`` made at ``at`` and the split that follows from them."""
    changed = replace(state, changed_at=max(at, state.changed_at), **changes)
    return replace(changed, shares=shares_of(plan, changed.ladder, changed.canary))


def steps_of(plan: Plan, track: TrackName) -> list[Step]:
    """The rungs of a track; none where the plan has no canary."""
    if track is TrackName.LADDER:
        return plan.steps
    return plan.canary.steps if plan.canary is not None else []


def shares_from_json(value: Mapping[str, Any]) -> Shares:
    """``state["split"]`` of a transition record.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, ArithmeticError: it is none.

    """
    return Shares(
        step=value["step"],
        mode=Mode(value["mode"]),
        weight=Decimal(str(value["weight"])),
        canary_weight=Decimal(str(value["canary_weight"])),
        holdout=Decimal(str(value["holdout"])),
        stable=value["stable"],
        canary=value["canary"],
        salt=value["salt"],
        eligibility={key: tuple(values) for key, values in value["eligibility"].items()},
        open_conversations=value["open_conversations"],
    )


def _canary_step(plan: Plan, canary: Track | None) -> Step | None:
    return plan.canary.steps[canary.index] if plan.canary is not None and canary is not None else None


def _shares_to_json(shares: Shares) -> dict[str, Any]:
    # Percents have at most four decimals, so they survive the way through a JSON number exactly.
    return {
        "step": shares.step,
        "mode": shares.mode.value,
        "weight": float(shares.weight),
        "canary_weight": float(shares.canary_weight),
        "holdout": float(shares.holdout),
        "stable": shares.stable,
        "canary": shares.canary,
        "salt": shares.salt,
        "eligibility": {key: list(values) for key, values in shares.eligibility.items()},
        "open_conversations": shares.open_conversations,
    }


def _track_to_json(track: Track) -> dict[str, Any]:
    return {
        "step": track.step,
        "index": track.index,
        "status": track.status.value,
        "entered_at": track.entered_at.isoformat(),
        "version": track.version,
        "since": track.since.isoformat(),
        "passes": track.passes,
        "passed_at": None if track.passed_at is None else track.passed_at.isoformat(),
        "looks": {
            metric: {"at": list(looks.at), "passed": looks.passed} for metric, looks in track.looks.items()
        },
        "requested": request_to_json(track.requested),
    }


def request_to_json(request: Request | None) -> dict[str, Any] | None:
    """A request for a promotion as records and doors show it."""
    if request is None:
        return None
    return {"by": request.by, "at": request.at.isoformat(), "override": request.override}


def _track_from_json(value: Mapping[str, Any]) -> Track:
    passed_at, asked = value.get("passed_at"), value.get("requested")
    return Track(
        step=value["step"],
        index=value["index"],
        status=Status(value["status"]),
        entered_at=datetime.fromisoformat(value["entered_at"]),
        version=value["version"],
        since=datetime.fromisoformat(value["since"]),
        passes=value["passes"],
        passed_at=None if passed_at is None else datetime.fromisoformat(passed_at),
        looks={
            metric: Looks(tuple(looks["at"]), looks["passed"])
            for metric, looks in value.get("looks", {}).items()
        },
        requested=None if asked is None else Request(asked["by"], _time(asked["at"]), asked["override"]),
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
