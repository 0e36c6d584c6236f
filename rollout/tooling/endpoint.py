"""Tools behind HTTP: a signed POST to one address, one JSON object back, no redirects.

The signature is ours of webhooks: ``Ridealong-Signature: t=SECONDS,v1=HEX``, HMAC-SHA256 over ``t.body``.
A 4xx says that nothing was done. A 5xx, a cut line or an answer that cannot be read leaves it open.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson

from agents.tools.refusals import OutcomeUnknown, ToolFailed
from policies.tools import ToolDeclaration
from rollout.clock import Clock
from rollout.notify.target import Forbidden, exchange
from rollout.tooling.secret import secret
from rollout.webhooks.signature import HEADER, signed

MOST_ANSWERED: Final = 256 * 1024
"""Bytes of an answer."""
IDEMPOTENCY: Final = "Idempotency-Key"


class Endpoint:
    """Calls tools of kind ``http``."""

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        self._environment = environment
        self._clock = clock

    async def __call__(
        self, tool: ToolDeclaration, arguments: Mapping[str, Any], key: str
    ) -> Mapping[str, Any]:
        told = tool.http
        assert told is not None
        body = orjson.dumps({"tool": tool.name, "arguments": arguments, "idempotency_key": key})
        proof = secret(self._environment, told.secret_env, tool.name)
        headers = {
            "Content-Type": "application/json",
            IDEMPOTENCY: hashlib.sha256(key.encode()).hexdigest(),
            HEADER: signed([proof.encode()], body, self._clock.now()),
        }
        try:
            answer = await exchange(
                told.url,
                body,
                headers,
                seconds=tool.timeout.total_seconds(),
                private=told.private,
                most=MOST_ANSWERED,
            )
        except Forbidden as error:
            raise ToolFailed(f"{tool.name}: {error}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ToolFailed(f"{tool.name}: nobody answers ({type(error).__name__})") from None
        except (TimeoutError, OSError, httpx.HTTPError) as error:
            raise OutcomeUnknown(f"{tool.name}: {type(error).__name__} after it was sent") from None
        return _read(tool.name, answer.status, answer.body)


def _read(tool: str, status: int, body: bytes) -> Mapping[str, Any]:
    if 400 <= status < 500:
        raise ToolFailed(f"{tool}: refused with status {status}")
    if not 200 <= status < 300 or len(body) > MOST_ANSWERED:
        raise OutcomeUnknown(f"{tool}: answered {status}, {len(body):,} bytes read")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise OutcomeUnknown(f"{tool}: answered {status} and no JSON object")
    return found
