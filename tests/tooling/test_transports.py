"""Tools are called as declared, signed, in time, at the one address; whatever else is refused or unknown."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from agents.tools.refusals import OutcomeUnknown, ToolFailed
from policies.tools import ToolCatalogue
from rollout.clock import SystemClock
from rollout.tooling.helpdesk import SECRET, Helpdesk, create_app, create_mcp
from rollout.tooling.toolbox import Toolbox

KEPT = "a secret of the tests"
ORDER = {"customer_id": "c-1", "order_id": "ORD-1001"}
REFUND = ORDER | {"amount_usd": 5.5, "reason": "late"}


class Server:
    """One real server for all transports."""

    def __init__(self) -> None:
        self.desk = Helpdesk()
        self.url = ""
        self.hits: list[Mapping[str, str]] = []

    async def misbehave(self, request: Request) -> Response:
        self.hits.append(dict(request.headers))
        how = request.path_params["how"]
        if how == "slow":
            await asyncio.sleep(1)
        return {
            "redirect": RedirectResponse("http://127.0.0.1:1/elsewhere", 307),
            "broken": Response(b"{}", 500),
            "garbage": Response(b"<html>", 200),
            "list": Response(b"[1]", 200),
            "huge": Response(b'{"x":"' + b"y" * 400_000 + b'"}', 200),
            "no": Response(b"{}", 403),
        }.get(how, Response(b"{}"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    mcp = create_mcp(made.desk).streamable_http_app()
    app = Starlette(
        routes=[
            Route("/bad/{how}", made.misbehave, methods=["POST"]),
            Mount("/desk", create_app(made.desk, KEPT)),
            Mount("/", mcp),
        ],
        lifespan=lambda _: mcp.router.lifespan_context(mcp),
    )
    door = socket.create_server(("127.0.0.1", 0))
    made.url = f"http://127.0.0.1:{door.getsockname()[1]}"
    running = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [door]})
    thread.start()
    while not running.started:
        time.sleep(0.005)
    yield made
    running.should_exit = True
    thread.join()
    door.close()


@pytest.fixture
def desk(server: Server) -> Helpdesk:
    server.desk.__init__()  # type: ignore[misc]
    server.hits.clear()
    return server.desk


def toolbox(block: Mapping[str, Any], secret: str = KEPT, **more: Any) -> Toolbox:
    """A toolbox of one tool, ``refund``, reached as the block says."""
    kind = next(iter(block))
    tool = {
        "name": "refund",
        "kind": kind,
        "authority": "write",
        "description": "Money back.",
        "arguments": {"type": "object", "additionalProperties": False, "properties": {}},
        **block,
        **more,
    }
    catalogue = ToolCatalogue.model_validate({"tools": [tool]})
    return Toolbox(catalogue, environment={SECRET: secret, "PATH": "/usr/bin"}, clock=SystemClock())


def http(url: str, *, private: bool = True, **more: Any) -> dict[str, Any]:
    return {"http": {"url": url, "secret_env": SECRET, "private": private}, **more}


def call(box: Toolbox, arguments: Mapping[str, Any] = REFUND, key: str = "k-1") -> Mapping[str, Any]:
    return asyncio.run(box("refund", arguments, key))


def transports(server: Server) -> dict[str, Mapping[str, Any]]:
    return {
        "http": http(f"{server.url}/desk/tools/refund"),
        "mcp": {"mcp": {"url": f"{server.url}/mcp", "private": True}},
    }


@pytest.mark.parametrize("kind", ["http", "mcp"])
def test_a_call_arrives_as_it_was_sent_and_once_per_key(server: Server, desk: Helpdesk, kind: str) -> None:
    box = toolbox(transports(server)[kind])
    first = call(box)
    assert (first["order_id"], first["refunded_usd"]) == ("ORD-1001", "5.5")
    assert call(box) == first
    assert desk.journal == [("refund", REFUND)]
    call(box, key="k-2")
    assert len(desk.journal) == 2


@pytest.mark.parametrize("kind", ["http", "mcp"])
def test_what_the_desk_refuses_has_changed_nothing(server: Server, desk: Helpdesk, kind: str) -> None:
    with pytest.raises(ToolFailed):
        call(toolbox(transports(server)[kind]), REFUND | {"customer_id": "c-2"})
    assert desk.journal == []


def test_an_mcp_error_that_says_nothing_more_leaves_it_open(server: Server, desk: Helpdesk) -> None:
    with pytest.raises(OutcomeUnknown):
        call(toolbox({"mcp": {"url": f"{server.url}/mcp", "private": True, "tool": "no_such"}}))


def test_an_mcp_server_may_be_a_command(server: Server) -> None:
    command = [sys.executable, "-m", "rollout.tooling.helpdesk", "--mcp"]
    box = toolbox({"mcp": {"command": command}}, timeout="30s")
    assert call(box)["refunded_usd"] == "5.5"


def test_a_wrong_secret_is_refused_by_the_desk(server: Server, desk: Helpdesk) -> None:
    with pytest.raises(ToolFailed, match="401"):
        call(toolbox(transports(server)["http"], "another secret"))
    assert desk.journal == []


def test_without_a_secret_nothing_is_sent(server: Server, desk: Helpdesk) -> None:
    with pytest.raises(ToolFailed, match=SECRET):
        call(toolbox(http(f"{server.url}/bad/fine"), ""))
    assert server.hits == []


@pytest.mark.parametrize("how", ["redirect", "broken", "garbage", "list", "huge"])
def test_an_answer_that_is_none_leaves_open_what_was_done(server: Server, desk: Helpdesk, how: str) -> None:
    with pytest.raises(OutcomeUnknown):
        call(toolbox(http(f"{server.url}/bad/{how}")))
    assert len(server.hits) == 1


def test_an_answer_in_the_four_hundreds_says_that_nothing_was_done(server: Server, desk: Helpdesk) -> None:
    with pytest.raises(ToolFailed, match="403"):
        call(toolbox(http(f"{server.url}/bad/no")))


def test_an_answer_that_does_not_come_in_time_leaves_it_open(server: Server, desk: Helpdesk) -> None:
    with pytest.raises(OutcomeUnknown, match="TimeoutError"):
        call(toolbox(http(f"{server.url}/bad/slow"), timeout="0.2s"))


def test_nobody_there_means_that_nothing_was_sent() -> None:
    with pytest.raises(ToolFailed, match="ConnectError"):
        call(toolbox(http("http://127.0.0.1:1/x")))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://localhost:9/x", "http://[::1]:9/x", "http://0.0.0.0/x"]
)
@pytest.mark.parametrize("kind", ["http", "mcp"])
def test_a_private_address_is_asked_only_where_that_is_allowed(url: str, kind: str) -> None:
    block = http(url, private=False) if kind == "http" else {"mcp": {"url": url}}
    with pytest.raises(ToolFailed, match="private network"):
        call(toolbox(block))


def test_the_key_of_a_call_is_the_same_header_every_time(server: Server, desk: Helpdesk) -> None:
    box = toolbox(http(f"{server.url}/bad/fine"))
    for key in ("default:t-Ü\n:1", "default:t-Ü\n:1", "other"):
        call(box, key=key)
    keys = [hit["idempotency-key"] for hit in server.hits]
    assert keys[0] == keys[1] != keys[2]


def plain(arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return {"got": arguments["order_id"], "key": key}


async def patient(arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    await asyncio.sleep(5)
    return {}


async def wrong(arguments: Mapping[str, Any], key: str) -> Any:
    return "done"


def function(name: str, **more: Any) -> Toolbox:
    sys.modules["tools_of_the_tests"] = sys.modules[__name__]
    return toolbox({"python": {"function": f"tools_of_the_tests:{name}"}}, **more)


def test_a_python_function_is_a_tool() -> None:
    assert call(function("plain")) == {"got": "ORD-1001", "key": "k-1"}


def test_a_function_that_is_not_there_changes_nothing() -> None:
    with pytest.raises(ToolFailed):
        call(function("absent"))


@pytest.mark.parametrize(("name", "error"), [("patient", TimeoutError), ("wrong", TypeError)])
def test_a_function_that_is_late_or_answers_nonsense_leaves_it_open(name: str, error: type) -> None:
    with pytest.raises(error):
        call(function(name, timeout="0.05s"))


def test_a_tool_that_is_denied_is_not_there_either() -> None:
    box = function("plain")
    box._catalogue = box._catalogue.model_copy(update={"deny": ["ref*"]})
    with pytest.raises(ToolFailed, match="no tool"):
        call(box)
