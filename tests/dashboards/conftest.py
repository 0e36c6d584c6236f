"""A stand-in for the API: the same paths, canned answers, a real loopback port."""

import importlib.util
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

HERE = Path(__file__).parent


def _samples(name: str = "samples") -> Any:
    spec = importlib.util.spec_from_file_location(f"dashboard_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def samples() -> Any:
    return _samples()


@pytest.fixture(scope="session")
def desk() -> Any:
    """Answers of the desk's doors."""
    return _samples("desk_samples")


@dataclass
class StandIn:
    """What the stand-in answers; a test changes it before it looks."""

    samples: Any
    workflows: list[dict[str, Any]] = field(default_factory=list)
    gate: Any = None
    overview: Any = None
    me: Any = None
    path: Any = None
    what_if: Any = None
    incidents: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    papers: list[dict[str, Any]] = field(default_factory=list)
    refusal: dict[str, Any] | None = None
    orders: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    """By path: what any other door answers; a problem where it has a ``status`` of 400 and more."""
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What was posted to those doors."""
    looked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """What was asked of them, with the query."""
    url: str = ""

    def restore(self) -> None:
        self.workflows = [self.samples.workflow()]
        self.gate, self.overview = self.samples.gate(), self.samples.overview()
        self.me, self.path, self.what_if = self.samples.me(), self.samples.path(), self.samples.what_if()
        self.refusal = None
        self.orders, self.asked, self.papers, self.incidents = [], [], [], []
        self.answers, self.sent, self.looked = {}, [], []

    async def list_(self, _: Request) -> JSONResponse:
        return JSONResponse({"workflows": self.workflows})

    async def gate_(self, _: Request) -> JSONResponse:
        return JSONResponse(self.gate)

    async def me_(self, _: Request) -> JSONResponse:
        return JSONResponse(self.me, self.me.get("status", 200))

    async def path_(self, _: Request) -> JSONResponse:
        return JSONResponse(self.path)

    async def incidents_(self, request: Request) -> Response:
        if request.method == "POST":
            return await self.door_(request)
        return JSONResponse({"incidents": self.incidents})

    async def what_if_(self, request: Request) -> JSONResponse:
        self.papers.append(await request.json())
        return JSONResponse(self.what_if)

    async def overview_(self, request: Request) -> JSONResponse:
        self.asked.append(dict(request.query_params))
        if self.overview is None:
            body = {
                "title": "Reads are not available right now",
                "detail": "retry in a few seconds",
                "status": 503,
            }
            return JSONResponse(body, 503)
        return JSONResponse(self.overview)

    async def order_(self, request: Request) -> JSONResponse:
        self.orders.append((request.path_params["action"], await request.json()))
        if self.refusal:
            return JSONResponse(self.refusal, self.refusal["status"])
        return JSONResponse({"step": "sixty"})

    async def door_(self, request: Request) -> Response:
        path = request.url.path
        if request.method == "POST":
            self.sent.append((path, await request.json()))
        else:
            self.looked.append((path, dict(request.query_params)))
            state = request.query_params.get("state")
            path = f"{path}?{state}" if state else path
        found = self.answers.get(path)
        if found is None:
            return JSONResponse({"title": "Not there", "detail": f"no {path}", "status": 404}, 404)
        if isinstance(found, str):
            return Response(found, media_type="text/plain")
        status = found.get("status", 200)
        return JSONResponse(found, status if isinstance(status, int) else 200)


@pytest.fixture(scope="session")
def _serving(samples: Any) -> Iterator[StandIn]:
    stand_in = StandIn(samples)
    app = Starlette(
        routes=[
            Route("/v1/me", stand_in.me_),
            Route("/v1/incidents", stand_in.incidents_, methods=["GET", "POST"]),
            Route("/v1/plans/what-if", stand_in.what_if_, methods=["POST"]),
            Route("/v1/workflows", stand_in.list_),
            Route("/v1/workflows/{name}/path", stand_in.path_),
            Route("/v1/workflows/{name}/gate", stand_in.gate_),
            Route("/v1/metrics/overview", stand_in.overview_),
            Route("/v1/workflows/{name}/{action}", stand_in.order_, methods=["POST"]),
            Route("/{rest:path}", stand_in.door_, methods=["GET", "POST"]),
        ]
    )
    door = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    stand_in.url = f"http://127.0.0.1:{door.getsockname()[1]}"
    yield stand_in
    server.should_exit = True
    thread.join(10)
    door.close()


@pytest.fixture
def api(_serving: StandIn) -> StandIn:
    _serving.restore()
    return _serving
