"""The page about the replayed runs: counts and means, nothing of the runs themselves."""

# ruff: noqa: E501 - paragraphs of prose

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

ALLOWED, REPEATED, ASKED, DENIED = "allowed", "repeated", "needs approval", "denied"
ORDER: Final = (ALLOWED, REPEATED, ASKED, DENIED)
OUTCOMES: Final = ("send", "redact", "rewrite", "block", "escalate")


class Ticket(Protocol):
    """What became of one run."""

    reward: float
    task: int
    handed_off: bool
    calls: list[tuple[str, bool, str, str]]
    right: list[tuple[bool, str]]
    outcomes: Counter[str]
    rules: Counter[str]

    @property
    def worst(self) -> str: ...


def report(granted: Sequence[Ticket], reading: Sequence[Ticket]) -> list[str]:
    """The page, line by line: with the grants, and in a step that grants no writes."""
    paragraphs = (_opening(granted), _calls(granted, reading), _rewards(granted), _conduct(granted))
    return [line for part in (*paragraphs, _reading(granted)) for line in part]


def _opening(granted: Sequence[Ticket]) -> Iterator[str]:
    yield from ("# Tool permissions on tau-bench's airline runs", "")
    yield (
        f"{len(granted)} published runs of one agent (gpt-4o) on {len({one.task for one in granted})} tasks of "
        "a simulated airline desk, replayed call by call through the functions that decide at our desk. Made "
        "by `python benchmarks/tau_bench.py --data FOLDER --out docs`; the runs are tau-bench's (MIT) and not "
        "part of this project."
    )
    yield ""


def _calls(granted: Sequence[Ticket], reading: Sequence[Ticket]) -> Iterator[str]:
    calls = [call for ticket in granted for call in ticket.calls]
    yield from ("## What would have been let through", "")
    yield (
        "Grants as a careful desk might write them: reading freely; adding bags, and certificates up to $100, "
        "alone; everything else with a person; three changes, two bookings, two cancellations a ticket. A call "
        "that the airline refused uses up nothing."
    )
    yield ""
    rows: list[tuple[object, ...]] = []
    for _, name in sorted({(writes, name) for name, writes, *_ in calls}):
        of_tool = Counter(decision for tool, _, decision, _ in calls if tool == name)
        rows.append((f"`{name}`", sum(of_tool.values()), *(of_tool[each] for each in ORDER)))
    total = Counter(decision for _, _, decision, _ in calls)
    rows.append(("all", len(calls), *(total[each] for each in ORDER)))
    yield from _table(("tool", "calls", *ORDER), rows)
    reasons = Counter(reason for _, _, decision, reason in calls if decision == DENIED)
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "none"
    yield (
        f"Denied because of: {told}. *Repeated* is a write that was made with the same arguments before: it is "
        "not made twice."
    )
    yield ""
    off = Counter(decision for ticket in reading for _, write, decision, _ in ticket.calls if write)
    yield (
        f"In a step that grants no writes (the default, and any shadow) {off[DENIED]} of the {off.total()} "
        "writes are denied."
    )
    yield ""


def _rewards(granted: Sequence[Ticket]) -> Iterator[str]:
    yield from ("## Beside the rewards", "")
    yield (
        "A run's reward is 1 where the database ended exactly as the task wants it, 0 otherwise. Mean reward "
        "by the gravest decision on one of its writes:"
    )
    yield ""
    groups = [(name, [one for one in granted if one.worst == name]) for name in ("no write", *ORDER)]
    rows = [
        (name, len(members), _mean(members), _mean(one for one in members if one.handed_off))
        for name, members in (*groups, ("all", list(granted)))
    ]
    yield from _table(("gravest decision on a write", "runs", "mean reward", "of those handed off"), rows)
    yield from ("Each write beside the task's own list of actions, argument by argument:", "")
    right = [pair for ticket in granted for pair in ticket.right]
    pairs = []
    for label, wanted in (("is one of the task's actions", True), ("is not", False)):
        found = Counter(decision for is_right, decision in right if is_right is wanted)
        pairs.append((label, found.total(), *(found[each] for each in ORDER)))
    yield from _table(("the write", "writes", *ORDER), pairs)


def _conduct(granted: Sequence[Ticket]) -> Iterator[str]:
    outcomes: Counter[str] = sum((ticket.outcomes for ticket in granted), Counter())
    rules: Counter[str] = sum((ticket.rules for ticket in granted), Counter())
    yield from ("## The conduct policy", "")
    yield (
        f"`policies/conduct/support-agent-policy.yaml` on all {outcomes.total():,} messages to the customer; "
        "grounds are the airline's policy text, what tools had answered and what was said before."
    )
    yield ""
    yield from _table(("outcome", "messages"), ((each, outcomes[each]) for each in OUTCOMES))
    yield from _table(("rule", "messages"), ((f"`{rule}`", count) for rule, count in rules.most_common(12)))


def _reading(granted: Sequence[Ticket]) -> Iterator[str]:
    right = [pair for ticket in granted for pair in ticket.right]
    wrong = [decision for is_right, decision in right if not is_right]
    asked = [is_right for is_right, decision in right if decision == ASKED]
    share = 100 * sum(asked) / max(len(asked), 1)
    yield from ("## How to read it", "")
    yield (
        f"- Of {len(right)} writes {len(wrong)} were not what the task wanted, argument by argument. "
        f"{wrong.count(ALLOWED)} of those would have been made without a person. {len(asked)} writes would have "
        f"waited for one, {sum(asked)} of them right: a perfect approver agrees to {share:.0f} % of what they "
        "see. Permissions do not tell right from wrong; they bound what can go wrong alone, and approval is "
        "only as good as who gives it."
    )
    yield (
        "- Every `user_id` in these runs is the customer's own, so binding it refuses nothing here. "
        "`reservation_id` cannot be bound by a declaration: whose it is, is the airline's own check. These runs "
        "hold no attack, so they say nothing about attacks; those are in `tests/api/test_hostile_model.py`."
    )
    yield (
        '- Rules such as "basic economy cannot be changed" stand in the airline\'s text. Neither permissions '
        "nor the conduct policy knows them."
    )
    yield (
        "- The agent never saw our answers. A refusal would have changed what it did next, so no reward of a "
        "desk with these permissions can be computed, and none is given. That runs without a write score "
        "higher says which tasks they are, not that writing lowers a reward."
    )
    yield (
        "- The conduct policy is the shipped one, written for another desk: what it finds in these messages "
        "is how often it would stop an agent it was not written for, false alarms included, and no measure of "
        "this agent. The runs are four trials of each task and so not independent; means are given without "
        "intervals on purpose."
    )
    yield ""


def _mean(tickets: Iterable[Ticket]) -> str:
    found = [ticket.reward for ticket in tickets]
    return f"{sum(found) / len(found):.2f}" if found else "–"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"
    yield ""
