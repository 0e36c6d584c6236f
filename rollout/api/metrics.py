"""What this process has counted since it started."""

from collections import Counter
from collections.abc import Iterable, Iterator

from rollout.observe.counts import Counts
from rollout.observe.exposition import Family
from rollout.observe.requests import Request, Seen
from rollout.records import Assigned, Compared, Event, Handled, Kind

_SERVED = ("workflow", "version", "mode", "model")


class Metrics:
    """The counters of the door. Added to by its event loop only, read by whoever scrapes."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.decisions = Counts(
            "decisions_total",
            "Tickets decided and durably recorded, repetitions of a request among them.",
            ("workflow", "arm", "mode", "reason"),
        )
        self.outcomes = Counts("outcomes_total", "Outcomes durably recorded.", ("type",))
        self.refusals = Counts(
            "refusals_total", "Requests that were answered with a problem.", ("status", "reason")
        )
        self.shadows = Counts(
            "shadow_tickets_total",
            "Tickets that a shadow looked at, by what came of it: compared, or why it was dropped.",
            ("workflow", "version", "result"),
        )
        self.replies = Counts(
            "agent_replies_total",
            "Answers of agents by mode and outcome; failed is late, broken or no answer.",
            ("workflow", "version", "mode", "outcome"),
        )
        self.tokens = Counts("model_tokens_total", "Tokens in and out of models.", _SERVED)
        self.cost = Counts("model_cost_usd_total", "Price of models' answers where it is known.", _SERVED)
        self.unpriced = Counts(
            "model_cost_unknown_total", "Answers whose price nobody knows; they are in no sum.", _SERVED
        )
        self.webhooks: Counter[tuple[str, str, str]] = Counter()
        """By tenant, sender and result; what is nobody's is the installation's."""

    def decided(self, tenant: str, workflow: str, assigned: Assigned) -> None:
        self.decisions.add(tenant, workflow, assigned.arm, assigned.mode, assigned.reason)

    def refused(self, request: Request) -> None:
        """Count a request that was not done."""
        self.refusals.add(request.tenant, str(request.status), request.problem or "unexpected")

    def recorded(self, events: Iterable[Event]) -> None:
        """Count what agents did, from what was recorded of it."""
        for event in events:
            if event.kind == Kind.HANDLING and isinstance(event.payload, Handled):
                self._handled(event, event.payload)
            elif event.kind == Kind.COMPARISON and isinstance(event.payload, Compared):
                self._compared(event, event.payload)
            elif event.kind == Kind.APPROVAL and isinstance(event.payload, dict):
                outcome = "failed" if event.payload.get("error") else "drafted"
                version = str(event.payload.get("version"))
                self.replies.add(event.tenant, event.workflow or "", version, "assist", outcome)

    def families(self, tenant: str | None) -> Iterator[Family]:
        """The counters of one tenant; of all of them, and of the process, where None."""
        for counts in (
            *(self.decisions, self.outcomes, self.refusals, self.shadows, self.replies),
            *(self.tokens, self.cost, self.unpriced),
        ):
            yield counts.family(tenant)
        yield Family(
            "webhooks_total",
            "counter",
            "Deliveries of help desks, by what became of them.",
            (
                ({"tenant": owner, "sender": sender, "result": result}, count)
                for (owner, sender, result), count in sorted(self.webhooks.items())
                if tenant in (None, owner)
            ),
        )
        if tenant is None:
            yield from _requests(self.seen)

    def _handled(self, event: Event, done: Handled) -> None:
        if done.handler != "agent":
            return
        mode, version = "live", done.version or ""
        self.replies.add(event.tenant, event.workflow or "", version, mode, done.outcome)
        self._used(event, (version, mode, done.model or ""), done.tokens, done.cost_usd)

    def _compared(self, event: Event, seen: Compared) -> None:
        workflow = event.workflow or ""
        self.shadows.add(event.tenant, workflow, seen.version, seen.dropped or "compared")
        if seen.dropped is None:
            outcome = "handed_off" if seen.agent_escalated else "replied"
            self.replies.add(event.tenant, workflow, seen.version, "shadow", outcome)
            self._used(event, (seen.version, "shadow", ""), 0, seen.cost_usd)

    def _used(self, event: Event, served: tuple[str, ...], tokens: int, cost: float | None) -> None:
        labels = (event.tenant, event.workflow or "", *served)
        if tokens:
            self.tokens.add(*labels, by=tokens)
        if cost is None:
            self.unpriced.add(*labels)
        else:
            self.cost.add(*labels, by=cost)


def _requests(seen: Seen) -> Iterator[Family]:
    yield Family(
        "http_requests_total",
        "counter",
        "Requests answered, by route and status.",
        (
            ({"route": route, "status": str(status)}, count)
            for (route, status), count in sorted(seen.answers.items())
        ),
    )
    yield Family(
        "http_request_duration_seconds",
        "histogram",
        "Seconds from the first byte of a request to its answer, by route.",
        (({"route": route}, durations) for route, durations in sorted(seen.durations.items())),
    )
