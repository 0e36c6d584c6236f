"""Every operation of the OpenAPI description, with requests that nobody thought of.

Schemathesis makes them from the description itself, sound ones and broken ones. Held against each answer:
no 5xx, a status that is described, a body that is as described. Half of the sound ones name things that are
there. A drill that is turned away at the door shows nothing, so that every operation has to get past it: what
makes keys is asked in a house of its own, because the first key locks whoever has none out.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NoReturn

from drills.house import House, opened, patched, playbook, ticket
from drills.result import Fault, Findings, Result, Say, silent
from rollout.api import openapi
from rollout.incidents.register import Register

_KEYS: Final = "/v1/keys"
_TURNED_AWAY: Final = frozenset({401, 403, 429})


async def _known(house: House) -> Mapping[str, str]:
    """Things that are there, by the name of the parameter that names them."""
    async with house.http() as http:
        await http.post("/v1/tickets", json=ticket("known", text="Where is my parcel?"))
        told = {"workflow": "tier1-support", "severity": 3, "title": "wrong language", "actor": "ada"}
        incident = (await http.post("/v1/incidents", json=told)).json()
    return {"workflow": "tier1-support", "ticket_id": "t-known", "incident_id": incident["incident_id"]}


async def _key(house: House) -> str:
    """The installation's first key."""
    told = {"role": "admin", "name": "the drill's", "rate": 1_000_000, "actor": "ada"}
    async with house.http() as http:
        return str((await http.post("/v1/keys", json=told)).json()["key"])


class _Asker:
    """Asks one house; ``with_key`` once it has keys."""

    def __init__(self, house: House, seen: Findings, *, with_key: bool = False) -> None:
        from schemathesis.checks import not_a_server_error
        from schemathesis.specs.openapi.checks import (
            content_type_conformance,
            response_schema_conformance,
            status_code_conformance,
        )

        self._checks: list[Any] = [
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ]
        self._app, self._seen = house.app, seen
        self._known = {} if with_key else asyncio.run(_known(house))
        self._headers = {"host": "localhost"}
        if with_key:
            self._headers["authorization"] = f"Bearer {asyncio.run(_key(house))}"
        self.asked = 0

    def ask(self, examples: int, seed: int, only: str, *, keys: bool) -> None:
        """So many requests of each kind to each operation on keys, or to each other one."""
        import schemathesis
        from schemathesis import GenerationMode

        for found in schemathesis.openapi.from_asgi("/openapi.json", self._app).get_all_operations():
            operation = found.ok()
            if only not in operation.label or (_KEYS in operation.label) != keys:
                continue
            answers: Counter[int] = Counter()
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self._send(operation, mode, (examples, seed), answers)
            past = sum(count for status, count in answers.items() if status not in _TURNED_AWAY)
            self._seen.check(past > 0, f"{operation.label}: every request was turned away: {dict(answers)}")

    def _send(self, operation: Any, mode: Any, how: tuple[int, int], answers: Counter[int]) -> None:
        """One operation's requests of one kind."""
        from hypothesis import HealthCheck, Phase, given, settings
        from hypothesis import seed as seeded
        from hypothesis.errors import Unsatisfiable
        from schemathesis import GenerationMode
        from schemathesis.core.failures import FailureGroup

        examples, seed = how

        @seeded(seed)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def hold(case: Any) -> None:
            self.asked += 1
            case.headers.update(self._headers)
            if mode is GenerationMode.POSITIVE and self.asked % 2:
                there = {name: self._known[name] for name in case.path_parameters if name in self._known}
                case.path_parameters.update(there)
            try:
                answers[case.call_and_validate(checks=self._checks).status_code] += 1
            except FailureGroup as failures:
                for failure in failures.exceptions:
                    words = " ".join(str(failure).split())[:300]
                    self._seen.check(False, f"{operation.label}: {words}")  # noqa: FBT003
            except Exception as error:  # noqa: BLE001 - escaped the door itself: a server would answer 500
                self._seen.check(False, f"{operation.label}: {type(error).__name__}: {error}"[:300])  # noqa: FBT003
            else:
                self._seen.check(True, "")  # noqa: FBT003

        with suppress(Unsatisfiable):  # an operation of which no broken request can be made
            hold()


def _broken(*_: Any) -> NoReturn:
    raise ZeroDivisionError


FAULTS: Final[dict[str, Fault]] = {
    "an error that nobody foresaw": lambda: patched(Register, "of", _broken),
    "a refusal described as another's": lambda: patched(openapi, "_frameworks", lambda _: False),
}


def description(examples: int = 60, seed: int = 1, say: Say = silent, only: str = "") -> Result:
    """Send so many requests of each kind to each operation, or to those with ``only`` in method and path."""
    seen, asked = Findings(), 0
    for keys in (False, True):
        with TemporaryDirectory() as folder, opened(Path(folder)) as house:
            house.start(playbook())
            asker = _Asker(house, seen, with_key=keys)
            asker.ask(examples, seed, only, keys=keys)
            asked += asker.asked
    say(f"{asked} requests, {seen.broken} violations")
    words = "No request gets a 5xx; every answer has a described status and is as described"
    return seen.result(
        "description", words, "requests made from the OpenAPI description by schemathesis", asked
    )
