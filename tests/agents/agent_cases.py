"""Tickets and knowledge for the tests of the agents."""

from datetime import UTC, datetime
from typing import Any

from agents.contract import Ticket, Triage, Turn
from agents.knowledge import Article, KnowledgeBase
from policies.vocabulary import Complexity, Sentiment, Urgency

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


def ticket(text: str = "How do I reset the password of my account?", **changes: Any) -> Ticket:
    fields: dict[str, Any] = {
        "ticket_id": "t-1",
        "customer_id": "c-1",
        "opened_at": NOW,
        "workflow": "support",
        "text": text,
    }
    return Ticket(**{**fields, **changes})


def triaged(**changes: Any) -> Triage:
    fields: dict[str, Any] = {
        "category": "account",
        "urgency": Urgency.NORMAL,
        "sentiment": Sentiment.NEUTRAL,
        "complexity": Complexity.SIMPLE,
    }
    return Triage(**{**fields, **changes})


def turns(*texts: str) -> tuple[Turn, ...]:
    """Turns of customer and agent in alternation, the customer first."""
    return tuple(Turn("agent" if at % 2 else "customer", text, NOW) for at, text in enumerate(texts))


ARTICLES = (
    Article(
        "reset-password",
        "Reset your password",
        "# Reset\n\nOpen the sign in page and choose Forgot password. Enter your e-mail address and press"
        " Send.\nFollow the link in the message within 30 minutes to choose a new password.",
        datetime(2025, 5, 1, tzinfo=UTC),
        ("account",),
        "https://help.example/reset-password",
    ),
    Article(
        "prices",
        "Prices of the plans",
        "The basic plan costs 9 EUR per month. The family plan costs 15 EUR per month for four people.",
        datetime(2024, 6, 1, tzinfo=UTC),
        ("pricing",),
    ),
    Article(
        "print-head",
        "Clean the print head",
        "Streaks come from a dry print head. Open the maintenance menu of the printer and start cleaning.",
        datetime(2020, 1, 1, tzinfo=UTC),
        ("printing",),
    ),
    Article(
        "undated",
        "Humming power supply",
        "A humming power supply is harmless unless it becomes hot to touch.",
    ),
)


def knowledge() -> KnowledgeBase:
    return KnowledgeBase(ARTICLES)
