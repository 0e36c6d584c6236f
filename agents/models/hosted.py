"""One role's hosted model: a call within deadline, budget, breaker and price, its output validated."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from random import random
from time import monotonic
from typing import Final, TypeVar

import re2
from pydantic import BaseModel, ValidationError

from agents.models.breaker import Provider
from agents.models.budget import Ledger, Reservation, Scope, Spent
from agents.models.exchange import NO_OFFER, Answer, Gateway, Message, Offer, Request, ToolCall
from agents.models.failure import AnotherModel, CircuitOpen, Late, ModelFailure, Unavailable, Unusable
from agents.models.run import Call, Run
from agents.models.settings import ProviderSettings
from policies.manifest import Budget, Price, RoleModel

MOST_ATTEMPTS: Final = 3
_FIRST_PAUSE: Final = 0.2
_CHARACTERS_PER_TOKEN: Final = 2.5
"""On the low side for every script with spaces, so that what is set aside is on the high one."""
_FENCED: Final = re2.compile(r"(?s)^\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*$")
_DATED: Final = re2.compile(r"^[-@:_][\d.v-]+$")

Output = TypeVar("Output", bound=BaseModel)


@dataclass(slots=True)
class _Tally:
    """What the attempts of one call have come to."""

    attempts: int = 0
    maybe_billed: int = 0
    answer: Answer | None = None
    outcome: str = "ok"


@dataclass(frozen=True, slots=True)
class HostedModel:
    """Asks one model for one kind of output. Shared by all tickets of a version's role."""

    role: str
    model: RoleModel
    gateway: Gateway
    provider: Provider
    settings: ProviderSettings
    ledger: Ledger
    budget: Budget = field(default_factory=Budget)
    price: Price | None = None
    timer: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random

    async def ask(
        self, run: Run, messages: Sequence[Message], output: type[Output], *, share: float = 1.0
    ) -> Output:
        """The model's output, of the form asked for, by the model asked for. It is offered no tools.

        Args:
            run: whose call it is; the call is entered there whatever comes of it.
            messages: the conversation, redacted.
            output: what the JSON has to be; unknown keys, missing ones and odd numbers are refused.
            share: how much of the time that is left it may take, 0 to 1.

        Raises:
            ModelFailure: nothing that can be used; its ``code`` says why.

        """
        said = await self.turn(run, messages, output, share=share)
        if isinstance(said, tuple):
            raise Unusable("it calls tools, and was offered none")
        return said

    async def turn(
        self,
        run: Run,
        messages: Sequence[Message],
        output: type[Output],
        offer: Offer = NO_OFFER,
        *,
        share: float = 1.0,
    ) -> Output | tuple[ToolCall, ...]:
        """One turn of a conversation with tools: the output, or the calls it wants made before.

        A model may want what it was not offered; that is for the caller to refuse. Arguments and failures
        are those of ``ask``.
        """
        started, tally = self.timer(), _Tally()
        ends = started + (run.ends - started) * share
        reservation: Reservation | None = None
        try:
            scope = Scope(run.tenant, run.version, run.ticket_id)
            reservation = self.ledger.reserve(scope, self.budget, self._most(messages, offer))
            tally.answer = await self._answered(self._request(messages, offer), ends, tally)
            return self._judged(tally.answer, output)
        except ModelFailure as failure:
            tally.outcome = failure.code
            raise
        except BaseException:
            tally.outcome, tally.maybe_billed = "abandoned", tally.maybe_billed + 1
            raise
        finally:
            run.enter(self._entered(tally, started))
            if reservation is not None:
                self.ledger.settle(reservation, self._spent(tally, reservation.held))

    def _request(self, messages: Sequence[Message], offer: Offer) -> Request:
        return Request(
            self.model.name,
            messages,
            self.model.temperature,
            self.model.max_tokens,
            self.settings.base_url,
            self.settings.api_key,
            offer,
        )

    async def _answered(self, request: Request, ends: float, tally: _Tally) -> Answer:
        """Try until it answers, refuses, or waiting longer has no point."""

        async def send() -> Answer:
            tally.attempts += 1
            return await self.gateway.send(request)

        while True:
            try:
                left = ends - self.timer()
                if left <= 0:
                    raise Late("no time left to ask", billed=False, broken=False)
                return await self.provider.call(send, seconds=left)
            except CircuitOpen:
                raise
            except Unavailable as failure:
                tally.maybe_billed += failure.billed is None
                pause = self._pause(tally.attempts, failure.retry_after)
                if tally.attempts >= MOST_ATTEMPTS or self.timer() + pause >= ends:
                    raise
            except ModelFailure as failure:
                tally.maybe_billed += failure.billed is None
                raise
            await self.sleep(pause)

    def _pause(self, attempts: int, retry_after: float | None) -> float:
        """What the provider asks for; else doubling, spread so that callers do not come back together."""
        if retry_after is not None:
            return retry_after
        return _FIRST_PAUSE * 2.0 ** max(attempts - 1, 0) * (0.5 + self.jitter())

    def _judged(self, answer: Answer, output: type[Output]) -> Output | tuple[ToolCall, ...]:
        if not self._is_asked(answer.model):
            raise AnotherModel(f"{self.model.name} was asked, another model answered")
        if answer.finish_reason != "stop" and not (answer.calls and answer.finish_reason == "tool_calls"):
            raise Unusable("the answer was cut off or withheld")
        if answer.calls:
            return answer.calls
        fenced = _FENCED.match(answer.text)
        try:
            return output.model_validate_json(fenced.group(1) if fenced else answer.text)
        except ValidationError:
            raise Unusable("the answer is not of the form asked for") from None

    def _is_asked(self, answered: str) -> bool:
        """Whether the name that came back is the one that was asked for.

        A gateway may leave out what stands before a slash or a dot; an alias may come back with the date
        of its snapshot. Anything else is another model, a larger one of the same family too.
        """
        asked, came = self.model.name.lower(), answered.lower()
        expected = {asked, *(asked.split("/", at)[-1] for at in (1, 2)), asked.rsplit("/", 1)[-1]}
        if self.model.answers_as is not None:
            expected = {self.model.answers_as.lower()}
        names = {came, came.rsplit("/", 1)[-1]}
        if names & expected:
            return True
        return self.model.alias and any(
            name.startswith(one) and _DATED.match(name[len(one) :]) for name in names for one in expected
        )

    def _most(self, messages: Sequence[Message], offer: Offer) -> Spent:
        letters = sum(map(_letters, messages)) + sum(len(json.dumps(tool)) for tool in offer.tools)
        into = int(letters / _CHARACTERS_PER_TOKEN) + 50
        cost = self.cost(into, self.model.max_tokens)
        if cost is None and self.budget.in_money:
            cost = inf  # what nobody can price fits into no budget
        return Spent(into + self.model.max_tokens, cost or 0.0)

    def cost(self, into: int, out: int) -> float | None:
        """US dollars for so many tokens in and out; ``None`` where nobody says."""
        price = self.model.price or self.price
        if price is not None:
            million = 1_000_000
            into_usd = into * price.input_usd_per_million_tokens / million
            return into_usd + out * price.output_usd_per_million_tokens / million
        if self.settings.base_url is not None:
            return None  # the public list knows nothing of what answers there
        return self.gateway.price(self.model.name, into, out)

    def _entered(self, tally: _Tally, started: float) -> Call:
        answer = tally.answer
        told = answer is not None and answer.input_tokens is not None and answer.output_tokens is not None
        into = answer.input_tokens or 0 if answer else 0
        out = answer.output_tokens or 0 if answer else 0
        cost: float | None = 0.0
        if answer is not None:
            cost = self.cost(into, out) if told else None
        return Call(
            role=self.role,
            asked=self.model.name,
            answered=answer.model if answer else None,
            outcome=tally.outcome,
            attempts=tally.attempts,
            seconds=max(self.timer() - started, 0.0),
            input_tokens=into,
            output_tokens=out,
            cost_usd=None if tally.maybe_billed else cost,
        )

    def _spent(self, tally: _Tally, held: Spent) -> Spent:
        """What goes on the accounts: what was said, and what was set aside wherever nothing was."""
        spent = Spent()
        for _ in range(tally.maybe_billed):
            spent = spent.plus(held)
        if tally.answer is None:
            return spent
        into, out = tally.answer.input_tokens, tally.answer.output_tokens
        if into is None or out is None:
            return spent.plus(held)
        return spent.plus(Spent(into + out, self.cost(into, out) or 0.0))


def _letters(message: Message) -> int:
    """How much a message says, its calls of tools included."""
    calls = message.get("tool_calls")
    return len(message["content"] or "") + (len(json.dumps(calls)) if calls else 0)
