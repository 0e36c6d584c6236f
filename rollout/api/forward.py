"""Reads belong to the analyst: the door hands them on and says so when nobody answers."""

from typing import Any, Final
from urllib.parse import quote

import httpx
import orjson
from starlette.requests import Request
from starlette.responses import Response

from rollout.api.inputs import Promotion
from rollout.api.problems import Refused, problem

TENANT: Final = "x-ridealong-tenant"
"""Header that tells the analyst whose data a read is about; nobody but the door can reach it."""
_TIMEOUT: Final = httpx.Timeout(30.0, connect=1.0)
_AWAY: Final = (
    "the analyst does not answer; tickets are still decided with the last split. It is started again "
    "automatically: retry in a few seconds, and see the server's log when this lasts"
)


class Analyst:
    """The analyst's face towards the door, over its private socket."""

    def __init__(self, socket: str) -> None:
        transport = httpx.AsyncHTTPTransport(uds=socket, limits=httpx.Limits(max_keepalive_connections=8))
        self._http = httpx.AsyncClient(
            transport=transport, base_url="http://analyst", timeout=_TIMEOUT, trust_env=False
        )

    async def forward(self, request: Request, tenant: str) -> Response:
        """The analyst's answer to a read about ``tenant``, as it is; 503 where there is none."""
        asked = str(httpx.QueryParams(str(request.query_params)).remove("tenant"))
        headers = {TENANT: tenant, "content-type": request.headers.get("content-type", "")}
        try:
            answer = await self._http.request(
                request.method,
                quote(request.scope["path"]),
                params=asked,
                headers=headers,
                content=await request.body(),
            )
        except httpx.HTTPError:
            return problem("unavailable", _AWAY)
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    async def promote(self, workflow: str, asked: Promotion) -> dict[str, Any]:
        """Have a promotion judged on the evidence of this moment, and recorded.

        Raises:
            Refused: the ladder does not allow it, or nobody is there to judge.

        """
        try:
            answer = await self._http.post(
                f"/internal/workflows/{quote(workflow)}/promote", json=asked.model_dump()
            )
        except httpx.HTTPError:
            raise Refused("unavailable", f"a promotion needs evidence, and {_AWAY}") from None
        body: dict[str, Any] = orjson.loads(answer.content)
        if answer.is_success:
            return body
        raise Refused(body["code"], body["detail"])

    async def position(self) -> int | None:
        """The journal position that its view has applied; None where it does not answer."""
        try:
            answer = await self._http.get("/internal/position", timeout=1.0)
            return int(answer.json()["position"])
        except (httpx.HTTPError, ValueError, KeyError):
            return None

    async def plans(self, tenant: str) -> dict[str, Any] | None:
        """How the files of the folder of plans stand; None where it does not answer."""
        try:
            answer = await self._http.get("/internal/plans", headers={TENANT: tenant}, timeout=1.0)
            return dict(orjson.loads(answer.content)) if answer.is_success else None
        except (httpx.HTTPError, ValueError):
            return None

    async def figures(self) -> dict[str, Any] | None:
        """What it tells whoever scrapes, of all tenants; None where it does not answer."""
        try:
            answer = await self._http.get("/internal/figures", timeout=1.0)
            return dict(orjson.loads(answer.content)) if answer.is_success else None
        except (httpx.HTTPError, ValueError):
            return None

    async def close(self) -> None:
        await self._http.aclose()
