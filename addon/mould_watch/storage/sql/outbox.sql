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

-- name: lock_lane
-- $1 notification: its incident's rows, as an evaluation locks them.
SELECT n.id, n.state::text, n.fell_back FROM notification AS n
WHERE n.incident_id = (SELECT incident_id FROM notification WHERE id = $1)
ORDER BY n.id
FOR UPDATE;

-- name: is_followed
-- $1 notification: whether its lane has gone on without it.
SELECT EXISTS (
    SELECT FROM notification AS n
    JOIN notification AS newer
      ON newer.incident_id = n.incident_id AND newer.channel = n.channel
     AND newer.route = n.route AND newer.target = n.target AND newer.sequence > n.sequence
    WHERE n.id = $1 AND newer.state <> 'cancelled');

-- name: retry
-- $1 notification, $2 reason.
UPDATE notification
SET state = 'pending', retries = retries + 1, finished_at = NULL, claimed_by = NULL,
    due_at = clock_timestamp(), last_error = $2
WHERE id = $1 AND state = 'failed'
RETURNING id;

-- name: lock_fallback
-- One worker at a time hands over, until the end of its transaction. 19832 names the purpose.
SELECT pg_try_advisory_xact_lock(19832, 0);

-- name: waiting_for_fallback
-- $1 channel, $2 routes that are served, $3 seconds: rows that nobody took for so long, though
-- they were due and the first of their lane: nobody anywhere has their way. A closing message
-- waits: where its alarm went another way, that way is closed by a message of its own. Whoever
-- moves the incident waits for what is written here, so that its plan knows of it.
SELECT n.id, n.correlation_id
FROM notification AS n
JOIN incident ON incident.id = n.incident_id
WHERE n.finished_at IS NULL AND n.state = 'pending'
  AND n.channel = $1 AND NOT n.route = ANY ($2::text[])
  AND n.due_at <= (SELECT clock_timestamp()) - make_interval(secs => $3)
  AND n.fallback_of IS NULL AND n.kind NOT IN ('recovery', 'clear')
  AND NOT EXISTS (
      SELECT FROM notification AS earlier
      WHERE earlier.incident_id = n.incident_id AND earlier.channel = n.channel
        AND earlier.route = n.route AND earlier.target = n.target
        AND earlier.sequence < n.sequence AND earlier.finished_at IS NULL)
ORDER BY n.id
LIMIT 100
FOR UPDATE OF n SKIP LOCKED
FOR SHARE OF incident SKIP LOCKED;

-- name: undelivered_for_fallback
-- $1 seconds, $2 channel, $3 route, $4 target, $5 who is told: what was let go so long ago on any
-- other way, was tried there, and still waits for another try as the last word of its lane. What is
-- kept for the morning waits here as well.
SELECT n.id, n.correlation_id
FROM notification AS n
JOIN incident ON incident.id = n.incident_id
WHERE n.finished_at IS NULL AND n.state = 'pending' AND n.attempts > 0 AND n.held_until IS NULL
  AND coalesce(n.released_at, n.created_at) <= clock_timestamp() - make_interval(secs => $1)
  AND (n.severity >= 'high' OR n.due_at <= clock_timestamp() + interval '1 hour')
  AND (n.channel, n.route, n.target) <> ($2, $3, $4)
  AND CASE n.channel WHEN 'apprise' THEN 'apprise:' || n.target ELSE n.target END
      = ANY ($5::text[])
  AND n.fallback_of IS NULL AND n.kind NOT IN ('recovery', 'clear')
  AND NOT EXISTS (
      SELECT FROM notification AS other
      WHERE other.incident_id = n.incident_id AND other.channel = n.channel
        AND other.route = n.route AND other.target = n.target
        AND CASE WHEN other.sequence < n.sequence THEN other.finished_at IS NULL
                 ELSE other.sequence > n.sequence
                      AND (other.state <> 'cancelled' OR other.fell_back
                           OR other.bundled_in IS NOT NULL) END)
ORDER BY n.id
LIMIT 100
FOR UPDATE OF n SKIP LOCKED
FOR SHARE OF incident SKIP LOCKED;

-- name: failed_for_fallback
-- $1 seconds, $2 channel, $3 route, $4 target, $5 who is told: what failed within that time on any
-- other way, is the last word of its lane, and is still so: something of what it tells is neither
-- over, seen nor put off. A summary tells of what was. Locked by "lock_failed", one by one, when there is something to write.
SELECT n.id
FROM notification AS n
WHERE n.is_failed AND n.finished_at > clock_timestamp() - make_interval(secs => $1)
  AND (n.channel, n.route, n.target) <> ($2, $3, $4)
  AND CASE n.channel WHEN 'apprise' THEN 'apprise:' || n.target ELSE n.target END
      = ANY ($5::text[])
  AND n.fallback_of IS NULL AND n.kind NOT IN ('recovery', 'clear')
  AND (n.kind = 'summary' OR EXISTS (
      SELECT FROM incident AS about
      WHERE about.id IN (SELECT n.incident_id UNION ALL
                         SELECT told.incident_id FROM notification AS told
                         WHERE told.bundled_in = n.id)
        AND about.ended_at IS NULL AND about.acknowledged_at IS NULL
        AND about.snoozed_until IS NULL))
  AND NOT EXISTS (SELECT FROM notification AS there WHERE there.fallback_of = n.id)
  AND NOT EXISTS (
      SELECT FROM notification AS newer
      WHERE newer.incident_id = n.incident_id AND newer.channel = n.channel
        AND newer.route = n.route AND newer.target = n.target AND newer.sequence > n.sequence
        AND (newer.state <> 'cancelled' OR newer.fell_back OR newer.bundled_in IS NOT NULL))
ORDER BY n.finished_at, n.id
LIMIT 100;

-- name: lock_failed
-- $1 notification. No row: it was tried again, its incident moves, or a person handled it.
SELECT n.correlation_id
FROM notification AS n
JOIN incident ON incident.id = n.incident_id
WHERE n.id = $1 AND n.state = 'failed'
  AND (n.kind = 'summary' OR EXISTS (
      SELECT FROM incident AS about
      WHERE about.id IN (SELECT n.incident_id UNION ALL
                         SELECT told.incident_id FROM notification AS told
                         WHERE told.bundled_in = n.id)
        AND about.ended_at IS NULL AND about.acknowledged_at IS NULL
        AND about.snoozed_until IS NULL))
FOR UPDATE OF n SKIP LOCKED
FOR SHARE OF incident SKIP LOCKED;

-- name: is_said
-- $1 notification, $2 channel, $3 route, $4 target: whether that target was told all that the
-- notification tells, or will be. The reminders of one opening are of one transition: one of an
-- evaluation before is another.
SELECT EXISTS (
    SELECT FROM notification AS n
    JOIN notification AS there
      ON there.incident_id = n.incident_id AND there.transition_id = n.transition_id
     AND there.kind = n.kind
     AND there.channel = $2 AND there.route = $3 AND there.target = $4
    WHERE n.id = $1 AND (there.fallback_of = n.id OR (
        (there.state <> 'cancelled' OR there.attempts > 0 OR there.bundled_in IS NOT NULL)
        AND (n.kind <> 'reminder' OR there.created_at >= n.created_at
             OR there.correlation_id = n.correlation_id)
        AND NOT EXISTS (
            SELECT FROM notification AS other
            WHERE other.bundled_in = n.id AND NOT EXISTS (
                SELECT FROM notification AS same
                WHERE same.incident_id = other.incident_id
                  AND (same.id = there.bundled_in
                       OR same.bundled_in IN (there.id, there.fallback_of, there.bundled_in)))))));

-- name: is_said_in_its_place
-- $1 notification: whether another channel said, or will say, the same in the place of one.
SELECT EXISTS (
    SELECT FROM notification AS n
    JOIN notification AS there
      ON there.incident_id = n.incident_id AND there.transition_id = n.transition_id
     AND there.kind = n.kind AND there.fallback_of IS NOT NULL
    WHERE n.id = $1 AND there.id <> n.id AND there.state IN ('pending', 'claimed', 'sent')
      AND (n.kind <> 'reminder' OR there.created_at >= n.created_at));

-- name: hand_over
-- $1 ids, $2 reason: ended because another channel says it.
UPDATE notification
SET state = 'cancelled', fell_back = true, finished_at = clock_timestamp(), claimed_by = NULL,
    last_error = $2
WHERE id = ANY ($1::uuid[]) AND state = 'pending';

-- name: insert_fallback
-- $1 the notification in whose place, $2 channel, $3 route, $4 target: the next of its lane there.
-- It waits for nothing, and counts in what that target gets a day.
INSERT INTO notification
    (transition_id, incident_id, channel, route, target, sequence, kind, severity, message,
     fallback_of, correlation_id, released_at)
SELECT n.transition_id, n.incident_id, $2, $3, $4,
    (SELECT coalesce(max(lane.sequence), 0) + 1 FROM notification AS lane
     WHERE lane.incident_id = n.incident_id AND lane.channel = $2 AND lane.route = $3
       AND lane.target = $4),
    n.kind, n.severity, n.message, n.id, n.correlation_id, clock_timestamp()
FROM notification AS n
WHERE n.id = $1
RETURNING id;

-- name: unserved_routes
-- $1 channel, $2 routes known: other routes of waiting rows, that nobody will ever serve.
SELECT DISTINCT route FROM notification
WHERE finished_at IS NULL AND channel = $1 AND NOT route = ANY ($2::text[]);

-- name: remove_finished
-- $1 days, $2 most incidents: the notifications of incidents that ended so long ago, all or none
-- of one. Once a day: no index is kept for it.
WITH over AS MATERIALIZED (
    SELECT incident.id
    FROM incident
    WHERE incident.ended_at < clock_timestamp() - make_interval(days => $1)
      AND EXISTS (SELECT FROM notification WHERE incident_id = incident.id)
      AND NOT EXISTS (
          SELECT FROM notification
          WHERE incident_id = incident.id
            AND (finished_at IS NULL
                 OR finished_at >= clock_timestamp() - make_interval(days => $1)))
    LIMIT $2
), receipts AS (
    DELETE FROM notification_receipt
    WHERE notification_id IN (
        SELECT notification.id FROM notification JOIN over ON over.id = incident_id)
)
DELETE FROM notification USING over WHERE incident_id = over.id
RETURNING notification.id;
