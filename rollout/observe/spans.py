"""A reply as spans: what its roles, models and tools did, from the trace it brings.

Names follow the OpenTelemetry GenAI conventions where they have one; ours are under ``ridealong.``. Only
fields that are named here are taken over, so that a trace that holds texts cannot leak them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from agents.contract import Action, Reply
from rollout.observe.tracing import Tracing, Values, known

NANOSECONDS: Final = 1_000_000_000
OPERATION: Final = "gen_ai.operation.name"


class Step(NamedTuple):
    """One span to be: ``kind`` is a name of OpenTelemetry's ``SpanKind``."""

    name: str
    kind: str
    values: dict[str, Any]
    seconds: float


def agent_values(version: str, ticket_id: str) -> dict[str, Any]:
    """What every ``invoke_agent`` span says before the agent answers."""
    name, _, number = version.partition("@")
    return {
        OPERATION: "invoke_agent",
        "gen_ai.agent.name": name,
        "gen_ai.agent.version": number or None,
        "gen_ai.agent.id": version,
        "gen_ai.conversation.id": ticket_id,
    }


def reply_values(reply: Reply) -> dict[str, Any]:
    """What an answer adds: use and cost, hand-off and guardrails, never its words."""
    usage = reply.usage
    return {
        "gen_ai.response.model": usage.model,
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "ridealong.cost_usd": usage.cost_usd,
        "ridealong.action": reply.action.value,
        "ridealong.confidence": reply.confidence,
        "ridealong.handoff.reasons": reply.reasons if reply.action is Action.HAND_OFF else None,
        "ridealong.guardrail.violations": reply.violations,
    }


def steps(reply: Reply) -> Iterator[Step]:
    """The steps of a reply's trace that have a span, in their order."""
    hosted = any(each.get("step") == "model" for each in reply.trace)
    for each in reply.trace:
        step = each.get("step")
        if step == "model":
            yield _model(each)
        elif step == "retrieval":
            yield _retrieval(each, reply)
        elif step == "tool":
            yield _tool(each)
        elif step == "http" and each.get("attempts"):  # where a rule decided nobody was asked
            yield _endpoint(each)
        elif step == "draft" and not hosted and isinstance(each.get("model"), str):
            yield _drafted(str(each["model"]), reply)


def record(tracing: Tracing, reply: Reply, began: int) -> None:
    """Write the steps as spans under the current one, one after the other from ``began`` (nanoseconds)."""
    from opentelemetry.trace import SpanKind, Status, StatusCode

    at = began
    for step in steps(reply):
        span = tracing.tracer.start_span(
            step.name, kind=SpanKind[step.kind], attributes=known(step.values), start_time=at
        )
        if "error.type" in step.values and step.values["error.type"] is not None:
            span.set_status(Status(StatusCode.ERROR))
        at += round(step.seconds * NANOSECONDS)
        span.end(at)


def _model(step: Mapping[str, Any]) -> Step:
    asked, outcome = str(step.get("asked")), str(step.get("outcome"))
    values: Values = {
        OPERATION: "chat",
        "gen_ai.provider.name": asked.partition("/")[0],
        "gen_ai.request.model": asked,
        "gen_ai.response.model": step.get("answered"),
        "gen_ai.usage.input_tokens": step.get("input_tokens"),
        "gen_ai.usage.output_tokens": step.get("output_tokens"),
        "ridealong.role": step.get("role"),
        "ridealong.model.attempts": step.get("attempts"),
        "ridealong.cost_usd": step.get("cost_usd"),
        "error.type": None if outcome == "ok" else outcome,
    }
    return Step(f"chat {asked}", "CLIENT", dict(values), _seconds(step))


def _drafted(model: str, reply: Reply) -> Step:
    values = {
        OPERATION: "chat",
        "gen_ai.provider.name": "ridealong",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.usage.input_tokens": reply.usage.input_tokens,
        "gen_ai.usage.output_tokens": reply.usage.output_tokens,
        "ridealong.role": "resolution",
        "ridealong.cost_usd": reply.usage.cost_usd,
    }
    return Step(f"chat {model}", "INTERNAL", values, max(reply.usage.seconds, 0.0))


def _retrieval(step: Mapping[str, Any], reply: Reply) -> Step:
    relevance = {source.source_id: source.relevance for source in reply.sources}
    found = [{"id": str(name), "score": relevance.get(name)} for name in step.get("sources", ())]
    values = {
        OPERATION: "retrieval",
        "gen_ai.retrieval.documents": json.dumps(found),
        "ridealong.retrieval.confidence": step.get("confidence"),
        "ridealong.retrieval.stale": len(step.get("stale", ())),
        "ridealong.retrieval.max_age_days": step.get("max_age_days"),
    }
    return Step("retrieval", "INTERNAL", values, _seconds(step))


def _tool(step: Mapping[str, Any]) -> Step:
    name = str(step.get("name") or step.get("tool"))
    outcome = step.get("outcome")
    values = {
        OPERATION: "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": step.get("call_id"),
        "ridealong.tool.outcome": outcome,
        "ridealong.tool.reason": step.get("reason") or None,
        "error.type": None if outcome in (None, "ok") else str(outcome),
    }
    return Step(f"execute_tool {name}", "INTERNAL", values, _seconds(step))


def _endpoint(step: Mapping[str, Any]) -> Step:
    """What asking an agent behind a URL came to, all rounds together; its tools have spans of their own."""
    outcome = step.get("outcome")
    values = {
        OPERATION: "invoke_agent",
        "gen_ai.response.model": step.get("model"),
        "ridealong.model.attempts": step.get("attempts"),
        "ridealong.agent.rounds": step.get("rounds"),
        "error.type": None if outcome in (None, "ok") else str(outcome),
    }
    return Step("ask the endpoint", "CLIENT", values, _seconds(step))


def _seconds(step: Mapping[str, Any]) -> float:
    found = step.get("seconds")
    return float(found) if isinstance(found, int | float) and 0 <= found < 86_400 else 0.0
