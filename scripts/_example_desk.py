"""An afternoon at a small desk, made up, in the folder of a demo: for pictures and for tests of the pages.

Everything is recorded as the product would have recorded it; no model is asked.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agents.contract import Source, Ticket
from agents.roles.handoff import packet, render
from agents.roles.triage import triage
from rollout.clock import SimulatedClock
from rollout.incidents.incident import Severity, close, event, opening
from rollout.incidents.register import Register
from rollout.record.content import Text
from rollout.record.folder import DataFolder
from rollout.records import Compared, Drafted, Escalated, Event, Handled, Kind
from rollout.router import Router

HOSTILE: Final = (
    '=HYPERLINK("http://evil.example") ![x](http://evil.example/x.png) <img src=x onerror=alert(1)> '
    "<script>alert(2)</script> $a$ [b](http://evil.example)"
)
ARTICLES: Final = (
    Source("refund-times", "How long a refund takes", "", 0.82, 41.0),
    Source("change-address", "Changing the delivery address", "", 0.71, 320.0, stale=True),
    Source("invoice-copy", "Getting a copy of an invoice", "", 0.77, 12.0),
    Source("two-step-login", "Two-step sign-in", "", 0.64, 205.0, stale=True),
    Source("return-label", "Printing a return label", "", 0.69, 88.0),
)
ASKED: Final = (
    ("asked-for-human", "enterprise", "This is the third time. I want to talk to a human being, please."),
    ("security-concern", "enterprise", "Somebody has signed in to my account who is not me!"),
    ("low-retrieval-confidence", "pro", "Can I move a subscription from one company to another?"),
    (
        "sentiment-degradation",
        None,
        "You sent me that link before. It does not work. Please read what I write.",
    ),
    ("low-confidence", None, "The parcel says delivered but my neighbour has it, what about the deposit?"),
    ("billing-specialist", "pro", "I was charged twice in October and only one charge is on the invoice."),
    ("low-confidence", None, HOSTILE),
)
DRAFTS: Final = (
    (
        "Where can I find my invoice for October?",
        "Hello,\n\nyour invoices are under Account, then Billing, October's among them.\n\nKind regards",
        (),
    ),
    (
        "Will I get my money back if it breaks in two years?",
        "Hello,\n\nyes, we guarantee that you will get all your money back.\n\nKind regards",
        ("promises-money",),
    ),
)
PAIRS: Final = (
    (
        "How long does a refund take?",
        "A refund takes three to five working days after your return has arrived. We send you an e-mail.",
        "Hi, usually 3 to 5 days after we have it back. I'll keep an eye on yours.",
    ),
    (
        "Can I change the address after ordering?",
        "Yes, as long as the parcel has not been handed over: open the order and choose Change address.",
        "Which order is it? I can change it here for you.",
    ),
)


def fill(data: Path, workflow: str, version: str, end: datetime) -> None:
    """Record the afternoon before ``end`` into a demo's folder that nobody serves.

    Raises:
        FolderInUse: somebody does.

    """
    clock = SimulatedClock(end - timedelta(hours=5))
    with DataFolder.open(data, clock=clock, holder="example desk") as folder:
        desk = _Desk(folder, clock, workflow, version)
        desk.replies()
        desk.pairs()
        desk.hand_offs()
        desk.drafts()
        desk.incidents()
        folder.catch_up()


class _Desk:
    def __init__(self, folder: DataFolder, clock: SimulatedClock, workflow: str, version: str) -> None:
        self.folder, self.clock, self.workflow, self.version = folder, clock, workflow, version
        self.router = Router(folder.journal, folder.content, clock=clock)
        self.router.follow(folder.journal.read())
        self.count = 4100

    def ticket(self, text: str, tier: str | None = None, category: str = "billing") -> Ticket:
        """Have a ticket opened and routed."""
        self.count += 1
        self.clock.advance_to(self.clock.now() + timedelta(minutes=2))
        ticket = Ticket(
            f"T-{self.count}",
            f"customer-{self.count}",
            self.clock.now(),
            self.workflow,
            subject="",
            text=text,
            tier=tier,
            category=category,
            language="en",
            channel="email",
        )
        self.router.route(ticket)
        return ticket

    def kept(self, ticket: Ticket, **texts: str) -> Mapping[str, str]:
        parts = [
            Text("default", ticket.customer_id, ticket.ticket_id, name.replace("_", "-"), body)
            for name, body in texts.items()
        ]
        return dict(zip((part.part for part in parts), self.folder.content.put(parts), strict=True))

    def note(self, ticket: Ticket, kind: Kind, name: str, payload: Any) -> None:
        what = Event(f"{name}:{ticket.ticket_id}", kind, self.clock.now(), payload, workflow=self.workflow)
        self.folder.record([what])

    def replies(self) -> None:
        """Answers of the agent that name their articles."""
        categories = ("billing", "returns", "account", "shipping")
        for number in range(24):
            ticket = self.ticket("A question.", category=categories[number % 4])
            used = ARTICLES[number * number % len(ARTICLES)]
            confidence = 0.35 + 0.025 * number
            payload = Handled(
                ticket.ticket_id,
                "agent",
                version=self.version,
                outcome="replied",
                first_response_at=self.clock.now(),
                finished_at=self.clock.now(),
                turns=1,
                latency_seconds=1.5 + number % 5,
                cost_usd=0.012,
                confidence=confidence,
                retrieval_confidence=used.relevance,
                retrieval_age_days=used.age_days,
                sources=(used.source_id,),
            )
            self.note(ticket, Kind.HANDLING, "handling:agent", payload)

    def pairs(self) -> None:
        for text, agent, human in PAIRS:
            ticket = self.ticket(text)
            seen = Compared(
                ticket.ticket_id,
                self.version,
                "heuristic",
                confidence=0.7,
                content=self.kept(ticket, shadow_reply=agent),
            )
            self.note(ticket, Kind.COMPARISON, f"comparison:{self.version}", seen)
            said = Handled(ticket.ticket_id, "human", turns=1, content=self.kept(ticket, human_reply=human))
            self.note(ticket, Kind.HANDLING, "handling:human", said)

    def hand_offs(self) -> None:
        for reason, tier, text in ASKED:
            ticket = self.ticket(text, tier)
            self.clock.advance_to(self.clock.now() + timedelta(minutes=9))
            told = packet(ticket, triage(ticket), reasons=[reason], sources=ARTICLES[:3])
            payload = Escalated(
                ticket.ticket_id,
                reason,
                (reason,),
                queue=None,
                content=self.kept(ticket, packet=render(told)),
            )
            self.note(ticket, Kind.ESCALATION, "escalation", payload)

    def drafts(self) -> None:
        for text, draft, broken in DRAFTS:
            ticket = self.ticket(text)
            payload = Drafted(
                ticket.ticket_id,
                self.version,
                1,
                violations=broken,
                confidence=0.8,
                sources=("invoice-copy",),
                content=self.kept(ticket, draft=draft),
            )
            self.note(ticket, Kind.APPROVAL, "draft", payload)

    def incidents(self) -> None:
        """Of an update that told customers to read the help centre; over by now."""
        at = self.clock.now()
        name, title = "inc-example-1", "Slow replies after noon"
        noted = opening(name, Severity.SEV3, title, version=self.version, origin="person")
        self.folder.record([event(noted, "", "default", self.workflow, "ada", at - timedelta(days=9))])
        (known,) = [
            each
            for each in Register(self.folder.journal).of("default", self.workflow)
            if each.incident_id == name
        ]
        self.folder.record(
            [close(known, "The provider was slow; it is over.", "ada", at - timedelta(days=8))]
        )
