"""Published runs of an airline agent, replayed through tool permissions and the conduct policy.

    python benchmarks/tau_bench.py --data ../shared/data/tau-bench-airline --out docs

The runs are tau-bench's (MIT), 50 tasks by 4 trials; they are read where they are and nothing of them is
kept but counts. Each run is one ticket of one customer. Its calls are asked of the same functions that
decide at the desk, in order, with what was used up before; a call that needs a person counts against
limits as one that was made. What the agent would have done after another answer nobody knows: this says
what would have been let through, and not what would have become of it.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from tau_bench_page import ALLOWED, ASKED, DENIED, ORDER, REPEATED, report  # noqa: E402

from agents.checks.conduct import Conduct, Context  # noqa: E402 - the path above comes first
from agents.tools.arguments import bound  # noqa: E402
from agents.tools.permissions import Tally, Verdict, amount_of, permit, reachable  # noqa: E402
from agents.tools.refusals import ToolRefused  # noqa: E402
from policies.load import read_document  # noqa: E402
from policies.manifest import ToolGrant  # noqa: E402
from policies.regions import load_policies  # noqa: E402
from policies.tool_files import read_tools  # noqa: E402
from policies.tools import ToolCatalogue  # noqa: E402

FILE: Final = "gpt-4o-airline-trajectories.json"
TOOLS: Final = ROOT / "benchmarks" / "tau_bench_tools.yaml"
POLICY: Final = ROOT / "policies" / "conduct" / "support-agent-policy.yaml"
HAND_OFF: Final = "transfer_to_human_agents"

_GRANTS: Final[Sequence[Mapping[str, Any]]] = (
    *(
        {"name": name, "authority": "read"}
        for name in (
            *("get_user_details", "get_reservation_details", "search_direct_flight"),
            *("search_onestop_flight", "list_all_airports", "calculate", "think"),
        )
    ),
    {"name": "update_reservation_baggages", "authority": "write", "limits": {}, "approval": "never"},
    {"name": "update_reservation_flights", "authority": "write", "limits": {"per_ticket": 3}},
    {"name": "update_reservation_passengers", "authority": "write", "limits": {}},
    {"name": "cancel_reservation", "authority": "write", "limits": {"per_ticket": 2}},
    {"name": "book_reservation", "authority": "write", "limits": {"per_ticket": 2}},
    {
        "name": "send_certificate",
        "authority": "write",
        "limits": {"amount_usd": 100, "usd_per_customer_day": 300},
        "approval": "above_limit",
    },
)
GRANTS: Final = {each["name"]: ToolGrant.model_validate(each) for each in _GRANTS}
"""As a careful desk might write them: bags alone, small certificates alone, everything else with a person."""


@dataclass(slots=True)
class Ticket:
    """What became of one run."""

    reward: float
    task: int
    handed_off: bool
    calls: list[tuple[str, bool, str, str]] = field(default_factory=list)
    """Tool, whether it writes, decision, and its reason."""
    right: list[tuple[bool, str]] = field(default_factory=list)
    """Of each write: whether it is one of the task's own actions, and the decision."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Of the messages to the customer, by what the conduct policy says."""
    rules: Counter[str] = field(default_factory=Counter)
    """Enforced rules broken, by messages."""

    @property
    def worst(self) -> str:
        """The gravest decision on a write; ``no write`` where there was none."""
        writes = [decision for _, writes, decision, _ in self.calls if writes]
        return max(writes, key=ORDER.index) if writes else "no write"


def catalogue() -> ToolCatalogue:
    document = read_document(TOOLS)
    found = read_tools(document)
    if found is None:
        raise SystemExit("\n".join(map(str, document.problems)))
    return found


def replay(run: Mapping[str, Any], tools: ToolCatalogue, conduct: Conduct | None, *, writes: bool) -> Ticket:
    """One run, call by call and message by message."""
    task = run["info"]["task"]
    answers = {turn["tool_call_id"]: turn["content"] for turn in run["traj"] if turn["role"] == "tool"}
    made = [
        (call["function"], str(answers.get(call["id"], "")).startswith("Error"))
        for turn in run["traj"]
        for call in turn.get("tool_calls") or ()
    ]
    handed_off = any(call["name"] == HAND_OFF for call, _ in made)
    ticket = Ticket(float(run["reward"]), run["task_id"], handed_off)
    scope = {"customer": task["user_id"], "ticket": str(run["task_id"]), "tenant": "default"}
    gold = [(action["name"], action["kwargs"]) for action in task["actions"]]
    counted: dict[str, list[Decimal]] = {}
    seen: list[tuple[str, Any]] = []
    for call, failed in made:
        if call["name"] == HAND_OFF:
            continue
        decision, reason, arguments = _decided(call, tools, scope, counted, seen, writes=writes)
        if failed and decision in {ALLOWED, ASKED} and seen and seen[-1] == (call["name"], arguments):
            seen.pop()  # the airline refused it: nothing has changed, and it uses up nothing
            counted[call["name"]].pop()
        declared = tools.get(call["name"])
        write = declared is not None and declared.writes
        ticket.calls.append((call["name"], write, decision, reason))
        if write:
            ticket.right.append(((call["name"], arguments) in gold, decision))
    if conduct is not None:
        _examined(run["traj"], conduct, ticket)
    return ticket


def _decided(
    call: Mapping[str, str],
    tools: ToolCatalogue,
    scope: Mapping[str, str],
    counted: dict[str, list[Decimal]],
    seen: list[tuple[str, Any]],
    *,
    writes: bool,
) -> tuple[str, str, Any]:
    name, arguments = call["name"], json.loads(call["arguments"])
    found = reachable(tools, name, GRANTS.get(name), writes=writes)
    tool = tools.get(name)
    if found.verdict is Verdict.REFUSE or tool is None:
        return DENIED, found.reason, arguments
    try:
        given = bound(tool, arguments, scope)
    except ToolRefused as refusal:
        return DENIED, refusal.reason, arguments
    if tool.writes and (name, given) in seen:
        return REPEATED, "same call", given
    spent = counted.setdefault(name, [])
    total = sum(spent, Decimal(0))
    tally = Tally(len(spent), len(spent), len(spent), total, total, total)
    wanted = permit(tool, GRANTS[name], given, tally)
    if wanted.verdict is Verdict.REFUSE:
        return DENIED, wanted.detail.partition(":")[0], given
    if tool.writes:
        seen.append((name, given))
        spent.append(amount_of(tool, given) or Decimal(0))
    return (ASKED if wanted.verdict is Verdict.ASK else ALLOWED), wanted.reason, given


def _examined(turns: Sequence[Mapping[str, Any]], conduct: Conduct, ticket: Ticket) -> None:
    said: list[str] = []
    answered: list[str] = []
    policy = [turn["content"] for turn in turns if turn["role"] == "system"]
    first = True
    for turn in turns:
        text = turn.get("content") or ""
        if turn["role"] == "tool":
            answered.append(text)
        elif turn["role"] == "user":
            said.append(text)
        elif turn["role"] == "assistant" and text.strip():
            context = Context(tuple(said), tuple(policy), tuple(answered), language="en", first_message=first)
            found = conduct.examine(text, context)
            ticket.outcomes[found.outcome.value] += 1
            ticket.rules.update(set(found.codes))
            said.append(text)
            first = False


def main() -> int:
    parser = argparse.ArgumentParser(description="Replay tau-bench's airline runs through tool permissions.")
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {FILE}")
    parser.add_argument("--out", type=Path, help="folder for tau-bench.md; printed only where left out")
    asked = parser.parse_args()
    runs = json.loads((asked.data / FILE).read_text())
    text = "\n".join(page(runs))
    print(text)
    if asked.out is not None:
        (asked.out / "tau-bench.md").write_text(text)
    return 0


def page(runs: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """The page about some runs."""
    tools, conduct = catalogue(), Conduct(load_policies(POLICY).of(None))
    granted = [replay(run, tools, conduct, writes=True) for run in runs]
    reading = [replay(run, tools, None, writes=False) for run in runs]
    return report(granted, reading)


if __name__ == "__main__":
    sys.exit(main())
