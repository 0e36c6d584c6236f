"""A track as planning sees it: its steps with their volumes, shares and demands."""

from dataclasses import dataclass, replace

from experiments.verdict import Rules
from policies.plan import Plan, Step
from policies.vocabulary import METRICS, Mode
from rollout.errors import UsageError
from rollout.ladder.judge import rules_of, tasks_of
from rollout.planning.accrual import Stretch
from rollout.planning.demands import Demand, demand_of
from rollout.planning.desk import Desk

SECONDS_A_DAY = 86400


@dataclass(frozen=True, slots=True)
class Rung:
    track: str
    index: int
    step: Step
    tickets_per_day: float
    """Tickets that are compared: of a canary only the agent's."""
    share: float
    """Of them in the treated arm, 0 to 1; in a shadow step, of those the agent answers unseen, 1."""
    gate: tuple[Demand, ...]
    watched: tuple[Demand, ...]
    """Metrics that may roll back without being in the gate: guardrails and monitors."""
    unwatched: tuple[str, ...]
    """Guardrails of the plan that nothing looks at here."""
    rules: Rules

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def min_days(self) -> float:
        return self.step.min_duration.total_seconds() / SECONDS_A_DAY

    @property
    def max_days(self) -> float | None:
        longest = self.step.max_duration
        return None if longest is None else longest.total_seconds() / SECONDS_A_DAY

    @property
    def extra_days(self) -> float:
        """Further days until the gate has passed at as many daily looks as it must."""
        return float(self.step.consecutive_passes - 1)

    def stretch(self, start: float, end: float) -> Stretch:
        return Stretch(start, end, self.tickets_per_day, self.share)

    def with_share(self, share: float) -> "Rung":
        return replace(self, share=share)

    def adds_to(self, other: "Rung") -> bool:
        """Whether its tickets are evidence at ``other`` too: the same mode, and so the same question."""
        return self.step.mode is other.step.mode


def ladder(plan: Plan, desk: Desk) -> list[Rung]:
    """The agent against the humans, step by step."""
    return [
        _rung(plan, desk, "ladder", index, desk.volume[step.name].value)
        for index, step in enumerate(plan.steps)
    ]


def canary(plan: Plan, desk: Desk, beside: str | None = None) -> list[Rung]:
    """The update against the stable agent, inside the agent's share of one step of the ladder.

    ``beside`` names that step; the last one where left out, where updates mostly happen.

    Raises:
        UsageError: the ladder has no such live step.

    """
    if plan.canary is None:
        return []
    host = plan.steps[-1] if beside is None else _named(plan, beside)
    volume = desk.volume[host.name].value * float(host.weight) / 100
    return [_rung(plan, desk, "canary", index, volume) for index in range(len(plan.canary.steps))]


def _named(plan: Plan, name: str) -> Step:
    live = {step.name: step for step in plan.steps if step.mode is Mode.LIVE}
    if name not in live:
        raise UsageError(f"a canary cannot run beside {name!r}; live steps are {', '.join(live)}")
    return live[name]


def _rung(plan: Plan, desk: Desk, track: str, index: int, volume: float) -> Rung:
    steps = plan.canary.steps if track == "canary" and plan.canary is not None else plan.steps
    step = steps[index]
    tasks = tasks_of(plan, step)
    rules = rules_of(plan, tasks)
    share = float(step.weight) / 100
    if step.mode is Mode.SHADOW:
        share = 1.0
        volume *= float(step.shadow.percentage) / 100 if step.shadow is not None else 1.0
    demands = {task.metric: demand_of(task, desk.metrics[task.metric], rules) for task in tasks}
    harmful = [task for task in tasks if not task.required and task.role != "goal"]
    missing = [name for name in plan.guardrails() if name not in demands and step.mode is not Mode.SHADOW]
    return Rung(
        track=track,
        index=index,
        step=step,
        tickets_per_day=volume,
        share=share,
        gate=tuple(demands[task.metric] for task in tasks if task.required),
        watched=tuple(demands[task.metric] for task in harmful if METRICS[task.metric].evidence == "outcome"),
        rules=rules,
        unwatched=tuple(missing),
    )
