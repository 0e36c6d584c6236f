"""The view's schema, as numbered steps that are only ever added to.

Raw tables are append-only and carry no index: DuckDB has lost or refused files over index entries
and DDL in its write-ahead log, so DDL runs at start-up only and is followed by a checkpoint.
"""

from typing import TYPE_CHECKING, Final

from rollout.errors import RecordError

if TYPE_CHECKING:
    import duckdb

_ENVELOPE: Final = """
    seq BIGINT NOT NULL, event_id VARCHAR NOT NULL, tenant VARCHAR NOT NULL, workflow VARCHAR,
    occurred_at TIMESTAMP NOT NULL,"""

_INITIAL: Final = f"""
CREATE TABLE position (seq BIGINT NOT NULL, refreshed BIGINT NOT NULL);
INSERT INTO position VALUES (0, 0);
CREATE TABLE tickets ({_ENVELOPE}
    ticket_id VARCHAR, customer_id VARCHAR, opened_at TIMESTAMP, tier VARCHAR, channel VARCHAR,
    language VARCHAR, region VARCHAR, issue_key VARCHAR, excluded VARCHAR, source VARCHAR);
CREATE TABLE triages ({_ENVELOPE}
    ticket_id VARCHAR, category VARCHAR, urgency VARCHAR, sentiment VARCHAR, complexity VARCHAR,
    signals VARCHAR[], version VARCHAR);
CREATE TABLE assignments ({_ENVELOPE}
    ticket_id VARCHAR, unit VARCHAR, arm VARCHAR, mode VARCHAR, version VARCHAR, step VARCHAR,
    bucket UBIGINT, weight DOUBLE, canary_weight DOUBLE, holdout DOUBLE, eligible BOOLEAN,
    reason VARCHAR, detail VARCHAR, plan_digest VARCHAR, "position" BIGINT, assigned_at TIMESTAMP);
CREATE TABLE handlings ({_ENVELOPE}
    ticket_id VARCHAR, handler VARCHAR, version VARCHAR, outcome VARCHAR,
    first_response_at TIMESTAMP, finished_at TIMESTAMP, turns BIGINT, handle_seconds DOUBLE,
    human_seconds DOUBLE, latency_seconds DOUBLE, cost_usd DOUBLE, tokens BIGINT, model VARCHAR,
    confidence DOUBLE, retrieval_confidence DOUBLE, retrieval_age_days DOUBLE, sources VARCHAR[],
    violations VARCHAR[], error VARCHAR);
CREATE TABLE shadow_comparisons ({_ENVELOPE}
    ticket_id VARCHAR, version VARCHAR, rater VARCHAR, accuracy DOUBLE, tone DOUBLE, policy DOUBLE,
    agent_escalated BOOLEAN, human_escalated BOOLEAN, agreement DOUBLE, confidence DOUBLE,
    abstained BOOLEAN, violations VARCHAR[], sources VARCHAR[], latency_seconds DOUBLE,
    cost_usd DOUBLE, dropped VARCHAR, sampling_probability DOUBLE);
CREATE TABLE escalations ({_ENVELOPE}
    ticket_id VARCHAR, reason VARCHAR, reasons VARCHAR[], at_triage BOOLEAN, queue VARCHAR);
CREATE TABLE resolutions ({_ENVELOPE}
    ticket_id VARCHAR, resolved_at TIMESTAMP, kind VARCHAR, path VARCHAR, closed_reason VARCHAR);
CREATE TABLE csats ({_ENVELOPE} ticket_id VARCHAR, score DOUBLE, "at" TIMESTAMP);
CREATE TABLE histories ({_ENVELOPE}
    ticket_id VARCHAR, customer_id VARCHAR, opened_at TIMESTAMP, category VARCHAR, urgency VARCHAR,
    complexity VARCHAR, tier VARCHAR, sentiment VARCHAR, channel VARCHAR, language VARCHAR,
    region VARCHAR, issue_key VARCHAR, step VARCHAR, arm VARCHAR, mode VARCHAR, weight DOUBLE,
    version VARCHAR, path VARCHAR, resolved_at TIMESTAMP, escalated BOOLEAN,
    escalation_reason VARCHAR, turns BIGINT, handle_seconds DOUBLE, human_seconds DOUBLE,
    cost_usd DOUBLE, csat DOUBLE, csat_at TIMESTAMP, violations BIGINT, closed_reason VARCHAR);
CREATE TABLE transitions ({_ENVELOPE}
    actor VARCHAR, made_at TIMESTAMP, action VARCHAR, track VARCHAR, from_step VARCHAR,
    to_step VARCHAR, reason VARCHAR, sentence VARCHAR, plan_digest VARCHAR, state JSON, evidence JSON,
    "at" TIMESTAMP GENERATED ALWAYS AS (coalesce(made_at, occurred_at)));
CREATE TABLE plans ({_ENVELOPE}
    actor VARCHAR, digest VARCHAR, plan JSON, source VARCHAR,
    "at" TIMESTAMP GENERATED ALWAYS AS (occurred_at));
CREATE TABLE others ({_ENVELOPE} kind VARCHAR NOT NULL, actor VARCHAR, ticket_id VARCHAR, payload JSON);
CREATE TABLE misfits (
    seq BIGINT NOT NULL, event_id VARCHAR NOT NULL, field VARCHAR NOT NULL, value VARCHAR);
CREATE TABLE facts (
    tenant VARCHAR NOT NULL, workflow VARCHAR NOT NULL, ticket_id VARCHAR NOT NULL,
    customer_id VARCHAR NOT NULL, opened_at TIMESTAMP, "day" DATE, source VARCHAR, excluded VARCHAR,
    step VARCHAR, arm VARCHAR, mode VARCHAR, version VARCHAR, weight DOUBLE, canary_weight DOUBLE,
    holdout DOUBLE, eligible BOOLEAN, assignment_reason VARCHAR, plan_digest VARCHAR, "position" BIGINT,
    category VARCHAR, urgency VARCHAR, complexity VARCHAR, sentiment VARCHAR, tier VARCHAR,
    channel VARCHAR, language VARCHAR, region VARCHAR, issue_key VARCHAR,
    path VARCHAR, resolved_at TIMESTAMP, resolution VARCHAR, closed_reason VARCHAR,
    escalated BOOLEAN, escalation_reason VARCHAR, escalated_at_triage BOOLEAN, turns INTEGER,
    first_response_seconds DOUBLE, handle_seconds DOUBLE, human_seconds DOUBLE,
    latency_seconds DOUBLE, cost_usd DOUBLE, csat DOUBLE, csat_at TIMESTAMP,
    csat_offered_at TIMESTAMP, violations INTEGER, errors INTEGER, confidence DOUBLE,
    retrieval_confidence DOUBLE, retrieval_age_days DOUBLE, recontact_at TIMESTAMP,
    arms_seen INTEGER, seq BIGINT);
CREATE VIEW comparisons AS
SELECT c.tenant, c.workflow, c.ticket_id, f.customer_id, c.version, c.occurred_at, c.rater,
    c.accuracy, c.tone, c.policy, c.agent_escalated, c.human_escalated, c.agreement, c.confidence,
    c.abstained, CAST(len(c.violations) AS INTEGER) AS violations, c.sources, c.latency_seconds,
    c.cost_usd, c.dropped, c.sampling_probability, f.category
FROM shadow_comparisons c
LEFT JOIN facts f ON f.tenant = c.tenant AND f.workflow = c.workflow AND f.ticket_id = c.ticket_id;
"""

_ESCALATED_AT: Final = """
ALTER TABLE facts ADD COLUMN escalated_at TIMESTAMP;
UPDATE position SET refreshed = 0;
"""
"""Facts are recomputed from the raw tables at the next refresh, which then knows the new column."""

_FACT_DAYS: Final = """
CREATE TABLE IF NOT EXISTS fact_days (
    tenant VARCHAR NOT NULL, workflow VARCHAR NOT NULL, "day" DATE NOT NULL, revision BIGINT NOT NULL);
DELETE FROM fact_days;
INSERT INTO fact_days
SELECT DISTINCT tenant, workflow, "day", 1 FROM facts WHERE "day" IS NOT NULL;
"""
"""When the facts of a day last changed, in numbers that only grow: what is kept of a day holds until then."""

MIGRATIONS: Final[tuple[str, ...]] = (_INITIAL, _ESCALATED_AT, _FACT_DAYS)
"""Step n brings a view from version n to n + 1. Released steps never change."""


def migrate(connection: "duckdb.DuckDBPyConnection") -> int:
    """Bring the view up to date; returns the number of steps that were run.

    Raises:
        RecordError: the view was written by a newer release.

    """
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    found = connection.execute("SELECT max(version) FROM schema_version").fetchall()[0][0] or 0
    if found > len(MIGRATIONS):
        raise RecordError(
            f"the view has schema version {found}, this release knows {len(MIGRATIONS)}: "
            "upgrade ridealong, or run 'ridealong rebuild' to recreate the view from the journal"
        )
    for number, step in enumerate(MIGRATIONS[found:], start=found + 1):
        connection.execute("BEGIN")
        connection.execute(step)
        connection.execute("INSERT INTO schema_version VALUES (?)", [number])
        connection.execute("COMMIT")
    if found < len(MIGRATIONS):
        connection.execute("CHECKPOINT")
    return len(MIGRATIONS) - found
