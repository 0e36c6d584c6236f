"""The line between the process that owns the journal and the one that holds the tools' secrets.

One call per request. Only an answer that says so means that nothing has changed.
"""

from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agents.tools.refusals import OutcomeUnknown, ToolFailed
from rollout.approvals.gate import Runs

_CALL: Final = "/call"


class RemoteToolbox:
    """The tools of another process."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def __call__(self, tool: str, arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """What the tool answers.

        Raises:
            ToolFailed: nothing has changed.
            OutcomeUnknown: nobody knows.

        """
        body = orjson.dumps({"tool": tool, "arguments": arguments, "key": key})
        try:
            answer = await self._http.post(_CALL, content=body)
            told = orjson.loads(answer.content)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ToolFailed("the tools' process is away") from error
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise OutcomeUnknown(f"the line to the tools broke ({type(error).__name__})") from None
        if "answer" in told:
            return dict(told["answer"])
        failure = ToolFailed if "failed" in told else OutcomeUnknown
        raise failure(str(told.get("failed") or told.get("unknown") or answer.status_code))


def create_app(toolbox: Runs) -> Starlette:
    """The tools' process as an application, on a private socket."""

    async def call(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        told: dict[str, Any]
        try:
            told = {"answer": await toolbox(asked["tool"], asked["arguments"], asked["key"])}
            body = orjson.dumps(told)
        except ToolFailed as error:
            body = orjson.dumps({"failed": str(error)})
        except OutcomeUnknown as error:
            body = orjson.dumps({"unknown": str(error)})
        except Exception as error:  # noqa: BLE001 (whatever a tool does, the next one is called)
            body = orjson.dumps({"unknown": type(error).__name__})
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route(_CALL, call, methods=["POST"])])
