"""Agents with hosted models over a provider of our own, and a breaker whose clock is the test's."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_cases import knowledge, ticket, triaged
from model_server import MODEL, ModelServer

from agents.contract import Reply, Ticket, Toolset, Triage
from agents.models.access import ModelAccess
from agents.models.breaker import Breaker, State
from agents.models.gateway import LiteLLM
from agents.models.settings import ProviderSettings
from agents.pipeline import PipelineAgent
from agents.registry import build
from agents.tools import NO_TOOLS
from policies.manifest import AgentVersion

KEY = "sk-very-secret-0123456789"
KNOWN = knowledge()
MANIFEST = {
    "name": "hosted",
    "version": "1.0.0",
    "kind": "pipeline",
    "deadline": "20s",
    "models": {"resolution": {"name": f"openai/{MODEL}", "max_tokens": 200}},
    "knowledge": {"source": "helpdesk"},
    "thresholds": {"confidence": 0.5, "abstain": 0.3},
}

NO_END = 30.0
"""Seconds after which a test that hangs has failed."""


@dataclass
class House:
    """Versions over one provider, whose clock of the breaker is ours."""

    server: ModelServer
    runner: asyncio.Runner
    gateway: LiteLLM
    moment: float = 0.0
    folder: Path = Path()
    access: ModelAccess = field(init=False)

    def __post_init__(self) -> None:
        self.server.reset()
        self.access = ModelAccess(
            self.gateway,
            settings=lambda name: ProviderSettings(name, self.server.url, KEY, concurrency=8),
            breaker=lambda: Breaker(failures=5, pause=5.0, timer=lambda: self.moment),
        )

    def agent(self, **changes: Any) -> PipelineAgent:
        described = AgentVersion.model_validate({**MANIFEST, **changes})
        made = build(described, self.folder, sources={"helpdesk": KNOWN}, access=self.access)
        assert isinstance(made, PipelineAgent)
        return made

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def answer(
        self,
        agent: PipelineAgent | None = None,
        one: Ticket | None = None,
        read: Triage | None = None,
        tools: Toolset = NO_TOOLS,
        **changes: Any,
    ) -> Reply:
        asked = one or ticket("I forgot my password, how do I choose a new one?", **changes)

        async def in_time() -> Reply:
            async with asyncio.timeout(NO_END):
                return await (agent or self.agent()).answer(asked, read or triaged(), tools)

        reply = self.run(in_time())
        assert isinstance(reply, Reply)
        return reply

    @property
    def state(self) -> State:
        return self.access.providers["openai"].breaker.state


def calls(reply: Reply) -> list[Any]:
    """The model calls in a reply's trace."""
    return [step for step in reply.trace if step["step"] == "model"]
