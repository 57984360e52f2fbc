-- The outbox: notifications on their way. A lane is (incident_id, channel, route, target).
-- What is not finished is pending or claimed: the live rows have indexes of their own.
-- (SELECT clock_timestamp()) is evaluated once a statement, so that an index can use it.

-- name: turn
-- A worker's turn, in one round trip: end what came to an end, claim what there is room for.
-- $1 channel, $2 routes, $3 most rows, $4 worker, $5 lease in seconds; $6 ids, $7 claim tokens,
-- $8 states ('sent', 'failed' or 'pending'), $9 reasons, $10 seconds until one made pending is
-- due, $11 whether nobody knows if it arrived, $12 whether a receipt is to come, or null;
-- $13 'on' or 'off': whether the COMMIT waits for the disk. A claim that a power failure takes
-- back is a row that is claimed again, as after any crash; others see it at once.
-- $14 since: rows due before it are passed by, or null. Of a long queue the head is dead rows,
-- as many as were sent since the last vacuum; without it each turn would read all of them.
-- A parameter in a SELECT of its own is one that the planner cannot look at: it would find plans
-- for few rows cheaper than the one for any number, and plan each turn anew, which costs more than
-- the turn.
-- What ends is locked in the order in which an evaluation locks a lane's rows, so that the two
-- never wait for each other in a circle. The materialized queries are fences: no more rows are
-- locked than are taken. A claim whose lease ran out is taken like a due row: it was due before.
WITH chosen AS MATERIALIZED (
    SELECT set_config('synchronous_commit', $13::text, true)
), held AS MATERIALIZED (
    SELECT n.id, ended.state, ended.reason, ended.delay_s, ended.unknown, ended.receipt
    FROM unnest((SELECT $6::uuid[]), $7::uuid[], $8::text[], $9::text[], $10::float8[], $11::boolean[],
                $12::boolean[])
        AS ended (id, claim_token, state, reason, delay_s, unknown, receipt)
    JOIN notification AS n ON n.id = ended.id AND n.claim_token = ended.claim_token
    WHERE n.state = 'claimed' AND n.id = ANY ((SELECT $6::uuid[])::uuid[]) AND (SELECT true FROM chosen)
    ORDER BY n.id
    FOR UPDATE OF n
), due AS MATERIALIZED (
    -- of a claim whose lease ran out nobody knows whether it arrived
    SELECT n.id, n.state = 'claimed' AS unknown
    FROM notification AS n
    WHERE n.finished_at IS NULL AND n.due_at <= (SELECT clock_timestamp())
      AND n.due_at >= coalesce($14::timestamptz, '-infinity')
      AND n.channel = $1 AND n.route = ANY ($2::text[])
      AND (n.state = 'pending' OR n.lease_until < (SELECT clock_timestamp()))
      AND n.id <> ALL ((SELECT $6::uuid[])::uuid[])
      AND NOT EXISTS (
          SELECT FROM notification AS earlier
          WHERE earlier.incident_id = n.incident_id AND earlier.channel = n.channel
            AND earlier.route = n.route AND earlier.target = n.target
            AND earlier.sequence < n.sequence AND earlier.finished_at IS NULL)
      -- superseded: block "supersede" ends it, nobody sends it
      AND NOT EXISTS (
          SELECT FROM notification AS newer
          WHERE newer.incident_id = n.incident_id AND newer.channel = n.channel
            AND newer.route = n.route AND newer.target = n.target
            AND newer.sequence > n.sequence AND newer.sequence > 1
            AND newer.finished_at IS NULL AND newer.state = 'pending'
            AND (newer.kind IN ('recovery', 'clear')
                 OR (n.attempts > 0 AND newer.held_until IS NULL)))
    ORDER BY n.due_at, n.id
    LIMIT (SELECT $3::integer)
    FOR UPDATE OF n SKIP LOCKED
), change AS MATERIALIZED (
    SELECT id, state, reason, delay_s, unknown, receipt, false AS is_claim FROM held
    UNION ALL
    SELECT id, 'claimed', NULL, NULL, unknown, NULL, true FROM due
)
UPDATE notification AS n
SET state = change.state::notification_state,
    attempts = n.attempts + change.is_claim::integer,
    unknown_outcomes = n.unknown_outcomes + change.unknown::integer,
    claim_token = CASE WHEN change.is_claim THEN gen_random_uuid() END,
    lease_until = CASE WHEN change.is_claim
                  THEN clock_timestamp() + make_interval(secs => $5) END,
    claimed_by = CASE WHEN change.is_claim THEN $4 ELSE n.claimed_by END,
    finished_at = CASE WHEN change.state IN ('sent', 'failed') THEN clock_timestamp() END,
    due_at = CASE WHEN change.state = 'pending'
             THEN clock_timestamp() + make_interval(secs => change.delay_s) ELSE n.due_at END,
    last_error = CASE WHEN change.is_claim THEN n.last_error ELSE change.reason END,
    expects_receipt = CASE WHEN change.is_claim THEN n.expects_receipt ELSE change.receipt END
FROM change
-- an array, so that each is found by its key whatever the planner thinks of the table
WHERE n.id = change.id AND n.id = ANY (array(SELECT id FROM change))
RETURNING change.is_claim, n.id, n.due_at, n.incident_id, n.channel, n.route, n.target, n.kind,
    n.severity::text, CASE WHEN change.is_claim THEN n.message END AS message, n.attempts,
    n.unknown_outcomes, n.claim_token, n.correlation_id, change.unknown AS taken_over, n.via,
    n.repeats IS NOT NULL AS is_repetition;

-- name: supersede
-- Ends what a newer row of its lane has made pointless, so that the newer one is the last to
-- arrive: a row attempted before, unless the newer one still waits for company, or any row that a
-- closing message follows. A claim whose lease ran out is first given back; its end comes with the
-- next call. The newer ones are few (index notification_follower), and the earlier are found by
-- them.
WITH superseded AS MATERIALIZED (
    SELECT n.id, n.state
    FROM notification AS n
    WHERE (n.state = 'pending'
           OR (n.state = 'claimed' AND n.lease_until < (SELECT clock_timestamp())))
      AND n.id = ANY (ARRAY(
          SELECT earlier.id
          FROM notification AS newer
          JOIN notification AS earlier
            ON earlier.incident_id = newer.incident_id AND earlier.channel = newer.channel
           AND earlier.route = newer.route AND earlier.target = newer.target
           AND earlier.sequence < newer.sequence
           AND earlier.finished_at IS NULL
          WHERE newer.finished_at IS NULL AND newer.state = 'pending' AND newer.sequence > 1
            AND (newer.kind IN ('recovery', 'clear')
                 OR (earlier.attempts > 0 AND newer.held_until IS NULL))))
    ORDER BY n.id
    FOR UPDATE OF n SKIP LOCKED
), given_back AS (
    UPDATE notification AS n
    SET state = 'pending', claim_token = NULL, lease_until = NULL,
        unknown_outcomes = n.unknown_outcomes + 1,
        last_error = 'its worker did not answer before the lease ran out'
    FROM superseded
    WHERE n.id = superseded.id AND superseded.state = 'claimed'
    RETURNING n.id
), cancelled AS (
    UPDATE notification AS n
    SET state = 'cancelled', finished_at = clock_timestamp(), claimed_by = NULL,
        last_error = 'superseded by a newer notification of its lane'
    FROM superseded
    WHERE n.id = superseded.id AND superseded.state = 'pending'
    RETURNING n.id
)
SELECT (SELECT count(*) FROM given_back) AS given_back,
       (SELECT count(*) FROM cancelled) AS cancelled;

-- name: next_due
-- $1 channel, $2 routes: seconds until a row may be claimable; null when there is none.
SELECT extract(epoch FROM least(
    (SELECT n.due_at
     FROM notification AS n
     WHERE n.finished_at IS NULL AND n.state = 'pending'
       AND n.channel = $1 AND n.route = ANY ($2::text[])
       AND NOT EXISTS (
           SELECT FROM notification AS earlier
           WHERE earlier.incident_id = n.incident_id AND earlier.channel = n.channel
             AND earlier.route = n.route AND earlier.target = n.target
             AND earlier.sequence < n.sequence AND earlier.finished_at IS NULL)
     ORDER BY n.due_at
     LIMIT 1),
    -- what is claimed was due
    (SELECT min(n.lease_until)
     FROM notification AS n
     WHERE n.finished_at IS NULL AND n.due_at <= (SELECT clock_timestamp())
       AND n.state = 'claimed' AND n.channel = $1 AND n.route = ANY ($2::text[]))
) - clock_timestamp())::double precision;

-- name: remaining_leases
-- $1 ids, $2 claim tokens: seconds left; no row for a claim that is another's by now.
SELECT n.claim_token, extract(epoch FROM n.lease_until - clock_timestamp())::double precision
    AS left_s
FROM unnest($1::uuid[], $2::uuid[]) AS asked (id, claim_token)
JOIN notification AS n ON n.id = asked.id AND n.claim_token = asked.claim_token
WHERE n.state = 'claimed';

-- name: give_back_all
-- $1 worker: everything it still holds, due at once. Locked in order, as above.
WITH held AS MATERIALIZED (
    SELECT id FROM notification
    WHERE finished_at IS NULL AND claimed_by = $1 AND state = 'claimed'
    ORDER BY id
    FOR UPDATE
)
UPDATE notification AS n
SET state = 'pending', claim_token = NULL, lease_until = NULL,
    unknown_outcomes = n.unknown_outcomes + (n.id = ANY ($2::uuid[]))::integer,
    due_at = clock_timestamp(), last_error = 'its worker stopped'
FROM held
WHERE n.id = held.id
RETURNING n.id;
