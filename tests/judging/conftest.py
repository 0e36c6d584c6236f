"""The provider of the agents' tests, and what they make of it, for the judge."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "agents"))

import model_server
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
    made = LiteLLM()
    yield made
    runner.run(made.close())
