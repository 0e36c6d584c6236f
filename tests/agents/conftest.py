"""Makes the cases that the tests of agents and of handling share importable, and one provider for all."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "agents"))

import model_server
from hosting import House
from model_server import ModelServer

from agents.models.gateway import LiteLLM


@pytest.fixture(scope="session")
def server() -> Iterator[ModelServer]:
    with model_server.running() as made:
        yield made


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


REACHED: list[str] = []
"""Where loading the library wanted to go over the network."""


@pytest.fixture(scope="session")
def gateway(runner: asyncio.Runner) -> Iterator[LiteLLM]:
    """The real one: loading it takes seconds, once."""
    loading = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if loading and event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
            REACHED.append(f"{event} {arguments[1:]}")

    sys.addaudithook(watch)  # there is no way to take one off again
    made = LiteLLM()
    loading = False
    yield made
    runner.run(made.close())


@pytest.fixture
def reached(gateway: LiteLLM) -> list[str]:
    return REACHED


@pytest.fixture
def house(server: ModelServer, runner: asyncio.Runner, gateway: LiteLLM, tmp_path: Path) -> House:
    return House(server, runner, gateway, folder=tmp_path)
