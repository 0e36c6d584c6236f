"""One answer under way: whose it is, until when it may take, and what its model calls have come to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.contract import Usage
from agents.models.failure import AnotherModel
from agents.pii import Vault


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a hosted model as it is traced: figures and names, never a text."""

    role: str
    asked: str
    """The model's name in the manifest."""
    answered: str | None
    """The name the provider gave; ``None`` where nothing answered."""
    outcome: str
    """``ok``, or the code of what went wrong."""
    attempts: int
    """Requests sent; 0 where the breaker or a budget stopped it before."""
    seconds: float
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """``None``: unknown, because of the price or because a call that failed may be billed."""

    def traced(self) -> Mapping[str, Any]:
        return {"step": "model", **{name: getattr(self, name) for name in self.__slots__}}


@dataclass(slots=True)
class Run:
    """Mutable, of one ``answer`` only; nothing in it outlives the reply."""

    tenant: str
    version: str
    ticket_id: str
    started: float
    ends: float
    """Moments of the same monotonic timer; a call that would end later is not waited for."""
    language: str
    """Primary subtag the reply has to be in, e.g. ``en``."""
    vault: Vault = field(default_factory=Vault)
    calls: list[Call] = field(default_factory=list)
    steps: list[Mapping[str, Any]] = field(default_factory=list)
    """What was called, models and tools, in order: for the trace."""

    def enter(self, call: Call) -> None:
        """Take in what a call of a model came to."""
        self.calls.append(call)
        self.steps.append(call.traced())

    @property
    def failed(self) -> bool:
        """Whether the last call gave nothing: asking once more would only take time."""
        return bool(self.calls) and self.calls[-1].outcome != "ok"

    @property
    def stranger(self) -> bool:
        """Whether a model that was not asked has answered anywhere in this run."""
        return any(call.outcome == AnotherModel.code for call in self.calls)

    def usage(self, draft: Usage) -> Usage:
        """What all calls came to, and what a model of this process says of its own.

        ``model`` is the one that wrote the draft, else the last that answered.
        """
        if not self.calls:
            return draft
        known = [call.cost_usd for call in self.calls if call.cost_usd is not None]
        whole = len(known) == len(self.calls) and draft.cost_usd is not None
        answered = [call.answered for call in self.calls if call.answered]
        writers = [call.answered for call in self.calls if call.role == "resolution" and call.answered]
        return Usage(
            input_tokens=sum(call.input_tokens for call in self.calls),
            output_tokens=sum(call.output_tokens for call in self.calls),
            cost_usd=sum(known) + (draft.cost_usd or 0.0) if whole else None,
            seconds=sum(call.seconds for call in self.calls),
            model=next(iter(writers), draft.model or next(iter(answered[-1:]), None)),
        )
