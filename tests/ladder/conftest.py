"""A plan with every kind of step, small enough to follow by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from policies.plan import Plan

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def build_plan(**changes: Any) -> Plan:
    shadow = {"budget_usd_per_day": 40.0, "concurrency": 8, "deadline": "20s"}
    return Plan.model_validate(
        {
            "workflow": "tier1-support",
            "owners": {"workflow": "support-lead", "technical": "platform-team", "escalation": "desk-lead"},
            "unit": "customer",
            "salt": "tier1-2026",
            "holdout": 5,
            "eligible": {"complexity": ["simple"]},
            "agent": "resolution@1.2.0",
            "steps": [
                {
                    "name": "shadow",
                    "mode": "shadow",
                    "min_duration": "14d",
                    "max_duration": "28d",
                    "shadow": shadow,
                },
                {"name": "assist", "mode": "assist", "set_weight": 5, "min_duration": "7d"},
                {"name": "ten", "set_weight": 10, "min_duration": "14d", "approval": True},
                {"name": "thirty", "set_weight": 30, "consecutive_passes": 3},
                {"name": "full", "set_weight": 95},
            ],
            "canary": {
                "agent": "resolution@1.3.0",
                "steps": [
                    {"name": "canary", "set_weight": 5, "min_duration": "48h"},
                    {"name": "half", "set_weight": 50, "min_duration": "7d"},
                ],
            },
            "metrics": {"csat": {"margin": 0.15}, "recontact_7d": {"margin": "2pp"}},
            "monitors": ["violations"],
            "inference": {"alpha": 0.05, "power": 0.8},
            "freeze": ["2026-12-18/2027-01-04"],
            **changes,
        }
    )


@pytest.fixture
def make_plan() -> Callable[..., Plan]:
    return build_plan


@pytest.fixture
def plan() -> Plan:
    return build_plan()


@pytest.fixture
def now() -> datetime:
    return MONDAY
