"""A version asked case by case. Its tools are none: what it would do is not what is examined here."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from agents.contract import Action, Agent, Reply, Ticket, Turn
from agents.roles.triage import triage
from agents.tools import NO_TOOLS
from rollout.evals.cases import Case, has
from rollout.handle.attempt import attempt

WORKFLOW: Final = "eval"
_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Of every ticket, so that ages of articles do not depend on the day."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case; ``faults`` say what should have been otherwise, none means that it passed."""

    case: Case
    action: str
    """``reply``, ``hand_off``, or why there was neither."""
    reasons: tuple[str, ...]
    text: str
    faults: tuple[str, ...]
    cost_usd: float | None
    model: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.case.name,
            "passed": not self.faults,
            "faults": list(self.faults),
            "action": self.action,
            "reasons": list(self.reasons),
            "text": self.text,
            "cost_usd": self.cost_usd,
            "model": self.model,
        }


def run(
    agent: Agent, cases: Sequence[Case], *, deadline: float, told: Callable[[Result], None] = lambda _: None
) -> list[Result]:
    """Ask a version every case, one after the other. ``deadline`` in seconds, of one case."""

    async def each() -> list[Result]:
        results = []
        for case in cases:
            results.append(await _one(agent, case, deadline))
            told(results[-1])
        return results

    return asyncio.run(each())


async def _one(agent: Agent, case: Case, deadline: float) -> Result:
    ticket = Ticket(
        ticket_id=f"eval:{case.name}",
        customer_id="eval",
        opened_at=_MOMENT,
        workflow=WORKFLOW,
        subject=case.subject,
        text=case.text,
        language=case.language,
        tier=case.tier,
        region=case.region,
        turns=tuple(Turn(said.author, said.text, _MOMENT) for said in case.turns),
    )
    tried = await attempt(agent, ticket, triage(ticket), NO_TOOLS, deadline=deadline)
    reply = tried.reply
    if reply is None:
        failure = f"no answer: {tried.failure} ({tried.detail})"
        return Result(case, str(tried.failure), (), "", (failure,), None, None)
    usage = reply.usage
    faults = tuple(_faults(case, reply))
    return Result(case, reply.action.value, reply.reasons, reply.text, faults, usage.cost_usd, usage.model)


def _faults(case: Case, reply: Reply) -> Iterator[str]:
    expected = case.expect
    if expected.action is not None and reply.action != expected.action:
        why = f" ({', '.join(reply.reasons)})" if reply.reasons else ""
        yield f"expected {expected.action}, came {reply.action.value}{why}"
    for reason in expected.reasons:
        if reason not in reply.reasons:
            yield f"not handed off for {reason!r}"
    if reply.action is Action.REPLY or expected.action is None:
        yield from (f"lacks {part!r}" for part in expected.contains if not has(reply.text, part))
        cited = {source.source_id for source in reply.sources} if reply.action is Action.REPLY else set()
        if expected.cites and cited.isdisjoint(expected.cites):
            yield f"cites none of {', '.join(expected.cites)}"
    yield from (f"has {part!r}" for part in expected.must_not_contain if has(reply.text, part))
