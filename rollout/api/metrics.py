"""Counters in the Prometheus text format. Small enough not to need a library in the hot process."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What this process has done since it started."""

    def __init__(self) -> None:
        self.decisions: Counter[tuple[str, str, str, str]] = Counter()
        """By tenant, workflow, arm and reason."""
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """By tenant and type."""
        self.webhooks: Counter[tuple[str, str, str]] = Counter()
        """By tenant, sender and result; what is nobody's is the installation's."""

    def text(self, tenant: str, gauges: Mapping[str, float]) -> str:
        """The counters of one tenant, and ``gauges`` as they stand now."""
        lines = [
            "# HELP ridealong_decisions_total Tickets decided and durably recorded.",
            "# TYPE ridealong_decisions_total counter",
        ]
        for (owner, workflow, arm, reason), count in sorted(self.decisions.items()):
            if owner != tenant:
                continue
            labels = f'workflow="{_safe(workflow)}",arm="{_safe(arm)}",reason="{_safe(reason)}"'
            lines.append(f"ridealong_decisions_total{{{labels}}} {count}")
        lines += [
            "# HELP ridealong_outcomes_total Outcomes durably recorded.",
            "# TYPE ridealong_outcomes_total counter",
        ]
        lines += [
            f'ridealong_outcomes_total{{type="{_safe(kind)}"}} {count}'
            for (owner, kind), count in sorted(self.outcomes.items())
            if owner == tenant
        ]
        lines += [
            "# HELP ridealong_webhooks_total Deliveries of help desks, by what became of them.",
            "# TYPE ridealong_webhooks_total counter",
        ]
        lines += [
            f'ridealong_webhooks_total{{sender="{_safe(sender)}",result="{_safe(result)}"}} {count}'
            for (owner, sender, result), count in sorted(self.webhooks.items())
            if owner == tenant
        ]
        for name, value in gauges.items():
            lines += [
                f"# HELP ridealong_{name} {_HELP[name]}",
                f"# TYPE ridealong_{name} gauge",
                f"ridealong_{name} {value:g}" if value != int(value) else f"ridealong_{name} {int(value)}",
            ]
        return "\n".join(lines) + "\n"


_HELP: Final = {
    "journal_seq": "Newest durable record.",
    "view_position": "Newest record that the analytical view has applied.",
    "view_lag_records": "Records that the view is behind the journal.",
    "plans_refused": "Plan files that are not followed because something is wrong with them.",
    "plans_waiting": "Changed plan files that wait for a person to apply them.",
    "analyst_up": "Whether the analyst answers: 1 or 0.",
}


def _safe(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
