-- The outbox: notifications on their way. A lane is (incident_id, channel, route, target).
-- (SELECT clock_timestamp()) is evaluated once a statement, so that an index can use it.

-- name: claim
-- $1 channel, $2 routes, $3 most rows, $4 worker, $5 lease in seconds.
-- The materialized query is a fence: no more rows are locked than are taken.
WITH candidate AS MATERIALIZED (
    SELECT n.id, n.state AS former_state
    FROM notification AS n
    WHERE n.channel = $1
      AND n.route = ANY ($2::text[])
      AND (   (n.state = 'pending' AND n.due_at <= (SELECT clock_timestamp()))
           OR (n.state = 'claimed' AND n.lease_until < (SELECT clock_timestamp())))
      AND NOT EXISTS (
          SELECT FROM notification AS earlier
          WHERE earlier.incident_id = n.incident_id AND earlier.channel = n.channel
            AND earlier.route = n.route AND earlier.target = n.target
            AND earlier.sequence < n.sequence
            AND earlier.state IN ('pending', 'claimed'))
      -- superseded: block "supersede" ends it, nobody sends it
      AND NOT EXISTS (
          SELECT FROM notification AS newer
          WHERE newer.incident_id = n.incident_id AND newer.channel = n.channel
            AND newer.route = n.route AND newer.target = n.target
            AND newer.sequence > n.sequence
            AND newer.state = 'pending'
            AND (n.attempts > 0 OR newer.kind <> 'alarm'))
    ORDER BY n.due_at, n.id
    LIMIT $3
    FOR UPDATE OF n SKIP LOCKED
)
UPDATE notification AS n
SET state = 'claimed',
    attempts = n.attempts + 1,
    claim_token = gen_random_uuid(),
    claimed_by = $4,
    lease_until = clock_timestamp() + make_interval(secs => $5)
FROM candidate
WHERE n.id = candidate.id
RETURNING n.id, n.incident_id, n.channel, n.route, n.target, n.kind, n.severity::text,
    n.message, n.attempts, n.claim_token, candidate.former_state = 'claimed' AS taken_over, n.via,
    n.repeats IS NOT NULL AS is_repetition;

-- name: supersede
-- Ends what a newer row of its lane has made pointless, so that the newer one is the last to
-- arrive: a row attempted before, or any row that a closing message follows. A claim whose
-- lease ran out is first given back; its end comes with the next call.
WITH superseded AS MATERIALIZED (
    SELECT n.id, n.state
    FROM notification AS n
    WHERE (n.state = 'pending'
           OR (n.state = 'claimed' AND n.lease_until < (SELECT clock_timestamp())))
      AND EXISTS (
          SELECT FROM notification AS newer
          WHERE newer.incident_id = n.incident_id AND newer.channel = n.channel
            AND newer.route = n.route AND newer.target = n.target
            AND newer.sequence > n.sequence
            AND newer.state = 'pending'
            AND (n.attempts > 0 OR newer.kind <> 'alarm'))
    FOR UPDATE OF n SKIP LOCKED
), given_back AS (
    UPDATE notification AS n
    SET state = 'pending', claim_token = NULL, lease_until = NULL,
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
SELECT extract(epoch FROM min(moment) - clock_timestamp())::double precision
FROM (
    SELECT n.due_at AS moment
    FROM notification AS n
    WHERE n.state = 'pending' AND n.channel = $1 AND n.route = ANY ($2::text[])
      AND NOT EXISTS (
          SELECT FROM notification AS earlier
          WHERE earlier.incident_id = n.incident_id AND earlier.channel = n.channel
            AND earlier.route = n.route AND earlier.target = n.target
            AND earlier.sequence < n.sequence
            AND earlier.state IN ('pending', 'claimed'))
    UNION ALL
    SELECT n.lease_until
    FROM notification AS n
    WHERE n.state = 'claimed' AND n.channel = $1 AND n.route = ANY ($2::text[])
) AS live;

-- name: remaining_lease
-- $1 id, $2 claim token: seconds left; no row when the claim is another's by now.
SELECT extract(epoch FROM lease_until - clock_timestamp())::double precision
FROM notification
WHERE id = $1 AND claim_token = $2 AND state = 'claimed';

-- name: finish
-- $1 id, $2 claim token, $3 'sent' or 'failed', $4 reason, $5 whether a receipt is to come, or null.
UPDATE notification
SET state = $3::text::notification_state, claim_token = NULL, lease_until = NULL,
    finished_at = clock_timestamp(), last_error = $4, expects_receipt = $5
WHERE id = $1 AND claim_token = $2 AND state = 'claimed'
RETURNING id;

-- name: give_back
-- $1 id, $2 claim token, $3 seconds until it is due again, $4 reason.
UPDATE notification
SET state = 'pending', claim_token = NULL, lease_until = NULL,
    due_at = clock_timestamp() + make_interval(secs => $3), last_error = $4
WHERE id = $1 AND claim_token = $2 AND state = 'claimed'
RETURNING id;

-- name: give_back_all
-- $1 worker: everything it still holds, due at once. Locked in the order in which an evaluation
-- locks a lane's rows, so that the two never wait for each other in a circle.
WITH held AS MATERIALIZED (
    SELECT id FROM notification
    WHERE claimed_by = $1 AND state = 'claimed'
    ORDER BY id
    FOR UPDATE
)
UPDATE notification AS n
SET state = 'pending', claim_token = NULL, lease_until = NULL,
    due_at = clock_timestamp(), last_error = 'its worker stopped'
FROM held
WHERE n.id = held.id
RETURNING n.id;
