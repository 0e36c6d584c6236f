"""The one place that calls litellm: a request in, an answer or a typed failure out.

litellm is loaded when the first hosted model is made, with everything off that would reach for the
network by itself. Its own retries, fallbacks, budgets and timeouts are not used: its ``timeout`` bounds
a single read, a body that drips keeps it waiting. What providers say in errors is never passed on.
"""

import asyncio
import logging
import os
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from threading import Lock
from typing import Any, Final

import httpx

from agents.models.connections import Connections
from agents.models.draft import ModelUnavailable
from agents.models.exchange import Answer, Request
from agents.models.reading import failure_of, read

_PREPARING: Final = Lock()
_NEVER: Final = 3600.0
"""litellm's own timeout. Constant, because it keeps one client for each value; ours is the deadline."""


class LiteLLM:
    """The providers that litellm knows. Several may be used in a process, in one event loop or more."""

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
        # It prepares each call in a thread; a deadline in that moment leaves behind what it prepared.
        warnings.filterwarnings("ignore", "coroutine '.*completion' was never awaited", RuntimeWarning)
        self._library: Any = litellm
        with _PREPARING:
            if not isinstance(litellm.aclient_session, Connections):
                self._warm_up()
                litellm.aclient_session = Connections()
            self._connections: Connections = litellm.aclient_session

    async def send(self, request: Request) -> Answer:
        self._connections.join(self)
        try:
            answer = await self._library.acompletion(
                model=request.model,
                messages=[dict(message) for message in request.messages],
                temperature=request.temperature,
                max_tokens=request.max_tokens,
                **_shape(request),
                api_base=request.base_url,
                api_key=request.api_key,
                drop_params=True,  # a provider without JSON mode is still told the form in words
                max_retries=0,
                num_retries=0,
                timeout=_NEVER,
            )
        except Exception as error:  # noqa: BLE001 - the library raises what its many providers raise
            failure = failure_of(error)
        else:
            return read(answer)
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
        """Let go of the running event loop's connections, unless another gateway calls through them."""
        await self._connections.leave(self)

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


def _shape(request: Request) -> Mapping[str, Any]:
    """What is said of the answer's form. JSON mode beside tools is refused by some providers."""
    tools, standing = request.offer
    if tools:
        return {"tools": [dict(tool) for tool in tools], "tool_choice": "auto" if standing else "none"}
    return {"response_format": {"type": "json_object"}}
