"""How ``check`` shows a file: a few lines for people, an object for programs."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policies.files import Checked, Content
    from policies.manifest import AgentVersion
    from policies.plan import Plan, Step


def summary(checked: "Checked") -> Iterator[str]:
    """The lines for a file that is fine."""
    from policies.manifest import AgentVersion
    from policies.plan import Plan
    from policies.webhooks import Webhooks

    yield f"{checked.file}: fine"
    content = checked.content
    if isinstance(content, Plan):
        facts = _plan_facts(content)
    elif isinstance(content, AgentVersion):
        facts = _agent_facts(content)
    elif isinstance(content, Webhooks):
        facts = {key: [entry.name for entry in getattr(content, key)] for key in Webhooks.model_fields}
    else:
        facts = _conduct_facts(content)
    for name, value in (facts | {"digest": checked.digest}).items():
        if value:
            yield f"  {name + ':':<12}{value if isinstance(value, str) else ', '.join(value)}"


def _plan_facts(plan: "Plan") -> dict[str, Any]:
    from policies.values import format_percent

    return {
        "workflow": plan.workflow if plan.tenant == "default" else f"{plan.workflow} of {plan.tenant}",
        "agent": plan.agent,
        "steps": [_step(step) for step in plan.steps],
        "holdout": f"{format_percent(plan.holdout)} %" if plan.holdout else "",
        "canary": [plan.canary.agent, *map(_step, plan.canary.steps)] if plan.canary else "",
        "guardrails": plan.guardrails(),
    }


def _step(step: "Step") -> str:
    from policies.values import format_percent

    weight = "" if step.set_weight is None else f" {format_percent(step.set_weight)} %"
    mode = "" if step.mode in {"live", step.name} else f" ({step.mode})"
    return f"{step.name}{weight}{mode}"


def _agent_facts(manifest: "AgentVersion") -> dict[str, Any]:
    return {
        "agent": manifest.ref,
        "kind": manifest.kind,
        "tools": [f"{tool.name} ({tool.authority})" for tool in manifest.tools],
    }


def _conduct_facts(content: "Content") -> dict[str, Any]:
    from policies.checks.routes import coverage
    from policies.conduct import ConductPolicy, Overlay
    from policies.detectors import Detectors
    from policies.route_table import RouteTable

    if isinstance(content, RouteTable):
        told = coverage(content)
        example = f", e.g. {told.example}" if told.unmatched else ""
        left = f"{told.unmatched:,} match no row and go to {content.unmatched}{example}"
        return {"routes": f"{told.combinations:,} combinations; {left}", "queues": content.queues}
    if isinstance(content, Detectors):
        tests = sum(len(detector.tests) for detector in content.detectors.values())
        return {"detectors": list(content.detectors), "tests": f"{tests} hold"}
    if isinstance(content, ConductPolicy | Overlay):
        tests = sum(len(settings.tests) for settings in content.rules.values())
        regions = content.regions if isinstance(content, Overlay) else ""
        return {"regions": regions, "tests": f"{tests} hold" if tests else ""}
    return {}


def as_json(checked: "Checked") -> Mapping[str, Any]:
    """A file as ``check --json`` shows it."""
    from policies.manifest import AgentVersion
    from policies.plan import Plan

    content = checked.content
    facts: Mapping[str, Any] = {}
    if isinstance(content, Plan):
        facts = {
            "workflow": content.workflow,
            "tenant": content.tenant,
            "agent": content.agent,
            "steps": [step.name for step in content.steps],
            "guardrails": content.guardrails(),
        }
    elif isinstance(content, AgentVersion):
        facts = {"agent": content.ref}
    return {
        "file": checked.file,
        "kind": checked.kind,
        "digest": checked.digest,
        **facts,
        "problems": [
            {
                "line": problem.line,
                "column": problem.column,
                "path": problem.path,
                "message": problem.message,
                "suggestion": problem.suggestion,
            }
            for problem in checked.problems
        ],
    }
