"""What litellm's answers and exceptions mean, taken on no trust and without repeating a word of them."""

from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any

from agents.models.exchange import MOST_BYTES, MOST_CALLS, Answer, ToolCall
from agents.models.failure import ModelFailure, Refused, Unavailable, Unusable
from agents.models.waiting import retry_after


class TooLarge(Exception):
    """More came than anybody would read."""


def read(answer: Any) -> Answer:
    """The parts of a completion that are used, taken on no trust.

    Raises:
        Unusable: no choice, no text, or fields of the wrong kind.

    """
    try:
        choices = answer.choices
        if not choices:
            raise Unusable("an answer without choices", broken=True)
        message, reason = choices[0].message, str(choices[0].finish_reason)
        text, calls = message.content, tuple(_calls(getattr(message, "tool_calls", None)))
        usage = getattr(answer, "usage", None)
        told = (
            _count(getattr(usage, "prompt_tokens", None)),
            _count(getattr(usage, "completion_tokens", None)),
        )
        model = answer.model
    except (AttributeError, IndexError, TypeError):
        raise Unusable("an answer of another form", broken=True) from None
    if calls:
        text = text if isinstance(text, str) else ""
    if not isinstance(text, str) or not (text or calls):
        raise Unusable("an answer without text")
    if len(text) > MOST_BYTES:
        raise Unusable("an answer without end")
    known = any(told)  # nothing at all is what the library fills in when the provider does not say
    tokens = told if known else (None, None)
    return Answer(text, str(model or ""), reason, *tokens, calls=calls)


def _calls(found: Any) -> Iterator[ToolCall]:
    """The tool calls of a message. One without a name or with arguments of another kind is one, too."""
    many = list(found or ())
    if len(many) > MOST_CALLS:
        raise Unusable("more tool calls than anybody means")
    for number, one in enumerate(many, start=1):
        asked = one.function
        call_id, name, arguments = one.id, asked.name, asked.arguments
        yield ToolCall(
            call_id if isinstance(call_id, str) and call_id else f"call{number:05d}",
            name if isinstance(name, str) else "",
            arguments if isinstance(arguments, str) else "",
        )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def failure_of(error: BaseException) -> ModelFailure:
    """What an exception of the library means, from its class, status and headers: never from its words."""
    causes = list(_causes(error))
    if any(isinstance(cause, TooLarge) for cause in causes):
        return Unusable("an answer without end", broken=True)
    status = getattr(error, "status_code", None)
    kind = type(error).__name__
    if any(isinstance(cause, JSONDecodeError | RecursionError) for cause in causes):
        return Unusable("an answer that is not JSON", broken=True)
    if status == 429:
        return Unavailable("too many requests", retry_after=_retry_after(error))
    if isinstance(status, int) and 400 <= status < 500 and status not in (408, 409):
        refused = Refused(f"the provider refused the request ({status})")
        refused.broken = status in (401, 402, 403, 404)  # of the account, not of this request
        return refused
    answered = getattr(error, "litellm_response_headers", None) is not None
    billed = False if answered else None
    return Unavailable(f"the provider failed ({kind})", retry_after=_retry_after(error), billed=billed)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _retry_after(error: BaseException) -> float | None:
    """Seconds the provider asks for, from whichever headers the library kept; ``None`` without any."""
    for headers in (
        getattr(error, "litellm_response_headers", None),
        getattr(getattr(error, "response", None), "headers", None),
    ):
        seconds = retry_after(headers)
        if seconds is not None:
            return seconds
    return None
