"""The one place that knows litellm: a request in, an answer or a typed failure out.

litellm is loaded when the first hosted model is made, with everything off that would reach for the
network by itself. Its own retries, fallbacks, budgets and timeouts are not used: its ``timeout`` bounds
a single read, a body that drips keeps it waiting. What providers say in errors is never passed on.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from json import JSONDecodeError
from math import isfinite
from typing import Any, Final, Protocol

import httpx

from agents.models.draft import ModelUnavailable
from agents.models.failure import ModelFailure, Refused, Unavailable, Unusable

MOST_BYTES: Final = 1024 * 1024
"""Of one answer, as it comes over the wire."""
_NEVER: Final = 3600.0
"""litellm's own timeout. Constant, because it keeps one client for each value; ours is the deadline."""


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


class LiteLLM:
    """The providers that litellm knows. Belongs to the event loop in which it is first used."""

    def __init__(self) -> None:
        """Load the library: seconds of processor time, so before the first customer waits for it.

        Raises:
            ModelUnavailable: it is not installed.

        """
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else the import itself downloads a list
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # else counting tokens may fetch a tokenizer
        try:
            import litellm
        except ImportError:
            raise ModelUnavailable(
                "hosted models need the library litellm, which is not installed; "
                "install ridealong with its extra: pip install 'ridealong[llm]'"
            ) from None
        litellm.telemetry = False
        litellm.suppress_debug_info = True
        litellm.turn_off_message_logging = True
        litellm.disable_hf_tokenizer_download = True
        litellm.num_retries = None
        for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "openai", "httpx", "httpcore"):
            # Their records repeat requests, and with them texts and keys.
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._library: Any = litellm
        self._loop: asyncio.AbstractEventLoop | None = None
        self._warm_up()

    async def send(self, request: Request) -> Answer:
        self._bind()
        try:
            answer = await self._library.acompletion(
                model=request.model,
                messages=[dict(message) for message in request.messages],
                temperature=request.temperature,
                max_tokens=request.max_tokens,
                response_format={"type": "json_object"},
                api_base=request.base_url,
                api_key=request.api_key,
                drop_params=True,  # a provider without JSON mode is still told the form in words
                max_retries=0,
                num_retries=0,
                timeout=_NEVER,
            )
        except Exception as error:  # noqa: BLE001 - the library raises what its many providers raise
            failure = _failure(error)
        else:
            return _read(answer)
        raise failure

    def price(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        try:
            costs = self._library.cost_per_token(
                model=model, prompt_tokens=input_tokens, completion_tokens=output_tokens
            )
        except Exception:  # noqa: BLE001 - several kinds, all of which mean that it is not listed
            return None
        total = float(sum(costs))
        return total if isfinite(total) and total > 0 else None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._loop is not None:
            self._loop = None
            session, self._library.aclient_session = self._library.aclient_session, None
            self._library.in_memory_llm_clients_cache.flush_cache()
            await session.aclose()

    def _warm_up(self) -> None:
        """Have one answer made up in memory: the first call loads about as much again as the import."""

        def answer(_: httpx.Request) -> httpx.Response:
            message = {"role": "assistant", "content": "{}"}
            choices = [{"index": 0, "finish_reason": "stop", "message": message}]
            return httpx.Response(200, json={"id": "", "created": 0, "model": "m", "choices": choices})

        async def call() -> None:
            async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as session:
                self._library.aclient_session = session
                hello = [{"role": "user", "content": "hello"}]
                await self._library.acompletion(
                    model="openai/m", messages=hello, api_base="http://127.0.0.1:9", api_key="none"
                )

        with ThreadPoolExecutor(1) as beside:  # the caller may have an event loop of its own
            beside.submit(asyncio.run, call()).result()
        self._library.aclient_session = None
        self._library.in_memory_llm_clients_cache.flush_cache()

    def _bind(self) -> None:
        """Have OpenAI-compatible providers called through a client whose answers are bounded."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._library.in_memory_llm_clients_cache.flush_cache()
            self._library.aclient_session = httpx.AsyncClient(
                timeout=None,  # noqa: S113 - the caller's deadline ends it
                event_hooks={"response": [_bound]},
            )


async def _bound(response: httpx.Response) -> None:
    response.stream = _Bounded(response.stream)


class _TooLarge(Exception):
    """More came than anybody would read."""


class _Bounded(httpx.AsyncByteStream):
    """The body of a response, as far as it may go."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._stream:
            read += len(chunk)
            if read > MOST_BYTES:
                raise _TooLarge
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _read(answer: Any) -> Answer:
    """The parts of a completion that are used, taken on no trust.

    Raises:
        Unusable: no choice, no text, or fields of the wrong kind.

    """
    try:
        choices = answer.choices
        if not choices:
            raise Unusable("an answer without choices", broken=True)
        text, reason = choices[0].message.content, str(choices[0].finish_reason)
        usage = getattr(answer, "usage", None)
        told = (
            _count(getattr(usage, "prompt_tokens", None)),
            _count(getattr(usage, "completion_tokens", None)),
        )
        model = answer.model
    except (AttributeError, IndexError, TypeError):
        raise Unusable("an answer of another form", broken=True) from None
    if not isinstance(text, str) or not text:
        raise Unusable("an answer without text")
    if len(text) > MOST_BYTES:
        raise Unusable("an answer without end")
    known = any(told)  # nothing at all is what the library fills in when the provider does not say
    return Answer(text, str(model or ""), reason, told[0] if known else None, told[1] if known else None)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _failure(error: BaseException) -> ModelFailure:
    """What an exception of the library means, from its class, status and headers: never from its words."""
    causes = list(_causes(error))
    if any(isinstance(cause, _TooLarge) for cause in causes):
        return Unusable("an answer without end", broken=True)
    status = getattr(error, "status_code", None)
    kind = type(error).__name__
    if any(isinstance(cause, JSONDecodeError) for cause in causes):
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
    """Seconds, from the header of that name; ``None`` without one. A date is read as not given."""
    for headers in (
        getattr(error, "litellm_response_headers", None),
        getattr(getattr(error, "response", None), "headers", None),
    ):
        value = headers.get("retry-after") if headers is not None else None
        try:
            seconds = float(value) if value is not None else None
        except ValueError:
            seconds = None
        if seconds is not None and isfinite(seconds) and seconds >= 0:
            return seconds
    return None
