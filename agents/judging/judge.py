"""Two replies compared by a model, in both orders: what it only says in one of them, it does not say.

A judge that prefers whatever stands first contradicts itself when the sides are swapped; then the pair is a
tie and counts as inconsistent (Zheng et al. 2023, "Judging LLM-as-a-Judge", section 3.4).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.judging.pair import Pair
from agents.models.hosted import HostedModel
from agents.models.run import Run
from agents.pii import Vault
from agents.roles.prompting import messages

ROLE: Final = "judge"
CRITERIA: Final = ("accuracy", "tone", "policy", "escalation")
PREFIX: Final = "judge:"
"""How judges' names as raters begin. People's begin with ``human:``."""
RUBRIC: Final = Path(__file__).with_name("rubric.md")
_LONGEST: Final = 8_000

Mark = Annotated[int, Field(ge=0, le=1)]
Preference = Literal["agent", "human", "tie"]


class _Output(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Marks(_Output):
    """One reply by itself: 1 good, 0 bad."""

    accuracy: Mark
    tone: Mark
    policy: Mark
    escalation: Mark


class JudgeOutput(_Output):
    """What the model has to answer with."""

    because: str = Field(min_length=1, max_length=600)
    """Written before the marks, so that they follow from it."""
    a: Marks
    b: Marks
    better: Literal["A", "B", "tie"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of a pair, both orders taken together."""

    preferred: Preference
    consistent: bool
    """Whether both orders named the same side, or both a tie."""
    agent: dict[str, float | None]
    """Marks by criterion: 1, 0, or None where the orders differ."""
    human: dict[str, float | None]
    seconds: float
    cost_usd: float | None
    """Of both calls; ``None`` where unknown."""
    tokens: int
    because: tuple[str, str]
    """Its words, the agent's reply standing first and second. They may repeat the replies'."""


@dataclass(frozen=True, slots=True)
class Judge:
    """One model with one rubric. ``rater`` names both: another model or rubric is another rater."""

    model: HostedModel
    rubric: str
    deadline: float = 60.0
    """Seconds for both orders of a pair."""
    timer: Callable[[], float] = monotonic

    @property
    def rater(self) -> str:
        """``judge:MODEL#DIGEST``, the digest over rubric, model and its settings."""
        settings = self.model.model.model_dump_json(exclude={"price"})
        digest = hashlib.sha256(f"{settings}\x00{self.rubric}".encode()).hexdigest()[:12]
        return f"{PREFIX}{self.model.model.name}#{digest}"

    async def compare(self, pair: Pair) -> Verdict:
        """Judge a pair.

        Raises:
            ModelFailure: one of the two orders has no usable answer; then there is no verdict.

        """
        started = self.timer()
        run = Run(pair.tenant, self.rater, pair.ticket_id, started, started + self.deadline, "en")
        first = await self.model.ask(run, self._asked(pair, run.vault, swapped=False), JudgeOutput, share=0.5)
        second = await self.model.ask(run, self._asked(pair, run.vault, swapped=True), JudgeOutput)
        sides = (_preferred(first, swapped=False), _preferred(second, swapped=True))
        costs = [call.cost_usd for call in run.calls]
        known = [cost for cost in costs if cost is not None]
        return Verdict(
            preferred=sides[0] if sides[0] == sides[1] else "tie",
            consistent=sides[0] == sides[1],
            agent=_both(first.a, second.b),
            human=_both(first.b, second.a),
            seconds=self.timer() - started,
            cost_usd=sum(known) if len(known) == len(costs) else None,
            tokens=sum(call.input_tokens + call.output_tokens for call in run.calls),
            because=(first.because, second.because),
        )

    def _asked(self, pair: Pair, vault: Vault, *, swapped: bool) -> list[dict[str, str]]:
        replies = [pair.agent.shown(), pair.human.shown()]
        if swapped:
            replies.reverse()
        material = {
            "customer": _redacted(pair.question, vault),
            "passages": [_redacted(one, vault) for one in pair.passages[:5]],
            "A": _redacted(replies[0], vault),
            "B": _redacted(replies[1], vault),
        }
        return [dict(message) for message in messages(self.rubric, JudgeOutput, material)]


def rubric() -> str:
    """The rubric that comes with the product."""
    return RUBRIC.read_text(encoding="utf-8")


def _redacted(text: str, vault: Vault) -> str:
    return vault.redact(text[:_LONGEST])


def _preferred(output: JudgeOutput, *, swapped: bool) -> Preference:
    if output.better == "tie":
        return "tie"
    return "agent" if (output.better == "A") != swapped else "human"


def _both(one: Marks, other: Marks) -> dict[str, float | None]:
    marks = {name: (getattr(one, name), getattr(other, name)) for name in CRITERIA}
    return {name: float(first) if first == second else None for name, (first, second) in marks.items()}
