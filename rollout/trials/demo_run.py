"""The demo for people: a timeline while it runs, a summary after it, and not twice in one folder."""

import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from textwrap import fill
from time import monotonic
from typing import Any, Final

import orjson

from policies.catalogue import versions_in
from rollout.ladder.transition import Transition
from rollout.trials import demo
from rollout.trials.demo import Settings, simulate
from rollout.trials.desk_calls import TOOLS

_DONE: Final = "demo.json"
"""Written when a simulation has come to its end: the folder can then be shown again as it is."""
_POLICIES: Final = "policies"
_WIDTH: Final = 100


def demonstrate(
    data: Path,
    settings: Settings,
    *,
    tell: Callable[[str], None] | None = None,
    done: Callable[[int], None] | None = None,
) -> Mapping[str, Any]:
    """Simulate into ``data``, or find the finished demo that is there.

    Args:
        data: the data folder.
        settings: seed, length, end and size.
        tell: hears the timeline, a line or two per transition.
        done: hears how many days are over.

    Raises:
        UsageError: the folder holds something else.

    """
    finished = data / _DONE
    if finished.exists():
        summary: Mapping[str, Any] = orjson.loads(finished.read_bytes())
        if tell is not None:
            tell(f"{data} holds a demo already; delete the folder to simulate again.")
            for row in summary["transitions"]:
                tell(_line(row))
        return summary
    first, begun = settings.days[0], monotonic()

    def heard(change: Transition, _seq: int) -> None:
        if tell is not None:
            tell(_line(_row(change, (change.at.date() - first).days)))

    run = simulate(data, settings, tell=heard, done=done)
    summary = {
        "workflow": run.workflow,
        "seed": settings.seed,
        "weeks": settings.weeks,
        "from": first.isoformat(),
        "until": (settings.days[-1] + timedelta(days=1)).isoformat(),
        "tickets": run.tickets,
        "events": run.events,
        "seconds": round(monotonic() - begun, 1),
        "transitions": [_row(change, (change.at.date() - first).days) for change in run.transitions],
    }
    _lay_out(data / _POLICIES)
    finished.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    return summary


def plans_of(data: Path) -> Path | None:
    """The demo's folder of plans, for a server that shows it; None where it has none.

    Its agents and tools are beside it: without them nobody could approve a call that waits.
    """
    plans = data / _POLICIES / "rollouts"
    return plans if plans.is_dir() else None


def _lay_out(policies: Path) -> None:
    """Put what the desk promises beside its data, as a desk of one's own has it."""
    plans, agents = policies / "rollouts", policies / "agents"
    for folder in (plans, agents):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(demo.PLAN, plans)
    for version, manifest in versions_in(demo.POLICIES / "agents").items():
        if version in demo.APPEAL:
            shutil.copy(manifest, agents)
    shutil.copytree(TOOLS, policies / "tools", dirs_exist_ok=True)


def as_text(summary: Mapping[str, Any], data: Path) -> str:
    """What was simulated, where it is, and how to look at it."""
    workflow = summary["workflow"]
    return (
        f"\n{summary['weeks']} weeks of {workflow} (seed {summary['seed']}): {summary['tickets']:,} tickets, "
        f"{summary['events']:,} records, simulated in {summary['seconds']:.0f} s.\n"
        f"The data are in {data}. Look at them with\n"
        f"  ridealong status {workflow} --data {data}\n"
        f"  ridealong gate {workflow} --data {data}\n"
        f"  ridealong audit verify --data {data}\n"
        f"Its plan, agents and tools are in {data / _POLICIES}."
    )


def _row(change: Transition, day: int) -> dict[str, Any]:
    return {
        "at": change.at.isoformat(),
        "week": day // 7 + 1,
        "action": change.action,
        "track": change.track.value,
        "from_step": change.from_step,
        "to_step": change.to_step,
        "reason": change.reason,
        "actor": change.actor,
        "sentence": change.sentence,
    }


def _line(row: Mapping[str, Any]) -> str:
    head = f"week {row['week']:>2}  {row['at'][:10]}  {row['action'].replace('_', ' '):<9}  "
    return fill(
        f"{row['sentence']} [{row['actor']}]",
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
