"""What the checks share: one endpoint, requests of every kind to it, and everything it ever answered."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from time import monotonic
from typing import Any, Final, NamedTuple

import httpx

from agents.contract import Ticket, Toolset, Triage
from agents.remote import contract
from agents.remote.contract import AgentAnswer
from agents.remote.failure import EndpointUnusable
from agents.remote.signature import HEADER, signed
from agents.tools import NO_TOOLS
from policies.vocabulary import Complexity, Sentiment, Urgency

VERSION: Final = "contract-test@1"
QUESTION: Final = "How do I choose a new password? I forgot mine."


class Status(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Finding(NamedTuple):
    """What came of a check."""

    status: Status
    why: str
    """What was seen."""
    fix: str = ""
    """What to change; empty where nothing has to be."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    """Stable, for programs: ``signature-wrong``."""
    asks: str
    """What has to be true, for people."""
    run: "Callable[[Probe], Awaitable[Finding]]"


class Exchange(NamedTuple):
    """One request and what came of it."""

    turn_id: str
    status: int
    """0 where there was no HTTP answer."""
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    trouble: str = ""
    """Why there was no answer."""

    def answer(self) -> AgentAnswer:
        """The answer, by the contract.

        Raises:
            EndpointUnusable: it is none; says where.

        """
        if self.status != 200:
            raise EndpointUnusable(self.told())
        return contract.read_answer(self.body, self.turn_id)

    def told(self) -> str:
        return self.trouble or f"status {self.status}"


@dataclass(slots=True)
class Probe:
    """An endpoint under examination. ``deadline`` in seconds is given to it with every request."""

    url: str
    client: httpx.AsyncClient
    secret: bytes | None = None
    deadline: float = 10.0
    seen: list[Exchange] = field(default_factory=list)
    """Every exchange so far."""
    run_id: str = field(default_factory=lambda: f"{datetime.now(UTC):%H%M%S%f}")
    _numbers: Any = field(default_factory=lambda: count(1))

    def request(
        self, text: str = QUESTION, *, tools: Toolset = NO_TOOLS, left: int = 0, **changes: Any
    ) -> dict[str, Any]:
        """A request as the product sends it, about a ticket nobody asked about before.

        Args:
            text: the customer's.
            tools: that may be called, ``left`` times.
            left: see there.
            changes: other fields of the ticket.

        """
        fields: dict[str, Any] = {
            "ticket_id": f"contract-test-{self.run_id}-{next(self._numbers)}",
            "customer_id": "contract-test",
            "opened_at": datetime.now(UTC),
            "workflow": "contract-test",
            "subject": "",
            "text": text,
            "language": "en",
        }
        ticket = Ticket(**{**fields, **changes})
        triage = Triage("account", Urgency.NORMAL, Sentiment.NEUTRAL, Complexity.SIMPLE)
        milliseconds = int(self.deadline * 1000)
        called = contract.Called(left=left)
        return dict(contract.request(VERSION, ticket, triage, tools, deadline_ms=milliseconds, called=called))

    async def ask(self, text: str = QUESTION, **changes: Any) -> Exchange:
        """Send one good request."""
        return await self.send(self.request(text, **changes))

    async def send(
        self,
        content: Mapping[str, Any] | bytes,
        *,
        signature: str | None = None,
        signing: bool = True,
        at: datetime | None = None,
        patience: float | None = None,
    ) -> Exchange:
        """Send a body, well signed unless told otherwise.

        Args:
            content: JSON values, or the bytes themselves.
            signature: the header's value, in the place of a good one.
            signing: whether there is a header at all.
            at: the time that is signed.
            patience: seconds until nobody waits any more; a little more than the deadline unless told.

        """
        body = content if isinstance(content, bytes) else contract.encoded(content)
        turn = str(content.get("turn_id", "")) if isinstance(content, Mapping) else ""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Ridealong-Contract": contract.CONTRACT,
            "Idempotency-Key": turn or "none",
        }
        if signing and self.secret is not None:
            headers[HEADER] = signature or signed([self.secret], body, at or datetime.now(UTC))
        seen = await self._exchanged(turn, body, headers, patience or self.deadline + 2.0)
        self.seen.append(seen)
        return seen

    async def _exchanged(
        self, turn: str, body: bytes, headers: Mapping[str, str], patience: float
    ) -> Exchange:
        started = monotonic()
        try:
            async with (
                asyncio.timeout(patience),
                self.client.stream("POST", self.url, content=body, headers=headers) as answer,
            ):
                read = bytearray()
                async for chunk in answer.aiter_bytes():
                    read += chunk
                    if len(read) > contract.MOST_BYTES:
                        trouble = f"its answer is longer than {contract.MOST_BYTES // 1024} KiB"
                        return Exchange(turn, 0, {}, b"", monotonic() - started, trouble)
                told = {name.lower(): value for name, value in answer.headers.items()}
                return Exchange(turn, answer.status_code, told, bytes(read), monotonic() - started)
        except TimeoutError:
            trouble = f"no answer within {patience:g} s"
        except httpx.HTTPError as error:
            trouble = f"no HTTP answer: {type(error).__name__}"
        return Exchange(turn, 0, {}, b"", monotonic() - started, trouble)


def passed(why: str) -> Finding:
    return Finding(Status.PASS, why)


def judged(exchange: Exchange, fix: str) -> tuple[AgentAnswer | None, Finding]:
    """The answer, and the finding that there is none."""
    try:
        return exchange.answer(), passed("")
    except EndpointUnusable as error:
        return None, Finding(Status.FAIL, str(error), fix)


def shown(body: bytes) -> Any:
    """A body as JSON, for comparison; ``None`` where it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None
