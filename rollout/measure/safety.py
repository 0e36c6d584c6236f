"""Safety: what an agent did that it must not do. Judged against a fixed limit as well as beside humans."""

from typing import Final

from rollout.measure.definition import Definition

VIOLATIONS: Final = Definition(
    "violations",
    counts="(violations IS NOT NULL)",
    value="(violations > 0)",
    unknown="(violations IS NULL)",
    exclusions="tickets whose replies nobody checked",
)
ERRORS: Final = Definition(
    "errors",
    counts="(errors IS NOT NULL)",
    value="(errors > 0)",
    unknown="(errors IS NULL)",
    exclusions="tickets without a record of the agent's run",
)
LATENCY: Final = Definition(
    "latency",
    counts="(latency_seconds IS NOT NULL)",
    value="latency_seconds",
    exclusions="tickets the agent never answered",
)
METRICS_HERE: Final = (VIOLATIONS, ERRORS, LATENCY)
