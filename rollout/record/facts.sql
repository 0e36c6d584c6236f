-- Recomputes the facts of every customer touched after journal position $after. Statements are
-- separated by lines of dashes and run in one transaction; those after the second once per slice of
-- customers, which bounds the memory of a large import. Whatever the order in which events
-- arrived, the same events give the same rows: per part of a ticket the newest by
-- (occurred_at, event_id) wins, counts are of distinct events, sums are of exact decimals.

-- Tickets that anything new was recorded about.
CREATE OR REPLACE TEMP TABLE touched AS
SELECT DISTINCT tenant, ticket_id FROM (
    SELECT tenant, ticket_id FROM tickets WHERE seq > $after
    UNION ALL SELECT tenant, ticket_id FROM triages WHERE seq > $after
    UNION ALL SELECT tenant, ticket_id FROM assignments WHERE seq > $after
    UNION ALL SELECT tenant, ticket_id FROM handlings WHERE seq > $after
    UNION ALL SELECT tenant, ticket_id FROM escalations WHERE seq > $after
    UNION ALL SELECT tenant, ticket_id FROM resolutions WHERE seq > $after
    UNION ALL SELECT tenant, ticket_id FROM csats WHERE seq > $after
    UNION ALL SELECT tenant, ticket_id FROM histories WHERE seq > $after
    UNION ALL SELECT tenant, ticket_id FROM others
        WHERE seq > $after AND kind = 'correction' AND ticket_id IS NOT NULL
);
----
-- Re-contacts tie a customer's tickets together, so customers are the unit of recomputation.
-- A corrected export may move a ticket from one customer to another: both are dirty then.
CREATE OR REPLACE TEMP TABLE all_dirty AS
SELECT DISTINCT tenant, customer_id FROM (
    SELECT tenant, customer_id FROM tickets SEMI JOIN touched USING (tenant, ticket_id)
    UNION ALL SELECT tenant, customer_id FROM histories SEMI JOIN touched USING (tenant, ticket_id)
    UNION ALL SELECT tenant, customer_id FROM facts SEMI JOIN touched USING (tenant, ticket_id)
);
----
CREATE OR REPLACE TEMP TABLE dirty AS
SELECT tenant, customer_id FROM all_dirty WHERE hash(customer_id) % $slices = $slice;
----
CREATE OR REPLACE TEMP TABLE scope AS
SELECT DISTINCT tenant, ticket_id FROM (
    SELECT tenant, ticket_id FROM tickets SEMI JOIN dirty USING (tenant, customer_id)
    UNION ALL SELECT tenant, ticket_id FROM histories SEMI JOIN dirty USING (tenant, customer_id)
);
----
-- What a closing reason says, beyond being a reason.
CREATE OR REPLACE TEMP TABLE closing (reason VARCHAR, excluded VARCHAR, resolution VARCHAR);
----
INSERT INTO closing VALUES
    ('merged', 'merged', NULL), ('merge', 'merged', NULL), ('duplicate', 'merged', NULL),
    ('spam', 'spam', NULL), ('junk', 'spam', NULL),
    ('bot', 'bot', NULL), ('automated', 'bot', NULL), ('auto_generated', 'bot', NULL),
    ('deleted_account', 'deleted_account', NULL), ('account_deleted', 'deleted_account', NULL),
    ('deleted_user', 'deleted_account', NULL), ('deleted', 'deleted_account', NULL),
    ('abandoned', NULL, 'abandoned'), ('no_reply', NULL, 'abandoned'),
    ('no_response', NULL, 'abandoned'), ('customer_unresponsive', NULL, 'abandoned'),
    ('exhausted', NULL, 'abandoned'), ('inactive', NULL, 'abandoned'), ('timeout', NULL, 'abandoned'),
    ('confirmed', NULL, 'confirmed'), ('customer_confirmed', NULL, 'confirmed'),
    ('confirmed_by_customer', NULL, 'confirmed');
----
-- Every ticket that a dirty customer has now, with what it was opened as. Of an imported ticket the
-- newest revision is the one recorded last, because an export that was corrected carries no newer
-- event time.
CREATE OR REPLACE TEMP TABLE base AS
WITH revisions AS (SELECT * FROM histories SEMI JOIN scope USING (tenant, ticket_id)),
newest AS (
    SELECT max(seq) AS seq,
        CAST(bool_or(arm IS NULL OR arm = 'human') AS INTEGER)
            + CAST(coalesce(bool_or(arm = 'agent'), false) AS INTEGER)
            + CAST(coalesce(bool_or(arm = 'canary'), false) AS INTEGER) AS arms_seen
    FROM revisions GROUP BY tenant, workflow, ticket_id
),
past AS (
    SELECT r.* REPLACE (coalesce(r.arm, 'human') AS arm),
        r.arm IS NOT NULL AS randomised,
        n.arms_seen,
        c.excluded,
        CASE
            WHEN r.resolved_at IS NULL THEN NULL
            WHEN r.path = 'abandoned' OR c.resolution = 'abandoned' THEN 'abandoned'
            ELSE coalesce(c.resolution, 'assumed')
        END AS resolution,
        -- A rating without a time was given when the ticket was closed, as far as anybody knows.
        CASE WHEN r.csat IS NOT NULL THEN coalesce(r.csat_at, r.resolved_at, r.opened_at) END AS rated_at,
        -- A survey time without a score is a survey that nobody answered.
        CASE WHEN r.csat IS NULL THEN r.csat_at END AS offered_at
    FROM revisions r
    JOIN newest n USING (seq)
    LEFT JOIN closing c ON c.reason = regexp_replace(lower(trim(r.closed_reason)), '[ -]+', '_', 'g')
),
opened AS (
    SELECT tenant, ticket_id, max(seq) AS seq,
        arg_max(struct_pack(workflow := coalesce(workflow, ''), customer_id := customer_id,
            opened_at := opened_at, tier := tier, channel := channel, language := language,
            region := region, issue_key := issue_key, excluded := excluded, source := source),
            (occurred_at, event_id)) AS it
    FROM tickets SEMI JOIN scope USING (tenant, ticket_id)
    WHERE ticket_id IS NOT NULL AND customer_id IS NOT NULL
    GROUP BY tenant, ticket_id
)
SELECT * FROM (SELECT
    coalesce(o.tenant, p.tenant) AS tenant,
    coalesce(o.it.workflow, p.workflow, '') AS workflow,
    coalesce(o.ticket_id, p.ticket_id) AS ticket_id,
    coalesce(o.it.customer_id, p.customer_id) AS customer_id,
    coalesce(o.it.opened_at, p.opened_at) AS opened_at,
    coalesce(o.it.tier, p.tier) AS tier,
    coalesce(o.it.channel, p.channel) AS channel,
    coalesce(o.it.language, p.language) AS language,
    coalesce(o.it.region, p.region) AS region,
    coalesce(o.it.issue_key, p.issue_key) AS issue_key,
    coalesce(o.it.excluded, p.excluded) AS ticket_excluded,
    CASE WHEN o.ticket_id IS NULL THEN 'import' ELSE coalesce(o.it.source, 'live') END AS source,
    greatest(o.seq, p.seq) AS seq,
    CASE WHEN p.seq IS NOT NULL THEN p END AS past
FROM opened o
FULL OUTER JOIN past p
    ON p.tenant = o.tenant AND p.workflow = o.it.workflow AND p.ticket_id = o.ticket_id)
SEMI JOIN dirty USING (tenant, customer_id);
----
-- Outcomes name their ticket; a workflow they may leave out.
CREATE OR REPLACE TEMP TABLE triage_part AS
SELECT b.tenant, b.workflow, b.ticket_id, max(t.seq) AS seq,
    arg_max(struct_pack(category := t.category, urgency := t.urgency, complexity := t.complexity,
        sentiment := t.sentiment), (t.occurred_at, t.event_id)) AS it
FROM triages t
JOIN base b ON b.tenant = t.tenant AND b.ticket_id = t.ticket_id
    AND b.workflow = coalesce(t.workflow, b.workflow)
GROUP BY b.tenant, b.workflow, b.ticket_id;
----
-- The first assignment counts; a second one to another arm is a crossover.
CREATE OR REPLACE TEMP TABLE assignment_part AS
SELECT b.tenant, b.workflow, b.ticket_id, max(a.seq) AS seq,
    arg_min(struct_pack(arm := a.arm, mode := a.mode, version := a.version, step := a.step,
        weight := a.weight, canary_weight := a.canary_weight, holdout := a.holdout,
        eligible := a.eligible, reason := a.reason, plan_digest := a.plan_digest,
        "position" := a."position"), (a.occurred_at, a.event_id)) AS it,
    count(DISTINCT a.arm) AS arms_seen
FROM assignments a
JOIN base b ON b.tenant = a.tenant AND b.ticket_id = a.ticket_id
    AND b.workflow = coalesce(a.workflow, b.workflow)
GROUP BY b.tenant, b.workflow, b.ticket_id;
----
-- Sums go through decimals: sums of doubles depend on their order in the last digits.
CREATE OR REPLACE TEMP TABLE handling_part AS
WITH each_once AS (
    SELECT b.workflow AS flow, b.opened_at, h.*
    FROM handlings h
    JOIN base b ON b.tenant = h.tenant AND b.ticket_id = h.ticket_id
        AND b.workflow = coalesce(h.workflow, b.workflow)
    QUALIFY row_number() OVER (PARTITION BY h.tenant, h.event_id, b.workflow ORDER BY h.seq) = 1
)
SELECT tenant, workflow, ticket_id, seq, w AS it
FROM (
    SELECT tenant, flow AS workflow, ticket_id, max(seq) AS seq,
        bool_or(handler = 'agent' AND coalesce(outcome, 'replied') = 'replied') AS agent_replied,
        bool_or(handler = 'agent' AND outcome = 'handed_off') AS handed_off,
        min(occurred_at) FILTER (WHERE handler = 'agent' AND outcome = 'handed_off') AS handed_off_at,
        bool_or(handler = 'human') AS human_worked,
        CAST(sum(turns) AS INTEGER) AS turns,
        date_diff('microsecond', any_value(opened_at), min(first_response_at)) / 1e6 AS first_response,
        CAST(sum(TRY_CAST(handle_seconds AS DECIMAL(38, 9))) AS DOUBLE) AS handle_seconds,
        CAST(sum(TRY_CAST(human_seconds AS DECIMAL(38, 9))) AS DOUBLE) AS human_seconds,
        max(latency_seconds) FILTER (WHERE handler = 'agent') AS latency_seconds,
        -- One unknown price makes the ticket's price unknown; where no agent worked it is known to be 0.
        CASE
            WHEN bool_and(cost_usd IS NOT NULL) FILTER (WHERE handler = 'agent')
                THEN CAST(sum(TRY_CAST(cost_usd AS DECIMAL(38, 9))) FILTER (WHERE handler = 'agent') AS DOUBLE)
            WHEN count(*) FILTER (WHERE handler = 'agent') = 0 THEN 0.0
            ELSE NULL
        END AS cost_usd,
        CAST(sum(len(violations)) AS INTEGER) AS violations,
        CAST(count(*) FILTER (WHERE handler = 'agent' AND (outcome = 'failed' OR error IS NOT NULL)) AS INTEGER) AS errors,
        arg_max(struct_pack(confidence := confidence, retrieval_confidence := retrieval_confidence,
            retrieval_age_days := retrieval_age_days), (occurred_at, event_id))
            FILTER (WHERE handler = 'agent') AS last_run
    FROM each_once
    GROUP BY tenant, flow, ticket_id
) w;
----
-- The first escalation is the one that took the ticket away from the agent.
CREATE OR REPLACE TEMP TABLE escalation_part AS
SELECT b.tenant, b.workflow, b.ticket_id, max(e.seq) AS seq,
    arg_min(struct_pack(reason := e.reason, at_triage := e.at_triage, "at" := e.occurred_at),
        (e.occurred_at, e.event_id)) AS it
FROM escalations e
JOIN base b ON b.tenant = e.tenant AND b.ticket_id = e.ticket_id
    AND b.workflow = coalesce(e.workflow, b.workflow)
GROUP BY b.tenant, b.workflow, b.ticket_id;
----
CREATE OR REPLACE TEMP TABLE resolution_part AS
SELECT b.tenant, b.workflow, b.ticket_id, max(r.seq) AS seq,
    arg_max(struct_pack(resolved_at := r.resolved_at, kind := r.kind, path := nullif(r.path, ''),
        closed_reason := r.closed_reason, excluded := c.excluded), (r.occurred_at, r.event_id)) AS it
FROM resolutions r
JOIN base b ON b.tenant = r.tenant AND b.ticket_id = r.ticket_id
    AND b.workflow = coalesce(r.workflow, b.workflow)
LEFT JOIN closing c ON c.reason = regexp_replace(lower(trim(r.closed_reason)), '[ -]+', '_', 'g')
GROUP BY b.tenant, b.workflow, b.ticket_id;
----
CREATE OR REPLACE TEMP TABLE csat_part AS
SELECT b.tenant, b.workflow, b.ticket_id, max(c.seq) AS seq,
    arg_max(struct_pack(score := c.score, "at" := c."at"), (c."at", c.event_id))
        FILTER (WHERE c.score IS NOT NULL) AS it,
    min(c."at") FILTER (WHERE c.score IS NULL) AS offered_at
FROM csats c
JOIN base b ON b.tenant = c.tenant AND b.ticket_id = c.ticket_id
    AND b.workflow = coalesce(c.workflow, b.workflow)
GROUP BY b.tenant, b.workflow, b.ticket_id;
----
-- What turned out later: an exclusion by the newest word on it, and the last time it was reopened.
CREATE OR REPLACE TEMP TABLE correction_part AS
SELECT b.tenant, b.workflow, b.ticket_id, max(o.seq) AS seq,
    arg_max(struct_pack(reason := o.payload ->> 'value'), (o.occurred_at, o.event_id))
        FILTER (WHERE o.payload ->> 'what' = 'excluded') AS exclusion,
    max(o.occurred_at) FILTER (WHERE o.payload ->> 'what' = 'reopened') AS reopened_at
FROM others o
JOIN base b ON b.tenant = o.tenant AND b.ticket_id = o.ticket_id
    AND b.workflow = coalesce(o.workflow, b.workflow)
WHERE o.kind = 'correction'
GROUP BY b.tenant, b.workflow, b.ticket_id;
----
-- Everything but re-contacts. What was recorded live goes before what an import says of the ticket.
CREATE OR REPLACE TEMP TABLE fresh AS
SELECT tenant, workflow, ticket_id, customer_id, opened_at, CAST(opened_at AS DATE) AS "day", source,
    CASE WHEN exclusion IS NOT NULL THEN exclusion.reason ELSE coalesce(ticket_excluded, resolved.excluded) END
        AS excluded,
    coalesce(assigned.step, past.step) AS step,
    coalesce(assigned.arm, past.arm) AS arm,
    CASE
        WHEN assigned IS NOT NULL THEN assigned.mode
        ELSE coalesce(past.mode, CASE WHEN past.randomised THEN 'live' END)
    END AS mode,
    coalesce(assigned.version, past.version) AS version,
    coalesce(assigned.weight, past.weight) AS weight,
    assigned.canary_weight AS canary_weight,
    assigned.holdout AS holdout,
    CASE WHEN assigned IS NOT NULL THEN assigned.eligible WHEN past.randomised THEN true END AS eligible,
    CASE WHEN assigned IS NOT NULL THEN assigned.reason WHEN past.randomised THEN 'HISTORY' END
        AS assignment_reason,
    assigned.plan_digest AS plan_digest,
    assigned."position" AS "position",
    coalesce(triaged.category, past.category) AS category,
    coalesce(triaged.urgency, past.urgency) AS urgency,
    coalesce(triaged.complexity, past.complexity) AS complexity,
    coalesce(triaged.sentiment, past.sentiment) AS sentiment,
    tier, channel, language, region, issue_key,
    CASE WHEN done_at IS NOT NULL THEN served END AS path,
    done_at AS resolved_at,
    CASE WHEN done_at IS NOT NULL THEN claimed END AS resolution,
    CASE WHEN resolved IS NOT NULL THEN resolved.closed_reason ELSE past.closed_reason END AS closed_reason,
    CASE
        WHEN handed_off OR escalation IS NOT NULL THEN true
        WHEN past IS NULL THEN false
        WHEN past.escalated IS NOT NULL THEN past.escalated
        WHEN done_at IS NULL THEN NULL
        WHEN served = 'agent_then_human' THEN true
        WHEN served = 'agent' THEN false
    END AS escalated,
    coalesce(escalation.reason, past.escalation_reason) AS escalation_reason,
    escalation.at_triage AS escalated_at_triage,
    -- An export says that a ticket was escalated, never when.
    least(escalation."at", work.handed_off_at) AS escalated_at,
    CAST(coalesce(work.turns, past.turns) AS INTEGER) AS turns,
    -- A reply that precedes its question measures nothing.
    CASE WHEN work.first_response >= 0 THEN work.first_response END AS first_response_seconds,
    coalesce(work.handle_seconds, past.handle_seconds) AS handle_seconds,
    coalesce(work.human_seconds, past.human_seconds) AS human_seconds,
    work.latency_seconds AS latency_seconds,
    CASE WHEN work IS NOT NULL THEN work.cost_usd ELSE past.cost_usd END AS cost_usd,
    CASE WHEN rated_here THEN rated.score ELSE past.csat END AS csat,
    CASE WHEN rated_here THEN rated."at" ELSE past.rated_at END AS csat_at,
    coalesce(least(survey_offered_at, past.offered_at), least(done_at, past.rated_at, rated."at"))
        AS csat_offered_at,
    CAST(coalesce(work.violations, past.violations, CASE WHEN past IS NULL THEN 0 END) AS INTEGER)
        AS violations,
    CAST(coalesce(work.errors, CASE WHEN past IS NULL THEN 0 END) AS INTEGER) AS errors,
    work.last_run.confidence AS confidence,
    work.last_run.retrieval_confidence AS retrieval_confidence,
    work.last_run.retrieval_age_days AS retrieval_age_days,
    CAST(coalesce(arms_seen, past.arms_seen, 0) AS INTEGER) AS arms_seen,
    last_seq AS seq
FROM (
    SELECT *,
        past.rated_at IS NULL OR coalesce(rated."at" >= past.rated_at, false) AS rated_here,
        coalesce(work.handed_off, false) AS handed_off,
        coalesce(resolved.resolved_at, past.resolved_at) AS done_at,
        CASE WHEN resolved IS NOT NULL THEN resolved.kind ELSE past.resolution END AS claimed,
        CASE
            WHEN resolved.path IS NOT NULL THEN resolved.path
            WHEN resolved IS NULL AND past.path IS NOT NULL THEN past.path
            WHEN claimed = 'abandoned' THEN 'abandoned'
            WHEN work.agent_replied AND (work.handed_off OR work.human_worked OR escalation IS NOT NULL)
                THEN 'agent_then_human'
            WHEN work.agent_replied THEN 'agent'
            WHEN work.human_worked OR escalation IS NOT NULL THEN 'human'
            WHEN past.arm IN ('agent', 'canary') AND coalesce(past.mode, 'live') = 'live' THEN
                CASE WHEN past.escalated OR past.human_seconds > 0 THEN 'agent_then_human' ELSE 'agent' END
            ELSE 'human'
        END AS served
    FROM (
        SELECT b.*, t.it AS triaged, a.it AS assigned, a.arms_seen, h.it AS work, e.it AS escalation,
            -- A claim that was taken back is none.
            CASE WHEN o.reopened_at > r.it.resolved_at THEN NULL ELSE r.it END AS resolved,
            o.exclusion, c.it AS rated, c.offered_at AS survey_offered_at,
            greatest(b.seq, t.seq, a.seq, h.seq, e.seq, r.seq, c.seq, o.seq) AS last_seq
        FROM base b
        LEFT JOIN triage_part t USING (tenant, workflow, ticket_id)
        LEFT JOIN assignment_part a USING (tenant, workflow, ticket_id)
        LEFT JOIN handling_part h USING (tenant, workflow, ticket_id)
        LEFT JOIN escalation_part e USING (tenant, workflow, ticket_id)
        LEFT JOIN resolution_part r USING (tenant, workflow, ticket_id)
        LEFT JOIN csat_part c USING (tenant, workflow, ticket_id)
        LEFT JOIN correction_part o USING (tenant, workflow, ticket_id)
    )
);
----
-- Re-contact: the first later ticket of the same customer on the same issue after a claimed
-- resolution. Two issue keys decide; where one is missing the category does, so that a claim looks
-- along up to two lines of contacts. Excluded tickets are on neither side. A resolution dated before
-- its own ticket may not find that ticket again.
CREATE OR REPLACE TEMP TABLE again AS
WITH counted AS (
    SELECT tenant, workflow, ticket_id, customer_id, issue_key, category, opened_at,
        CASE WHEN resolution IN ('confirmed', 'assumed') THEN greatest(resolved_at, opened_at) END
            AS claimed_at
    FROM fresh WHERE excluded IS NULL
),
-- One line per thing a contact can share with a claim: 1 the key, 2 the category of a ticket
-- without key (seen by claims with key), 3 the category of any ticket (seen by claims without key).
lines AS (
    SELECT 1 AS line, issue_key AS issue, * EXCLUDE (issue_key, category),
        true AS is_contact, true AS is_claim
    FROM counted WHERE issue_key IS NOT NULL
    UNION ALL
    SELECT 2, coalesce(category, ''), * EXCLUDE (issue_key, category), issue_key IS NULL, issue_key IS NOT NULL
    FROM counted WHERE EXISTS (FROM counted WHERE issue_key IS NOT NULL)
    UNION ALL
    SELECT 3, coalesce(category, ''), * EXCLUDE (issue_key, category), true, issue_key IS NULL
    FROM counted
),
-- At equal times contacts come first: a re-contact is strictly later than the claim.
moments AS (
    SELECT line, tenant, workflow, customer_id, issue, opened_at AS moment, opened_at AS contact,
        NULL AS ticket_id
    FROM lines WHERE is_contact
    UNION ALL
    SELECT line, tenant, workflow, customer_id, issue, claimed_at, NULL, ticket_id
    FROM lines WHERE is_claim AND claimed_at IS NOT NULL
),
found AS (
    SELECT tenant, workflow, ticket_id, min(contact) OVER (
        PARTITION BY line, tenant, workflow, customer_id, issue
        ORDER BY moment, ticket_id NULLS FIRST
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS recontact_at
    FROM moments
)
SELECT tenant, workflow, ticket_id, min(recontact_at) AS recontact_at
FROM found WHERE ticket_id IS NOT NULL AND recontact_at IS NOT NULL
GROUP BY tenant, workflow, ticket_id;
----
-- Days of whose tickets anything changed. A ticket's row follows from its own events, of which ``seq``
-- is the newest, from who came back, and from erasure. Returns after a month are nobody's outcome.
CREATE OR REPLACE TEMP TABLE changed_days AS
SELECT DISTINCT tenant, workflow, "day" FROM (
    SELECT tenant, workflow, "day" FROM (
        SELECT tenant, workflow, "day", ticket_id, customer_id, seq, resolved_at, recontact_at
        FROM facts SEMI JOIN dirty USING (tenant, customer_id)
        UNION ALL
        SELECT tenant, workflow, "day", ticket_id, customer_id, seq, resolved_at, recontact_at
        FROM fresh LEFT JOIN again USING (tenant, workflow, ticket_id)
    )
    GROUP BY tenant, workflow, "day", ticket_id, customer_id, seq,
        CASE WHEN recontact_at <= resolved_at + INTERVAL 31 DAY THEN recontact_at END
    HAVING count(*) = 1
) WHERE "day" IS NOT NULL;
----
-- A number that only grows: whoever kept something of a day sees whether it still holds.
CREATE OR REPLACE TEMP TABLE revised AS
SELECT tenant, workflow, "day", (SELECT coalesce(max(revision), 0) + 1 FROM fact_days) AS revision
FROM changed_days;
----
DELETE FROM fact_days USING revised r
WHERE fact_days.tenant = r.tenant AND fact_days.workflow = r.workflow AND fact_days."day" = r."day";
----
INSERT INTO fact_days BY NAME FROM revised;
----
DELETE FROM facts USING dirty d WHERE facts.tenant = d.tenant AND facts.customer_id = d.customer_id;
----
INSERT INTO facts BY NAME
SELECT f.*, a.recontact_at
FROM fresh f
LEFT JOIN again a USING (tenant, workflow, ticket_id);
