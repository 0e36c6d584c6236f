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


@pytest.fixture(scope="session")
def gateway(runner: asyncio.Runner) -> Iterator[LiteLLM]:
    """The real one: loading it takes seconds, once."""
    made = LiteLLM()
    yield made
    runner.run(made.close())


@pytest.fixture
def house(server: ModelServer, runner: asyncio.Runner, gateway: LiteLLM, tmp_path: Path) -> House:
    return House(server, runner, gateway, folder=tmp_path)
