"""One contender of ``decide.py`` as a process: asks for nothing, answers ``go`` lines with its time.

    python decide_arms.py NAME < orders > answers

Every contender gives five percent of customers to the agent, and only tickets in German by e-mail are
eligible; all that are asked about are. It answers JSON lines: first ``{"ready": …}``, then for each line
of ``N`` decisions ``{"seconds": …, "cpu": …, "share": …}``.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FLAG = "tier1"
PERCENT = 5
ATTRIBUTES: dict[str, str | None] = {"language": "de", "channel": "email"}
LANGUAGES = ("de", "at", "ch")
Contender = Callable[[str], bool]
"""A customer to whether the agent has them."""


def hashed() -> Contender:
    """The floor: one SHA-256 of the same key, read as a number."""
    number = int.from_bytes
    bound = PERCENT * 2**64 // 100
    return lambda unit: number(sha256(f"salt:exposure:{unit}".encode()).digest()[:8], "big") < bound


def sha() -> Contender:
    """One SHA-256 of the key and nothing else; its share means nothing."""
    return lambda unit: not sha256(unit.encode()).digest()


def ridealong() -> Contender:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from policies.vocabulary import Mode
    from rollout.assign.assigner import Assigner
    from rollout.assign.split import Split

    split = Split(
        workflow=FLAG,
        step="five",
        mode=Mode.LIVE,
        weight=Decimal(PERCENT),
        canary_weight=Decimal(0),
        holdout=Decimal(5),
        stable="resolution@1.2.0",
        salt="tier1-2026",
        eligibility={"language": frozenset(LANGUAGES), "channel": frozenset({"email"})},
    )
    decide = Assigner(split).decide
    return lambda unit: decide(unit, ATTRIBUTES).arm == "agent"


def growthbook() -> Contender:
    from growthbook import GrowthBook

    condition = {"language": {"$in": list(LANGUAGES)}, "channel": "email"}
    rule = {"condition": condition, "force": True, "coverage": PERCENT / 100, "hashAttribute": "id"}
    client = GrowthBook(features={FLAG: {"defaultValue": False, "rules": [rule]}})

    def decide(unit: str) -> bool:
        client.set_attributes({"id": unit, **ATTRIBUTES})
        return bool(client.is_on(FLAG))

    return decide


def launchdarkly() -> Contender:
    import ldclient
    from ldclient import Context
    from ldclient.config import Config
    from ldclient.integrations import Files

    def clause(attribute: str, values: list[str]) -> dict[str, Any]:
        return {
            "contextKind": "user",
            "attribute": attribute,
            "op": "in",
            "values": values,
            "negate": False,
        }

    flag = {
        "key": FLAG,
        "on": True,
        "salt": "tier1",
        "version": 1,
        "variations": [True, False],
        "offVariation": 1,
        "fallthrough": {"variation": 1},
        "rules": [
            {
                "id": "eligible",
                "clauses": [clause("language", list(LANGUAGES)), clause("channel", ["email"])],
                "rollout": {
                    "variations": [
                        {"variation": 0, "weight": PERCENT * 1000},
                        {"variation": 1, "weight": 100_000 - PERCENT * 1000},
                    ]
                },
            }
        ],
    }
    path = Path(tempfile.mkdtemp()) / "flags.json"
    path.write_text(json.dumps({"flags": {FLAG: flag}}), encoding="utf-8")
    config = Config(
        "sdk-key", update_processor_class=Files.new_data_source(paths=[str(path)]), send_events=False
    )
    client = ldclient.LDClient(config)

    def decide(unit: str) -> bool:
        context = Context.builder(unit).set("language", "de").set("channel", "email").build()
        return bool(client.variation(FLAG, context, default=False))

    return decide


def unleash() -> Contender:
    from UnleashClient import UnleashClient
    from UnleashClient.cache import FileCache

    strategy = {
        "name": "flexibleRollout",
        "parameters": {"rollout": str(PERCENT), "stickiness": "userId", "groupId": FLAG},
        "constraints": [
            {"contextName": "language", "operator": "IN", "values": list(LANGUAGES)},
            {"contextName": "channel", "operator": "IN", "values": ["email"]},
        ],
    }
    feature = {"name": FLAG, "type": "release", "enabled": True, "strategies": [strategy]}
    cache = FileCache("decide", directory=tempfile.mkdtemp())
    cache.bootstrap_from_dict({"version": 2, "features": [feature]})
    client = UnleashClient(
        "http://127.0.0.1:9/api", "decide", cache=cache, disable_metrics=True, disable_registration=True
    )
    client.initialize_client(fetch_toggles=False)

    def decide(unit: str) -> bool:
        return bool(client.is_enabled(FLAG, {"userId": unit, "properties": dict(ATTRIBUTES)}))

    return decide


def flagd() -> Contender:
    from openfeature import api
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType
    from openfeature.evaluation_context import EvaluationContext

    fraction = {"fractional": [{"var": "targetingKey"}, ["on", PERCENT], ["off", 100 - PERCENT]]}
    eligible = {
        "and": [{"in": [{"var": "language"}, list(LANGUAGES)]}, {"==": [{"var": "channel"}, "email"]}]
    }
    flag = {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "off",
        "targeting": {"if": [eligible, fraction, "off"]},
    }
    path = Path(tempfile.mkdtemp()) / "flags.json"
    path.write_text(json.dumps({"flags": {FLAG: flag}}), encoding="utf-8")
    api.set_provider_and_wait(
        FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(path))
    )
    client = api.get_client()

    def decide(unit: str) -> bool:
        context = EvaluationContext(unit, dict(ATTRIBUTES))
        return bool(client.get_boolean_value(FLAG, default_value=False, evaluation_context=context))

    return decide


def statsig() -> Contender:
    from statsig_python_core import (  # type: ignore[import-not-found, unused-ignore]
        FeatureGateEvaluationOptions,
        Statsig,
        StatsigOptions,
        StatsigUser,
    )

    conditions = {
        "1": {"type": "user_field", "targetValue": list(LANGUAGES), "operator": "any", "field": "language"},
        "2": {"type": "user_field", "targetValue": ["email"], "operator": "any", "field": "channel"},
    }
    rule = {
        "name": "eligible",
        "id": "eligible",
        "salt": "tier1",
        "passPercentage": PERCENT,
        "returnValue": True,
        "idType": "userID",
        "conditions": list(conditions),
    }
    gate = {
        "type": "feature_gate",
        "salt": "tier1",
        "enabled": True,
        "defaultValue": False,
        "rules": [rule],
        "idType": "userID",
        "entity": "feature_gate",
        "version": 1,
    }
    common = {"additionalValues": {}, "isDeviceBased": False, "idType": "userID"}
    specs = {
        "dynamic_configs": {},
        "feature_gates": {FLAG: gate},
        "layer_configs": {},
        "condition_map": {key: {**common, **value} for key, value in conditions.items()},
        "layers": {},
        "experiment_to_layer": {},
        "has_updates": True,
        "time": 1_760_000_000_000,
        "company_id": "c",
        "response_format": "dcs-v2",
    }
    with _serving(json.dumps(specs).encode()) as url:
        options = StatsigOptions(
            specs_url=url,
            disable_network=False,
            disable_all_logging=True,
            output_log_level="none",
            disable_country_lookup=True,
        )
        client = Statsig("secret-key", options)
        client.initialize().wait(20)
    quiet = FeatureGateEvaluationOptions(disable_exposure_logging=True)

    def decide(unit: str) -> bool:
        return bool(client.check_gate(StatsigUser(user_id=unit, custom=dict(ATTRIBUTES)), FLAG, quiet))

    return decide


@contextlib.contextmanager
def _serving(body: bytes) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/specs"
    finally:
        server.shutdown()


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "sha256": sha,
    "hash and compare": hashed,
    "ridealong": ridealong,
    "again": ridealong,
    "growthbook": growthbook,
    "launchdarkly": launchdarkly,
    "unleash": unleash,
    "flagd": flagd,
    "statsig (Rust)": statsig,
}


def main() -> int:
    logging.disable(logging.CRITICAL)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    decide = CONTENDERS[sys.argv[1]]()
    with contextlib.suppress(RuntimeError):
        asyncio.set_event_loop(asyncio.new_event_loop())
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        units = [f"customer-{number}" for number in range(int(line))]
        started, cpu = time.perf_counter(), time.process_time()
        agents = sum(map(decide, units))
        seconds, spent = time.perf_counter() - started, time.process_time() - cpu
        answer = {"seconds": seconds, "cpu": spent, "share": 100 * agents / len(units)}
        print(json.dumps(answer), file=answers, flush=True)
    answers.flush()
    os._exit(0)  # clients keep threads that would rather stay


if __name__ == "__main__":
    sys.exit(main())
