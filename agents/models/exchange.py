"""What is sent to a hosted model and what comes back, whatever library carries it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

MOST_BYTES: Final = 1024 * 1024
"""Of one answer, as it comes over the wire."""


MOST_CALLS: Final = 64
"""Of tools in one answer; nobody means more."""

Message = Mapping[str, Any]
"""One of a conversation, as OpenAI's chat completions have it."""


class ToolCall(NamedTuple):
    """A call that a model asks for. It is on no trust: all three are whatever the model wrote."""

    call_id: str
    """The provider's name for it, which the result is sent back under."""
    name: str
    arguments: str
    """JSON, if the model kept to it."""


class Offer(NamedTuple):
    """Tools that a model may call, as chat completions describe functions."""

    tools: Sequence[Mapping[str, Any]] = ()
    standing: bool = True
    """False where they are named only because earlier messages name them."""


NO_OFFER: Final = Offer()


@dataclass(frozen=True, slots=True)
class Request:
    """One chat completion."""

    model: str
    messages: Sequence[Message]
    temperature: float
    max_tokens: int
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    offer: Offer = NO_OFFER


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, unjudged. Tokens are ``None`` where the provider does not say."""

    text: str
    model: str
    finish_reason: str
    input_tokens: int | None
    output_tokens: int | None
    calls: tuple[ToolCall, ...] = ()
    """Tools it wants called before it answers; what else it says then is no answer."""


class Gateway(Protocol):
    """What sends requests. One implementation calls providers, tests bring their own."""

    async def send(self, request: Request) -> Answer:
        """Answer one request, without trying twice and without a time limit of its own.

        Raises:
            ModelFailure: of the kind that tells what to do about it.

        """
        ...

    def price(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars by the public list; ``None`` where it does not know the model."""
        ...
