"""Shadow comparisons as ratings: the newest word of each rater on each reply, excluded tickets left out.

A reply may have been rated more than once, by rules when it was made and by people later. What the
agent did is one and the same on all its ratings, whoever recorded it.
"""

from typing import Final

PERSON: Final = "(dropped IS NULL AND starts_with(rater, 'human:'))"
"""Ratings that may carry a gate. A heuristic sorts comparisons for reading; it is no evidence of quality."""

_OF_REPLY: Final = "OVER (PARTITION BY ticket_id, version)"

RATINGS: Final = f"""
    SELECT ticket_id, version, rater, customer_id, category, dropped,
        accuracy, tone, policy, agreement, human_escalated, violations,
        coalesce(agent_escalated, bool_or(agent_escalated) {_OF_REPLY}) AS agent_escalated,
        bool_or(coalesce(abstained, FALSE)) {_OF_REPLY} AS abstained,
        coalesce(confidence, max(confidence) {_OF_REPLY}) AS confidence,
        coalesce(sampling_probability, CAST(1 AS DOUBLE)) AS chance,
        coalesce({PERSON}, FALSE) AS by_person
    FROM (
        SELECT c.* EXCLUDE (violations), len(c.violations) AS violations, f.customer_id, f.category
        FROM shadow_comparisons AS c JOIN facts AS f
            ON f.tenant = c.tenant AND f.workflow = c.workflow AND f.ticket_id = c.ticket_id
        WHERE c.tenant = $tenant AND c.workflow = $workflow AND c.occurred_at <= $as_of
            AND ($version IS NULL OR c.version = $version)
            AND ($since IS NULL OR c.occurred_at >= $since)
            AND f.excluded IS NULL
        QUALIFY row_number() OVER (PARTITION BY c.ticket_id, c.version, c.rater
            ORDER BY c.occurred_at DESC, c.event_id DESC) = 1
    )"""
"""One row per reply and rater. Parameters: tenant, workflow, as_of, version and since."""

REPLIES: Final = f"""
    SELECT customer_id, bool_or(dropped IS NULL) AS compared,
        max(violations) FILTER (dropped IS NULL) AS violations,
        avg(agreement) FILTER (by_person) AS agreement,
        avg(CAST(human_escalated AND NOT agent_escalated AS DOUBLE))
            FILTER (by_person AND human_escalated IS NOT NULL AND agent_escalated IS NOT NULL) AS missed,
        max(chance) FILTER (by_person) AS chance,
        max(chance) FILTER (dropped IS NULL) AS chance_seen
    FROM ({RATINGS}
    ) GROUP BY ticket_id, version, customer_id"""
"""One row per reply: people's labels averaged over its raters, so that a ticket counts once however many
people read it. ``chance`` is that of a person's review, ``chance_seen`` that of any look at the reply;
of several draws the likeliest counts."""
