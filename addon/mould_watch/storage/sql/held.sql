-- Notifications that wait for company, for the morning or for the end of a flood.

-- name: due_targets
-- $1 now.
SELECT DISTINCT channel, route, target FROM notification WHERE held_until <= $1;

-- name: lock_target
-- $1 channel, $2 route, $3 target: one at a time decides about a target, until the end of the
-- transaction. 19833 names the purpose.
SELECT pg_try_advisory_xact_lock(19833, hashtext($1 || '/' || $2 || '/' || $3));

-- name: due
-- $1 channel, $2 route, $3 target, $4 now. Rows that an evaluation or a worker holds are left for
-- later, so that nobody waits for each other.
SELECT n.id AS notification_id, n.incident_id, n.transition_id, n.kind, n.severity::text,
    n.held_for, n.message->>'title' AS title, n.state = 'pending' AS is_pending,
    incident.ended_at IS NOT NULL AS is_over,
    EXISTS (SELECT FROM notification AS shown
            WHERE shown.incident_id = n.incident_id AND shown.channel = n.channel
              AND shown.route = n.route AND shown.target = n.target
              AND shown.attempts > 0) AS is_shown,
    coalesce(
        (SELECT min(room.id) FROM subject_device
         JOIN subject AS room ON room.id = subject_device.subject_id AND room.room_id IS NOT NULL
         WHERE subject_device.device_id = subject.device_id),
        subject.id) AS place
FROM notification AS n
JOIN incident ON incident.id = n.incident_id
JOIN subject ON subject.id = incident.subject_id
WHERE n.held_until <= $4 AND n.channel = $1 AND n.route = $2 AND n.target = $3
ORDER BY n.id
FOR UPDATE OF n SKIP LOCKED;

-- name: released
-- $1 channel, $2 route, $3 target, $4 since when: what counts at the target. Nothing that was
-- withdrawn or told in another does, nor what only takes away.
SELECT n.released_at, n.kind, incident.subject_id, incident.rule_id,
    n.repeats IS NOT NULL AS is_repetition
FROM notification AS n
JOIN incident ON incident.id = n.incident_id
WHERE n.channel = $1 AND n.route = $2 AND n.target = $3 AND n.released_at > $4
  AND n.kind <> 'clear' AND (n.state <> 'cancelled' OR n.attempts > 0)
ORDER BY n.released_at;

-- name: release
-- $1 ids, $2 now.
UPDATE notification
SET held_until = NULL, held_for = NULL, released_at = $2, due_at = clock_timestamp()
WHERE id = ANY ($1::uuid[]) AND state = 'pending';

-- name: hold
-- $1 ids, $2 until, $3 reason, $4 seconds until they go out by themselves.
UPDATE notification
SET held_until = $2, held_for = $3,
    due_at = CASE WHEN state = 'pending' THEN clock_timestamp() + make_interval(secs => $4)
        ELSE due_at END
WHERE id = ANY ($1::uuid[]);

-- name: keep_for_the_morning
-- $1 when it begins, $2 seconds until then, $3 seconds until they go out by themselves after it, $4
-- the level from which nothing waits but a reminder: what was let go by day and has not gone. It
-- waits as if it had come at night; where it was tried, tells of others or goes another way it stays
-- what it is, and is only tried later. What a person has tried again goes at once.
WITH late AS MATERIALIZED (
    SELECT n.id,
        n.attempts = 0 AND n.kind <> 'summary' AND n.fallback_of IS NULL
            AND NOT EXISTS (SELECT FROM notification AS told WHERE told.bundled_in = n.id)
            AS is_held
    FROM notification AS n
    WHERE n.finished_at IS NULL AND n.state = 'pending' AND n.held_until IS NULL
      AND n.kind <> 'clear' AND n.retries = 0
      AND (n.severity < $4::text::risk_level OR n.kind = 'reminder')
      AND n.due_at < (SELECT clock_timestamp()) + make_interval(secs => $2::double precision - 1)
    ORDER BY n.id
    FOR UPDATE OF n SKIP LOCKED
)
UPDATE notification AS n
SET held_until = CASE WHEN late.is_held THEN $1::timestamptz END,
    held_for = CASE WHEN late.is_held THEN 'quiet' END,
    released_at = CASE WHEN late.is_held THEN NULL ELSE n.released_at END,
    due_at = clock_timestamp() + make_interval(
        secs => $2::double precision + CASE WHEN late.is_held THEN $3::double precision ELSE 0 END)
FROM late
WHERE n.id = late.id
RETURNING n.id;

-- name: recall
-- $1 now, $2 and $3 seconds that something waits at the most for company and for anything, $4 seconds
-- until they go out by themselves: what is to wait longer was planned by a clock that was ahead.
-- Here and below, what another holds is left for the next time: nobody waits for each other.
UPDATE notification
SET held_until = $1::timestamptz,
    due_at = CASE WHEN state = 'pending' THEN clock_timestamp() + make_interval(secs => $4)
        ELSE due_at END
WHERE id = ANY (ARRAY(
    SELECT id FROM notification
    WHERE held_until > $1::timestamptz + make_interval(
        secs => CASE held_for WHEN 'group' THEN $2::double precision ELSE $3::double precision END)
    FOR UPDATE SKIP LOCKED));

-- name: recall_tries
-- $1 seconds that a try is put off at the most: what is to wait longer was put off by the clock of
-- the database, when that was ahead.
UPDATE notification SET due_at = clock_timestamp()
WHERE id = ANY (ARRAY(
    SELECT id FROM notification
    WHERE finished_at IS NULL AND state = 'pending' AND held_until IS NULL
      AND due_at > (SELECT clock_timestamp()) + make_interval(secs => $1)
    FOR UPDATE SKIP LOCKED));

-- name: recall_claims
-- $1 seconds that a lease lasts at the most: one that ends later was granted by the clock of the
-- database, when that was ahead. It is cut short, not taken away: its holder may be sending just
-- now, and a clock that was wrong only delays. A dead one's is taken over when it has run out.
WITH ahead AS MATERIALIZED (
    SELECT n.id FROM notification AS n
    WHERE n.finished_at IS NULL AND n.state = 'claimed'
      AND n.lease_until > (SELECT clock_timestamp()) + make_interval(secs => $1::double precision)
    FOR UPDATE OF n SKIP LOCKED
)
UPDATE notification AS n
SET lease_until = clock_timestamp() + make_interval(secs => $1::double precision),
    due_at = least(n.due_at, clock_timestamp())
FROM ahead
WHERE n.id = ahead.id;

-- name: bundle
-- $1 ids, $2 the notification that says them all: those that wait end here; those that a flood kept
-- back until they were over had ended.
UPDATE notification
SET held_until = NULL, held_for = NULL, bundled_in = $2, state = 'cancelled',
    finished_at = coalesce(finished_at, clock_timestamp()),
    last_error = coalesce(last_error, 'told together with others')
WHERE id = ANY ($1::uuid[]);

-- name: next_sequence
-- $1 incident, $2 channel, $3 route, $4 target.
SELECT coalesce(max(sequence), 0) + 1 FROM notification
WHERE incident_id = $1 AND channel = $2 AND route = $3 AND target = $4;

-- name: message
-- $1 notification.
SELECT message FROM notification WHERE id = $1;

-- name: home
SELECT home FROM configuration;
