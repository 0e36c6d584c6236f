"""A data folder for ``pages.py``: a real rollout in the journal, its tickets written straight into the view.

Recording the events of ten million tickets takes hours, so facts, replies and comparisons are drawn by
SQL; the rollout, its plan and its transitions are the controller's own. The tickets end today, so that
the last four weeks have some.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from policies.load import load_plan
from rollout.clock import SimulatedClock
from rollout.controller import Controller
from rollout.ladder.state import TrackName
from rollout.ladder.transition import NOT_JUDGED, Order
from rollout.record.folder import DataFolder
from rollout.record.view import View

WORKFLOW: Final = "support"
STEPS: Final = (("step0", 5), ("step1", 10), ("step2", 30), ("step3", 60))
_PLAN: Final = """\
workflow: support
owners: {workflow: support, technical: engineering, escalation: leads}
unit: customer
salt: pages-1
agent: resolution@1.2.0
steps:
%s
metrics:
  csat: {margin: 0.2}
  recontact_7d: {margin: 3pp}
  escalation: {margin: 5pp, band: {billing: [10, 30], shipping: [5, 30]}}
monitors: [violations, csat]
inference: {alpha: 0.05, power: 0.8}
cost: {human_usd_per_hour: 32}
"""

_CHANCE: Final = (
    "CREATE OR REPLACE MACRO u(i, k) AS CAST(hash(i * 128 + k) >> 11 AS DOUBLE) / 9007199254740992.0"
)
_FACTS: Final = """
INSERT INTO facts BY NAME
WITH drawn AS (
    SELECT i, u(i, 1) AS u1, u(i, 2) AS u2, u(i, 3) AS u3, u(i, 4) AS u4, u(i, 5) AS u5, u(i, 6) AS u6,
        u(i, 7) AS u7, u(i, 8) AS u8, u(i, 10) AS u10, CAST(i * 4 // $n AS INTEGER) AS stage,
        CAST(floor(greatest($n // 10, 1) * u(i, 9)) AS BIGINT) AS c,
        CAST(i / $n * $days * 86400e6 AS BIGINT) AS passed
    FROM range($begin, $end) AS t(i)
), opened AS (
    SELECT *, CAST($start AS TIMESTAMP) + to_microseconds(passed) AS opened_at,
        [5.0, 10.0, 30.0, 60.0][stage + 1] AS weight, u(c, 77) < weight / 100 AS t
    FROM drawn
), closed AS (
    SELECT *, opened_at + to_microseconds(CAST(-ln(1 - u1) * 4 * 3600e6 AS BIGINT)) AS resolved_at,
        u4 < 0.12 + 0.02 * CAST(floor(u2 * 6) AS INTEGER) AS passed_on FROM opened
)
SELECT 'default' AS tenant, 'support' AS workflow, 't' || i AS ticket_id, 'c' || c AS customer_id, opened_at,
    CAST(opened_at AS DATE) AS "day", 'live' AS source, CASE WHEN u10 < 0.002 THEN 'spam' END AS excluded,
    'step' || stage AS step, if(t, 'agent', 'human') AS arm, 'live' AS mode,
    if(t, 'resolution@1.2.0', NULL) AS version, weight, 0.0 AS canary_weight, 0.0 AS holdout,
    TRUE AS eligible, 'SPLIT' AS assignment_reason,
    ['billing', 'shipping', 'account', 'technical', 'returns', 'general'][1 + CAST(floor(u2 * 6) AS INTEGER)]
        AS category,
    ['low', 'normal', 'high'][1 + CAST(floor(u3 * 3) AS INTEGER)] AS urgency, 'simple' AS complexity,
    ['free', 'pro', 'enterprise'][1 + CAST(floor(u(c, 78) * 3) AS INTEGER)] AS tier,
    ['chat', 'email', 'web'][1 + CAST(floor(u10 * 3) AS INTEGER)] AS channel,
    ['en', 'de', 'fr', 'es'][1 + CAST(floor(u(c, 79) * 4) AS INTEGER)] AS language,
    ['eu', 'us'][1 + CAST(floor(u(c, 80) * 2) AS INTEGER)] AS region,
    CASE WHEN u3 >= 0.95 THEN 'abandoned' WHEN t AND passed_on THEN 'agent_then_human' WHEN t THEN 'agent'
        ELSE 'human' END AS path,
    resolved_at, if(u3 < 0.95, 'assumed', 'abandoned') AS resolution, passed_on AS escalated,
    CASE WHEN passed_on THEN if(t, 'low-confidence', 'specialist-needed') END AS escalation_reason,
    FALSE AS escalated_at_triage, 1 AS turns, -ln(1 - u5) * 600 AS first_response_seconds,
    -ln(1 - u5) * 900 AS handle_seconds, if(t AND NOT passed_on, 0, 300) - ln(1 - u6) * 60 AS human_seconds,
    if(t, 0.5 + u8 * 3, NULL) AS latency_seconds, if(t, 0.05, NULL) AS cost_usd,
    if(u7 < 0.12, 1 + floor(u8 * 5), NULL) AS csat,
    if(u7 < 0.12, resolved_at + to_seconds(u2 * 72000), NULL) AS csat_at, resolved_at AS csat_offered_at,
    CAST(t AND u3 > 0.9995 AS INTEGER) AS violations, 0 AS errors, if(t, 0.2 + 0.8 * u4, NULL) AS confidence,
    if(t, 0.3 + 0.7 * u6, NULL) AS retrieval_confidence, if(t, 400 * u7, NULL) AS retrieval_age_days,
    if(u6 < 0.15, resolved_at + to_microseconds(CAST(u5 * 9 * 86400e6 AS BIGINT)), NULL) AS recontact_at,
    1 AS arms_seen, 0 AS seq
FROM closed"""
_REPLIES: Final = """
INSERT INTO handlings BY NAME
SELECT 0 AS seq, 'handling:' || ticket_id AS event_id, tenant, workflow, opened_at AS occurred_at, ticket_id,
    'agent' AS handler, version, if(escalated, 'handed_off', 'replied') AS outcome,
    opened_at AS first_response_at, opened_at AS finished_at, 1 AS turns, latency_seconds AS handle_seconds,
    latency_seconds, cost_usd, 'some-model' AS model, confidence, retrieval_confidence, retrieval_age_days,
    ['article-' || CAST(floor(retrieval_age_days / 10) AS INTEGER)] AS sources,
    if(violations > 0, ['promises-money'], CAST([] AS VARCHAR[])) AS violations
FROM facts WHERE arm = 'agent'"""
_SHADOWS: Final = """
INSERT INTO shadow_comparisons BY NAME
SELECT 0 AS seq, 'comparison:' || ticket_id AS event_id, tenant, workflow, opened_at AS occurred_at,
    ticket_id, 'resolution@1.3.0' AS version, if(csat IS NULL, 'heuristic', 'human:reviewers') AS rater,
    CAST(human_seconds > 310 AS DOUBLE) AS accuracy, 1.0 AS tone, 1.0 AS policy, escalated AS agent_escalated,
    escalated AND human_seconds > 310 AS human_escalated, CAST(human_seconds > 310 AS DOUBLE) AS agreement,
    0.3 + 0.7 * (human_seconds - floor(human_seconds)) AS confidence, escalated AS abstained,
    CAST([] AS VARCHAR[]) AS violations, CAST([] AS VARCHAR[]) AS sources, 1.5 AS latency_seconds,
    0.01 AS cost_usd, 1.0 AS sampling_probability
FROM facts WHERE arm = 'human' AND u(CAST(substr(ticket_id, 2) AS BIGINT), 81) < $share"""
_CHUNK: Final = 500_000
_COMPARED: Final = 50_000
"""About so many of the humans' tickets were watched, but no less than two percent and no more than half."""


def build(data: Path, tickets: int, days: int, *, end: datetime | None = None) -> Path:
    """A data folder of so many tickets over so many days before ``end`` (midnight); once made, kept."""
    done = data / "pages-world"
    if done.exists():
        return data
    last = end or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = last - timedelta(days=days)
    data.mkdir(parents=True, exist_ok=True)
    _roll_out(data, start, days)
    with View(data / "view.duckdb") as view:
        view.query(_CHANCE)
        drawn = {"n": tickets, "days": days, "start": start.replace(tzinfo=None)}
        for begin in range(0, tickets, _CHUNK):
            view.query(_FACTS, drawn | {"begin": begin, "end": min(begin + _CHUNK, tickets)})
        view.query(_REPLIES)
        view.query(_SHADOWS, {"share": min(max(_COMPARED / tickets, 0.02), 0.5)})
        view.query("DROP MACRO u")
        view.query("INSERT INTO fact_days SELECT DISTINCT tenant, workflow, day, 1 FROM facts")
        view.query("CHECKPOINT")
    done.write_text(f"{tickets} tickets\n")
    return data


def _roll_out(data: Path, start: datetime, days: int) -> None:
    """Climb the steps on a person's word, a quarter of the time each."""
    rungs = "\n".join(
        f"  - {{name: {name}, set_weight: {weight}, min_duration: 24h}}" for name, weight in STEPS
    )
    file = data / "support.yaml"
    file.write_text(_PLAN % rungs)
    clock = SimulatedClock(start)
    with DataFolder.open(data, clock=clock, holder="benchmark") as folder:
        controller = Controller(folder.view, folder.record, lambda *_: NOT_JUDGED, clock=clock)
        controller.start(load_plan(file), file.name, Order("manager", "begin", clock.now()))
        for number in range(1, len(STEPS)):
            folder.catch_up()
            clock.advance_to(start + timedelta(days=days * number / len(STEPS)))
            order = Order("manager", "go on", clock.now(), override=True)
            controller.promote(WORKFLOW, TrackName.LADDER, order)
        folder.catch_up()
