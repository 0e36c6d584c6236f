"""Desks with a known truth, on the real schema and without a journal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import polars as pl

from policies.plan import Plan, plan_from_json
from rollout.record.migrations import migrate

START = datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)
"""A Monday, as the facts hold times: UTC without a zone."""
END = datetime(2026, 5, 18, tzinfo=UTC)


class Desk:
    """Answers SQL like the view, over facts that are written directly."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        migrate(self.connection)

    def query(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql, params or None)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def add(self, rows: Sequence[Mapping[str, Any]], table: str = "facts") -> None:
        if rows:
            self.add_frame(pl.DataFrame(list(rows), infer_schema_length=None), table)

    def add_frame(self, frame: pl.DataFrame, table: str = "facts") -> None:
        """Insert columns by name; times are naive UTC."""
        arrow = frame.to_arrow()
        self.connection.register("given", arrow)
        names = ", ".join(f'"{name}"' for name in frame.columns)
        self.connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM given")
        self.connection.unregister("given")
        if table == "facts":
            self._revise('SELECT DISTINCT tenant, workflow, "day" FROM given_', arrow)

    def alter(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """Change facts, and say of which days, as the view does."""
        self.query("CREATE OR REPLACE TEMP TABLE before AS FROM facts")
        self.query(sql, params or {})
        self._revise(
            'SELECT DISTINCT tenant, workflow, "day" FROM ('
            "(FROM before EXCEPT ALL FROM facts) UNION ALL (FROM facts EXCEPT ALL FROM before))"
        )

    def _revise(self, days: str, given: Any = None) -> None:
        if given is not None:
            self.connection.register("given_", given)
        self.query(f"CREATE OR REPLACE TEMP TABLE revised AS {days}")
        self.query(
            "INSERT INTO fact_days"
            " SELECT *, (SELECT coalesce(max(revision), 0) + 1 FROM fact_days) FROM revised"
        )
        self.query(
            "DELETE FROM fact_days WHERE EXISTS (FROM fact_days AS newer"
            " WHERE newer.tenant = fact_days.tenant AND newer.workflow = fact_days.workflow"
            ' AND newer."day" = fact_days."day" AND newer.revision > fact_days.revision)'
        )

    def close(self) -> None:
        self.connection.close()


def fact(ticket: str, customer: str, opened: datetime, **known: Any) -> dict[str, Any]:
    """One closed, randomised ticket; keywords override any column."""
    return {
        "tenant": "default",
        "workflow": "w",
        "ticket_id": ticket,
        "customer_id": customer,
        "opened_at": opened,
        "day": opened.date(),
        "source": "demo",
        "excluded": None,
        "step": "ten",
        "mode": "live",
        "weight": 10.0,
        "canary_weight": 0.0,
        "eligible": True,
        "assignment_reason": "SPLIT",
        "arms_seen": 1,
    } | known


def world(
    tickets: int = 6000,
    *,
    customers: int | None = None,
    days: float = 60,
    weights: tuple[tuple[str, float], ...] = (("ten", 10.0), ("thirty", 30.0)),
    csat: float = 0.0,
    recontact: float = 0.0,
    lost: float = 0.0,
    response: float = 0.3,
    seed: int = 0,
) -> pl.DataFrame:
    """Tickets of a ramp with sticky arms.

    Args:
        tickets: how many.
        customers: among how many customers; a third of the tickets where left out.
        days: over so many days.
        weights: the steps, equally long, with the agent's percent.
        csat: effect of the agent on the rating, in points.
        recontact: effect on the share that comes back.
        lost: share of the agent's tickets that were never recorded.
        response: share of customers that answer the survey.
        seed: of the randomness.

    """
    random = np.random.default_rng(seed)
    n, customers = tickets, customers or tickets // 3
    who = random.integers(0, customers, n)
    bucket, mood = random.random(customers), random.normal(0, 0.4, customers)
    when = np.sort(random.random(n)) * days
    stage = np.minimum((when / days * len(weights)).astype(int), len(weights) - 1)
    weight = np.array([percent for _, percent in weights])[stage]
    treated = bucket[who] < weight / 100
    opened = np.datetime64(START, "us") + (when * 86400e6).astype("timedelta64[us]")
    resolved = opened + random.exponential(4 * 3600e6, n).astype("timedelta64[us]")
    rated = random.random(n) < response
    score = np.clip(np.round(3.8 + mood[who] + csat * treated + random.normal(0, 0.9, n)), 1, 5)
    back = random.random(n) < 0.15 + recontact * treated
    again = resolved + (random.random(n) * 9 * 86400e6).astype("timedelta64[us]")
    never = np.datetime64("NaT")
    frame = pl.DataFrame(
        {
            "tenant": "default",
            "workflow": "w",
            "ticket_id": [f"t{number}" for number in range(n)],
            "customer_id": [f"c{number}" for number in who],
            "opened_at": opened,
            "day": opened.astype("datetime64[D]"),
            "source": "import",
            "step": np.array([name for name, _ in weights])[stage],
            "arm": np.where(treated, "agent", "human"),
            "weight": weight,
            "version": pl.Series(["resolution@1.2.0" if a else None for a in treated]),
            "path": np.where(treated, "agent", "human"),
            "resolved_at": resolved,
            "resolution": "assumed",
            "category": np.where(random.random(n) < 0.5, "billing", "shipping"),
            "escalated": random.random(n) < 0.2,
            "first_response_seconds": random.exponential(600, n),
            "handle_seconds": random.exponential(900, n),
            "human_seconds": np.where(treated, 0, 600.0) + random.exponential(60, n),
            "cost_usd": pl.Series([0.05 if a else None for a in treated], dtype=pl.Float64),
            "csat": pl.Series([float(s) if r else None for s, r in zip(score, rated, strict=True)]),
            "csat_at": np.where(rated, resolved + np.timedelta64(3600, "s"), never),
            "csat_offered_at": resolved,
            "violations": (random.random(n) < 0.001).astype(int),
            "errors": 0,
            "recontact_at": np.where(back, again, never),
            "arms_seen": 1,
        }
    )
    kept = ~(treated & (random.random(n) < lost))
    return frame.filter(pl.Series(kept))


def plan_of(**changes: Any) -> Plan:
    """A plan of two live steps over these desks."""
    return plan_from_json(
        {
            "workflow": "w",
            "owners": {"workflow": "a", "technical": "b", "escalation": "c"},
            "unit": "customer",
            "salt": "w-1",
            "agent": "resolution@1.2.0",
            "steps": [
                {"name": "ten", "set_weight": 10, "margin_scale": 2.0},
                {"name": "thirty", "set_weight": 30},
            ],
            "metrics": {
                "csat": {"margin": "0.2"},
                "recontact_7d": {"margin": "4pp"},
                "escalation": {"margin": "5pp"},
            },
            "inference": {"alpha": 0.05, "power": 0.8},
            "cost": {"human_usd_per_hour": 30.0},
        }
        | changes
    )
