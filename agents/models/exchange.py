"""What is sent to a hosted model and what comes back, whatever library carries it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

MOST_BYTES: Final = 1024 * 1024
"""Of one answer, as it comes over the wire."""


@dataclass(frozen=True, slots=True)
class Request:
    """One chat completion."""

    model: str
    messages: Sequence[Mapping[str, str]]
    temperature: float
    max_tokens: int
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, unjudged. Tokens are ``None`` where the provider does not say."""

    text: str
    model: str
    finish_reason: str
    input_tokens: int | None
    output_tokens: int | None


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
