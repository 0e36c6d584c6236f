"""OpenFeature's own SDKs and OFREP providers, against the real door on loopback: what people will install."""

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from policies.vocabulary import Mode
from rollout.ladder import actions
from rollout.ladder.state import TrackName
from rollout.ladder.transition import Order

HERE = Path(__file__).parent
DOCUMENT = (HERE.parents[1] / "docs" / "ofrep.md").read_text()
EASY = {"complexity": "simple", "urgency": "normal", "category": "billing"}


@dataclass
class Service:
    """A door as a stranger's SDK sees it: an address and a key."""

    world: Any
    url: str
    admin: str
    key: str

    @property
    def workflow(self) -> str:
        return str(self.world.plan.workflow)

    def new_key(self, **asked: Any) -> str:
        headers = {"authorization": f"Bearer {self.admin}"}
        made = self.world.http.post("/v1/keys", json={"role": "agent"} | asked, headers=headers)
        return str(made.json()["key"])


@pytest.fixture(scope="module")
def service(refusing: Any) -> Iterator[Service]:
    """Half of the simple tickets are the agent's, some of them the canary's; everybody shows a key."""
    shares = {
        "mode": Mode.LIVE,
        "weight": Decimal(60),
        "holdout": Decimal(10),
        "canary": "billing@2",
        "canary_weight": Decimal(40),
        "eligibility": {"complexity": ("simple",)},
    }

    def change(plan: Any, state: Any) -> Any:
        noted = actions.pause(plan, state, TrackName.LADDER, Order("ada", "look", refusing.clock.now()))
        return replace(noted, state=replace(state, shares=replace(state.shares, **shares)))

    refusing.standings.change("default", refusing.plan.workflow, change)
    whole = {"role": "admin", "actor": "ada"}
    admin = refusing.http.post("/v1/keys", json=whole, params={"tenant": "default"}).json()["key"]
    config = uvicorn.Config(refusing.app, log_level="critical", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        made = Service(refusing, f"http://127.0.0.1:{door.getsockname()[1]}", admin, "")
        made.key = made.new_key()
        yield made
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(service: Service) -> Iterator[OpenFeatureClient]:
    with using(service, service.key) as client:
        yield client


class using:  # noqa: N801 - reads as the function it is used as
    """The Python SDK with a key, put away afterwards."""

    def __init__(self, service: Service, key: str) -> None:
        self.provider = OFREPProvider(service.url, headers_factory=lambda: {"Authorization": f"Bearer {key}"})

    def __enter__(self) -> OpenFeatureClient:
        api.set_provider_and_wait(self.provider)
        return api.get_client()

    def __exit__(self, *_: object) -> None:
        api.clear_providers()
        self.provider.session.close()


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the JavaScript SDKs, as the lock beside this file names them by hash."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed; on Debian: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("openfeature")
    for path in (HERE / "openfeature").iterdir():
        shutil.copy(path, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install the JavaScript SDKs here: {done.stderr[-300:]}")
    return folder


def run(folder: Path, script: str, **asked: Any) -> Any:
    done = subprocess.run(
        ["node", script],
        cwd=folder,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def case(flag: str, fallback: Any, **context: Any) -> dict[str, Any]:
    return {"flag": flag, "fallback": fallback, "context": context}


def in_python(client: OpenFeatureClient, asked: dict[str, Any]) -> Any:
    """The details that the Python SDK gives of a case."""
    attributes = dict(asked["context"])
    context = EvaluationContext(attributes.pop("targetingKey", None), attributes)
    boolean = isinstance(asked["fallback"], bool)
    ask = client.get_boolean_details if boolean else client.get_string_details
    return ask(asked["flag"], asked["fallback"], context)


def cases(service: Service) -> list[dict[str, Any]]:
    units = [f"c-{number}" for number in range(12)]
    return [
        case(service.workflow + ending, fallback, targetingKey=unit, **context)
        for unit, (ending, fallback), context in itertools.product(
            units, (("", "human"), (".agent", False), (".version", "?")), (EASY, {"complexity": "complex"})
        )
    ]


def test_the_python_sdk_gets_the_routers_decision_with_its_reason(
    service: Service, client: OpenFeatureClient
) -> None:
    arms = set()
    for number in range(25):
        context = EvaluationContext(f"c-{number}", EASY)
        told = client.get_string_details(service.workflow, "fallback", context)
        routed = service.world.http.post(
            "/v1/route",
            json=service.world.ticket(number, **EASY),
            headers={"authorization": f"Bearer {service.admin}"},
        ).json()
        assert told.error_code is None
        assert told.value == told.variant == routed["arm"]
        assert told.reason == Reason.SPLIT
        assert told.flag_metadata["bucket"] == routed["bucket"]
        assert told.flag_metadata["plan_digest"] == routed["plan_digest"]
        answers = client.get_boolean_value(
            f"{service.workflow}.agent", default_value=True, evaluation_context=context
        )
        assert answers is (routed["arm"] != "human")
        version = client.get_string_value(f"{service.workflow}.version", "fallback", context)
        assert version == (routed["version"] or "")
        arms.add(told.value)
    assert arms == {"human", "agent", "canary"}


REFUSED = [
    ({"flag": "nope"}, ErrorCode.FLAG_NOT_FOUND),
    ({"context": {}}, ErrorCode.TARGETING_KEY_MISSING),
    ({"context": {"targetingKey": "c", "tier": 3}}, ErrorCode.INVALID_CONTEXT),
    ({"context": {"targetingKey": "c"}, "fallback": True}, ErrorCode.TYPE_MISMATCH),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED, ids=[code.value for _, code in REFUSED])
def test_the_python_sdk_says_why_it_fell_back(
    service: Service, client: OpenFeatureClient, changes: dict[str, Any], code: ErrorCode
) -> None:
    asked = case(service.workflow, "human", targetingKey="c") | changes
    told = in_python(client, asked)
    assert (told.value, told.reason, told.error_code) == (asked["fallback"], Reason.ERROR, code)


def test_who_shows_a_wrong_key_falls_back(service: Service) -> None:
    with using(service, "rk_wrong_key") as client:
        told = in_python(client, case(service.workflow, "human", targetingKey="c"))
    assert (told.value, told.error_code, told.error_message) == ("human", ErrorCode.GENERAL, "unauthorized")


def test_who_asks_too_often_is_paused_by_the_provider_for_as_long_as_the_server_says(
    service: Service,
) -> None:
    asked = case(service.workflow, "fallback", targetingKey="c", **EASY)
    with using(service, service.new_key(rate=0.01)) as client:
        first, second, third = (in_python(client, asked) for _ in range(3))
    assert first.error_code is None
    assert "Rate limited" in str(second.error_message)
    assert "paused" in str(third.error_message), "it did not even ask"


def test_both_sdks_say_the_same_of_everybody(
    service: Service, client: OpenFeatureClient, javascript: Path
) -> None:
    asked = cases(service)
    answers = run(javascript, "ask.mjs", url=service.url, key=service.key, cases=asked)
    assert {answer["value"] for answer in answers} >= {"human", "agent", "canary", True, False, ""}
    for one, answer in zip(asked, answers, strict=True):
        told = in_python(client, one)
        assert "errorCode" not in answer, answer
        assert (answer["value"], answer["variant"]) == (told.value, told.variant)
        assert (answer["reason"], answer["flagMetadata"]) == (str(told.reason), told.flag_metadata)


def test_the_javascript_sdk_says_why_it_fell_back(service: Service, javascript: Path) -> None:
    asked = [case(service.workflow, "human", targetingKey="c") | changes for changes, _ in REFUSED]
    answers = run(javascript, "ask.mjs", url=service.url, key=service.key, cases=asked)
    assert [answer["errorCode"] for answer in answers] == [code.value for _, code in REFUSED]
    assert [answer["value"] for answer in answers] == [one["fallback"] for one in asked]
    (refused,) = run(javascript, "ask.mjs", url=service.url, key="rk_wrong_key", cases=asked[:1])
    assert (refused["value"], refused["reason"]) == ("human", "ERROR")


def test_a_static_context_client_is_told_what_is_new_and_only_that(
    service: Service, javascript: Path
) -> None:
    """It keeps its entity tag when only an attribute changes; the tag must not match then."""
    units = (f"c-{number}" for number in itertools.count())
    with using(service, service.key) as client:
        agents = next(
            unit
            for unit in units
            if in_python(client, case(service.workflow, "?", targetingKey=unit, **EASY)).value == "agent"
        )
    contexts = [
        {"targetingKey": agents} | EASY | {"complexity": word} for word in ("simple", "complex", "simple")
    ]
    seen = run(
        javascript, "watch.mjs", url=service.url, key=service.key, flag=service.workflow, contexts=contexts
    )
    assert [each["value"] for each in seen] == ["agent", "human", "agent"]
    for each in seen:
        assert 200 in each["statuses"], "the first answer for this context"
        assert each["statuses"][-3:] == [304, 304, 304], "and none again while nothing changes"


def snippet(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(found)


def told_by(service: Service, command: list[str], folder: Path) -> list[str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "RIDEALONG_API_KEY": service.key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.lower().split()


def test_the_documents_snippets_work_as_they_stand(
    service: Service, client: OpenFeatureClient, javascript: Path
) -> None:
    context = EvaluationContext("customer-17", {"complexity": "simple", "urgency": "normal"})
    arm = client.get_string_value("tier1-support", "fallback", context)
    answers = client.get_boolean_value("tier1-support.agent", default_value=False, evaluation_context=context)
    for language, name, command in (("python", "flags.py", sys.executable), ("js", "flags.mjs", "node")):
        text = snippet(language).replace("http://127.0.0.1:8000", service.url)
        assert service.url in text
        (javascript / name).write_text(text)
        assert told_by(service, [command, name], javascript) == [arm, str(answers).lower()], language
