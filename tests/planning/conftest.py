"""Plans and desks for forecasts."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from policies.plan import Plan, plan_from_json

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def made(**changes: Any) -> Plan:
    return plan_from_json(
        {
            "workflow": "w",
            "owners": {"workflow": "a", "technical": "b", "escalation": "c"},
            "unit": "customer",
            "salt": "w-1",
            "holdout": 5,
            "agent": "resolution@1.2.0",
            "steps": [
                {"name": "ten", "set_weight": 10, "margin_scale": 2.0, "min_duration": "7d"},
                {"name": "thirty", "set_weight": 30, "min_duration": "7d"},
                {"name": "full", "set_weight": 95, "min_duration": "14d"},
            ],
            "metrics": {
                "csat": {"margin": "0.2"},
                "recontact_7d": {"margin": "4pp"},
                "escalation": {"margin": "5pp"},
            },
            "inference": {"alpha": 0.05, "power": 0.8},
        }
        | changes
    )


@pytest.fixture
def plan_of() -> Callable[..., Plan]:
    return made


@pytest.fixture
def monday() -> datetime:
    return MONDAY
