"""The part of ``check`` that needs the desk: refuse a gate that its step can never decide."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from policies.plan import Plan, Step
from policies.problems import Finding, Location
from policies.vocabulary import Mode
from rollout.ladder.judge import SHADOW_NAMES
from rollout.planning.climb import Stay
from rollout.planning.demands import Difference
from rollout.planning.desk import Desk, desk_of
from rollout.planning.forecast import UNKNOWN_VOLUME, Forecast, TrackForecast, forecast
from rollout.planning.observed import Observed
from rollout.planning.remedies import Remedies, Undecidable
from rollout.planning.words import days, level, margin_up, size

Survey = Callable[[Plan], Observed | None]
"""What the data say about a plan's workflow."""


class Feasibility:
    """Asked about each sound plan by ``check``; remembers the answer for its summary."""

    def __init__(self, survey: Survey | None = None, *, start: datetime | None = None) -> None:
        self._survey = survey
        self._start = start or datetime.now(UTC)
        self._known: dict[int, tuple[Plan, Forecast | None]] = {}

    def __call__(self, plan: Plan) -> Iterator[Finding]:
        """One finding per metric that its gate cannot decide within ``max_duration``."""
        found = self.forecast(plan)
        for each in found.undecidable if found is not None else ():
            assert found is not None
            yield finding(each, found.desk)

    def forecast(self, plan: Plan) -> Forecast | None:
        """The forecast of a plan; None where nobody knows its volume."""
        known = self._known.get(id(plan))
        if known is None:
            desk = desk_of(plan, observed=self._survey(plan) if self._survey is not None else None)
            known = plan, forecast(plan, desk, self._start) if desk.volume else None
            self._known[id(plan)] = known
        return known[1]

    def summary(self, plan: Plan) -> str:
        """One line: how long each step takes, or why nobody can say."""
        found = self.forecast(plan)
        if found is None:
            return f"not checked: {UNKNOWN_VOLUME}"
        return "; ".join(_times(track, found.assurance) for track in found.tracks)


def finding(each: Undecidable, desk: Desk) -> Finding:
    """Where it stands, what it needs, and every single change that would do."""
    rung, metric = each.stay.rung, each.demand.metric
    assert rung.max_days is not None
    at = ("canary", "steps", rung.index) if rung.track == "canary" else ("steps", rung.index)
    volume = f"{rung.tickets_per_day:,.0f} tickets a day"
    share = "" if rung.step.mode is Mode.SHADOW else f" at {rung.share * 100:g} % of {volume}"
    needs = "could never be decided" if each.remedies.days is None else f"needs {days(each.days)}"
    where = share or f" with {volume}"
    what = _asked(each)
    origin = next(iter(desk.volume.values())).origin.value
    return Finding(
        _place(at, rung.step, metric),
        f"{metric} {needs}{where} ({origin}) to show {what},"
        f" step {rung.name!r} has max_duration {days(rung.max_days)}: its gate cannot be decided in time",
        _advice(each.remedies, each),
    )


def _asked(each: Undecidable) -> str:
    demand = each.demand
    if isinstance(demand, Difference):
        scaled = f" (margin × {demand.scale:g})" if demand.scale != 1 else ""
        return f"a worsening below {size(demand.margin, demand.metric)}{scaled}"
    here = demand.facts.mean
    at = f"{level(here.value, demand.metric)}, {here.origin.value}"
    return f"that the agent, taken to be at {at}, keeps to {level(demand.margin, demand.metric)}"


def _advice(remedies: Remedies, each: Undecidable) -> str:
    demand, rung = each.demand, each.stay.rung
    changes = []
    if remedies.weight is not None:
        key = "percentage" if rung.step.mode is Mode.SHADOW else "set_weight"
        sign = "≤" if remedies.weight < rung.share * 100 and key == "set_weight" else "≥"
        changes.append(f"{key} {sign} {remedies.weight:g}")
    if remedies.days is not None:
        changes.append(f"max_duration ≥ {days(remedies.days)}")
    if remedies.margin is not None and isinstance(demand, Difference):
        relative = demand.relative is not None
        changes.append(f"margin ≥ {margin_up(remedies.margin, demand.metric, relative=relative)}")
    if remedies.tickets_per_day is not None:
        changes.append(f"at {remedies.tickets_per_day:,.0f} eligible tickets a day")
    if remedies.instead:
        changes.append(f"gate on {' or '.join(remedies.instead[:3])} instead")
    if not changes:
        return "no single change makes it decidable; drop it from the gate and watch it as a monitor"
    return f"decidable with {', or '.join(changes)}"


def _place(at: Location, step: Step, metric: str) -> Location:
    names = [SHADOW_NAMES.get(name, name) if step.mode is Mode.SHADOW else name for name in step.gate or ()]
    return (*at, "gate", names.index(metric)) if metric in names else (*at, "name")


def _times(track: TrackForecast, assurance: float) -> str:
    parts = [f"{step.rung.name} {days(step.stay.left)}{_why(step.stay)}" for step in track.steps]
    return f"{track.name} {days(track.total(assurance))} at {assurance:.0%}: {', '.join(parts)}"


def _why(stay: Stay) -> str:
    """What a step waits for beyond its least duration."""
    if stay.left > max(stay.gate_days, stay.rung.min_days) + 1e-9:
        return " (a freeze)"
    return f" ({stay.slowest})" if stay.slowest and stay.gate_days > stay.rung.min_days else ""
