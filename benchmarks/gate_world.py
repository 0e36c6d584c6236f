"""Tickets of a ramp for ``gates.py``: written straight into a view's facts, past the journal.

Customers repeat (ten tickets each on average), arms stick to customers, weights rise over four steps,
outcomes arrive late. Nothing is ever resolved after more than a few days: a desk whose old tickets keep
moving profits less from kept days.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from rollout.record.view import View

START = datetime(2026, 3, 2, tzinfo=UTC)
COLUMNS = (
    "ticket_id, customer_id, opened_at, day, step, arm, weight, resolved_at, resolution, path, escalated,"
    " handle_seconds, human_seconds, cost_usd, csat, csat_at, csat_offered_at, violations, recontact_at"
)
"""What the peers are handed: no column they do not need."""

_FACTS = """
INSERT INTO facts BY NAME
WITH drawn AS (
    SELECT i, u(i, 1) AS u1, u(i, 2) AS u2, u(i, 3) AS u3, u(i, 4) AS u4, u(i, 5) AS u5, u(i, 6) AS u6,
        u(i, 7) AS u7, u(i, 8) AS u8, CAST(floor(greatest($n // 10, 1) * u(i, 9)) AS BIGINT) AS c,
        CAST(i * 4 // $n AS INTEGER) AS stage
    FROM range($n) AS t(i)
), opened AS (
    SELECT *, CAST(i / $n * $days * 86400e6 AS BIGINT) AS passed,
        CAST($start AS TIMESTAMP) + to_microseconds(passed) AS opened_at,
        [5.0, 10.0, 30.0, 60.0][stage + 1] AS weight, u(c, 77) < weight / 100 AS t
    FROM drawn
), closed AS (
    SELECT *, opened_at + to_microseconds(CAST(-ln(1 - u1) * 4 * 3600e6 AS BIGINT)) AS resolved_at FROM opened
)
SELECT 'default' AS tenant, 'support' AS workflow, 't' || i AS ticket_id, 'c' || c AS customer_id, opened_at,
    CAST(opened_at AS DATE) AS "day", 'import' AS source, 'step' || stage AS step,
    if(t, 'agent', 'human') AS arm, 'live' AS mode, if(t, 'resolution@1.2.0', NULL) AS version, weight,
    0.0 AS canary_weight, TRUE AS eligible, 'SPLIT' AS assignment_reason,
    if(u2 < 0.5, 'billing', 'shipping') AS category, if(t, 'agent', 'human') AS path, resolved_at,
    if(u3 < 0.9, 'assumed', 'abandoned') AS resolution, u4 < 0.2 AS escalated,
    -ln(1 - u5) * 900 AS handle_seconds, if(t, 0, 600) - ln(1 - u6) * 60 AS human_seconds,
    if(t, 0.05, NULL) AS cost_usd, if(u7 < 0.12, 1 + floor(u8 * 5), NULL) AS csat,
    if(u7 < 0.12, resolved_at + to_seconds(u2 * 72000), NULL) AS csat_at, resolved_at AS csat_offered_at,
    CAST(u3 > 0.999 AS INTEGER) AS violations, 0 AS errors,
    if(u6 < 0.15, resolved_at + to_microseconds(CAST(u5 * 9 * 86400e6 AS BIGINT)), NULL) AS recontact_at,
    1 AS arms_seen, i AS seq
FROM closed"""


def build(folder: Path, tickets: int, days: int) -> None:
    """``facts.duckdb`` and ``facts.parquet`` with the same tickets; does nothing where they are."""
    view, parquet = folder / "facts.duckdb", folder / "facts.parquet"
    if parquet.exists():
        return
    view.unlink(missing_ok=True)
    with View(view) as made:
        made.query(
            "CREATE OR REPLACE MACRO u(i, k) AS CAST(hash(i * 128 + k) >> 11 AS DOUBLE) / 9007199254740992.0"
        )
        made.query(_FACTS, {"n": tickets, "days": days, "start": START.replace(tzinfo=None)})
        made.query("DROP MACRO u")
        made.query("INSERT INTO fact_days SELECT DISTINCT tenant, workflow, day, 1 FROM facts")
        made.query("CHECKPOINT")
        made.query(f"COPY (SELECT {COLUMNS} FROM facts) TO '{parquet}.new' (FORMAT parquet)")
    parquet.with_name(f"{parquet.name}.new").rename(parquet)


def moments(days: int, rounds: int, tick: timedelta) -> list[datetime]:
    """When the gate is looked at: before the first round, and once per round, one tick apart."""
    last = START + timedelta(days=days) - timedelta(hours=12)
    return [last - tick * (rounds - number) for number in range(rounds + 1)]


def rate_late(view: View, number: int) -> None:
    """A rating of a ticket of one of the first days arrives, as the view would take it in."""
    ticket = {"ticket": f"t{1000 + number}"}
    view.query(
        "UPDATE facts SET csat = 1, csat_at = resolved_at + INTERVAL 1 HOUR WHERE ticket_id = $ticket", ticket
    )
    view.query(
        "UPDATE fact_days SET revision = (SELECT max(revision) + 1 FROM fact_days)"
        " WHERE day = (SELECT day FROM facts WHERE ticket_id = $ticket)",
        ticket,
    )
