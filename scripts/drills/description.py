"""Every operation of the OpenAPI description, with requests that nobody thought of.

Schemathesis makes them from the description itself, sound ones and broken ones. Held against each answer:
no 5xx, a status that is described, a body that is as described.
"""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NoReturn

from drills.house import House, opened, patched, playbook
from drills.result import Fault, Findings, Result, Say, silent
from rollout.api import openapi
from rollout.incidents.register import Register


def _tested(house: House, examples: int, seed: int, seen: Findings, only: str) -> int:
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    schema = schemathesis.openapi.from_asgi("/openapi.json", house.app)
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if only in operation.label else ():
            asked += _sent(operation, mode, examples, seed, (checks, seen))
    return asked


def _sent(operation: Any, mode: Any, examples: int, seed: int, held: tuple[list[Any], Findings]) -> int:
    """One operation's requests of one kind; how many there were."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis.errors import Unsatisfiable
    from schemathesis.core.failures import FailureGroup

    checks, seen = held
    asked = 0

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
        nonlocal asked
        asked += 1
        case.headers["host"] = "localhost"
        try:
            case.call_and_validate(checks=checks)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                words = " ".join(str(failure).split())[:300]
                seen.check(False, f"{operation.label}: {words}")  # noqa: FBT003
        except Exception as error:  # noqa: BLE001 - escaped the door itself: a server would answer 500
            seen.check(False, f"{operation.label}: {type(error).__name__}: {error}"[:300])  # noqa: FBT003
        else:
            seen.check(True, "")  # noqa: FBT003

    with suppress(Unsatisfiable):  # an operation of which no broken request can be made
        hold()
    return asked


def _broken(*_: Any) -> NoReturn:
    raise ZeroDivisionError


FAULTS: Final[dict[str, Fault]] = {
    "an error that nobody foresaw": lambda: patched(Register, "of", _broken),
    "a refusal described as another's": lambda: patched(openapi, "_frameworks", lambda _: False),
}


def description(examples: int = 60, seed: int = 1, say: Say = silent, only: str = "") -> Result:
    """Send so many requests of each kind to each operation, or to those with ``only`` in method and path."""
    seen = Findings()
    with TemporaryDirectory() as folder, opened(Path(folder)) as house:
        house.start(playbook())
        asked = _tested(house, examples, seed, seen, only)
    say(f"{asked} requests, {seen.broken} violations")
    words = "No request gets a 5xx; every answer has a described status and is as described"
    return seen.result(
        "description", words, "requests made from the OpenAPI description by schemathesis", asked
    )
