"""The parts of a run that make spans: put in place of the plain ones where traces are asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from agents.contract import Ticket
from rollout.api.desk import Desk
from rollout.observe import spans
from rollout.observe.agent_calls import ASSIGNED, decided
from rollout.observe.arriving import note
from rollout.observe.tracing import Tracing, known
from rollout.record.journal import Journal, Receipt
from rollout.records import Assigned, Compared, Event, Kind
from rollout.router import Router
from rollout.ticketing import Answer, TicketDesk

if TYPE_CHECKING:
    from rollout.conversations.answering import Given
    from rollout.conversations.book import Word
    from rollout.conversations.thread import Entry, Thread

_JUDGED: Final = ("accuracy", "tone", "policy", "agreement")


class TracedDesk(Desk):
    """Decisions as spans, with what was decided; shadows' judgements as evaluation events."""

    def __init__(self, router: Router, journal: Journal, tracing: Tracing) -> None:
        super().__init__(router, journal)
        self._tracing = tracing

    async def route(self, ticket: Ticket) -> Assigned:
        from opentelemetry.trace import SpanKind, get_current_span

        around = get_current_span()
        values = {"gen_ai.conversation.id": ticket.ticket_id, "gen_ai.workflow.name": ticket.workflow}
        with self._tracing.of_ticket(
            ticket.tenant, ticket.ticket_id, f"decide {ticket.workflow}", SpanKind.INTERNAL, values
        ) as span:
            note(span)
            assigned = await super().route(ticket)
            ASSIGNED.set(assigned)
            told = known(decided(assigned))
            span.set_attributes(told)
            if around.is_recording():
                around.set_attributes(told)
            return assigned

    async def record(self, events: list[Event]) -> list[Receipt]:
        receipts = await super().record(events)
        for event in events:
            if event.kind == Kind.COMPARISON and isinstance(event.payload, Compared):
                self._evaluated(event.payload)
        return receipts

    def _evaluated(self, seen: Compared) -> None:
        from opentelemetry.trace import SpanKind

        values = {
            "gen_ai.agent.id": seen.version,
            "gen_ai.conversation.id": seen.ticket_id,
            "ridealong.rater": seen.rater.partition(":")[0],
            "ridealong.shadow.dropped": seen.dropped,
            "ridealong.cost_usd": seen.cost_usd,
        }
        with self._tracing.span("compare with the human's reply", SpanKind.INTERNAL, values) as span:
            for name in _JUDGED:
                score = getattr(seen, name)
                if score is not None:
                    told = {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": float(score)}
                    span.add_event("gen_ai.evaluation.result", told)


class TracedTickets:
    """A desk for tickets, with one span over everything that is done for a ticket's message."""

    def __init__(self, desk: TicketDesk, tracing: Tracing) -> None:
        self._desk = desk
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)

    async def handle(self, ticket: Ticket) -> Answer:
        from opentelemetry.trace import SpanKind

        values = _workflow(ticket.ticket_id, ticket.workflow, ticket.tenant)
        with self._tracing.of_ticket(
            ticket.tenant, ticket.ticket_id, f"invoke_workflow {ticket.workflow}", SpanKind.INTERNAL, values
        ) as span:
            note(span)
            answer = await self._desk.handle(ticket)
            span.set_attributes(known(_answered(answer)))
            return answer

    async def turn(self, tenant: str, ticket_id: str, word: "Word") -> "tuple[Thread, Entry, Given]":
        from opentelemetry.trace import SpanKind

        values = _workflow(ticket_id, None, tenant)
        with self._tracing.of_ticket(tenant, ticket_id, "invoke_workflow", SpanKind.INTERNAL, values) as span:
            note(span)
            thread, said, given = await self._desk.turn(tenant, ticket_id, word)
            if (workflow := thread.opened.workflow) is not None:
                span.update_name(f"invoke_workflow {workflow}")
                span.set_attribute("gen_ai.workflow.name", workflow)
            told = {} if thread.assigned is None else decided(thread.assigned)
            span.set_attributes(known({**told, **_answered(given)}))
            return thread, said, given


def _workflow(ticket_id: str, workflow: str | None, tenant: str) -> dict[str, Any]:
    return known(
        {
            spans.OPERATION: "invoke_workflow",
            "gen_ai.workflow.name": workflow,
            "gen_ai.conversation.id": ticket_id,
            "ridealong.tenant": tenant,
        }
    )


def _answered(given: Any) -> Mapping[str, Any]:
    """Who answers, why it was handed off and which rules a draft breaks; of an answer or a turn's part."""
    return {
        "ridealong.handler": given.handler,
        "ridealong.handoff.queue": given.queue,
        "ridealong.handoff.reasons": tuple(given.reasons),
        "ridealong.guardrail.violations": tuple(given.violations),
    }
