-- What is done for notifications beside sending them: retried by hand, another way, removed. As in
-- outbox.sql what is not finished has indexes of its own, and (SELECT clock_timestamp()) can use them.

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
-- $1 seconds, $2 channel, $3 route, $4 target, $5 who is told, $6 and $7 channels and routes that rest:
-- what was let go so long ago on any other way, was tried there, and still waits for another try as the
-- last word of its lane; or was due for so long on a way that rests, where nothing is tried. What is
-- kept for the morning waits here as well.
SELECT n.id, n.correlation_id
FROM notification AS n
JOIN incident ON incident.id = n.incident_id
WHERE n.finished_at IS NULL AND n.state = 'pending' AND n.held_until IS NULL
  AND (n.attempts > 0
       OR (n.due_at <= clock_timestamp() - make_interval(secs => $1)
           AND (n.channel, n.route) IN (SELECT * FROM unnest($6::text[], $7::text[]))))
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
-- $1 seconds, $2 channel, $3 route, $4 target, $5 who is told, $6 only this one, or null: what failed
-- within that time on any other way, is the last word of its lane, and is still so: something of what
-- it tells is neither over, seen nor put off. A summary tells of what was. Asked again of each once
-- "lock_failed" holds it. Without a limit: those of another phone's that are said by now stay among
-- them for a day, and a target gets no more in one than the plan allows.
SELECT n.id
FROM notification AS n
WHERE n.is_failed AND n.finished_at > clock_timestamp() - make_interval(secs => $1)
  AND ($6::uuid IS NULL OR n.id = $6)
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
ORDER BY n.finished_at, n.id;

-- name: lock_failed
-- $1 notification: nobody writes behind it in its lane, tries it again, or moves its incident, until
-- the end of the transaction. No row: somebody is about to.
SELECT n.correlation_id
FROM notification AS n
JOIN incident ON incident.id = n.incident_id
WHERE n.id = $1 AND n.state = 'failed'
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
-- of one. Once a day: no index is kept for it. What another process removes is left to it.
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
    FOR NO KEY UPDATE OF incident SKIP LOCKED
), receipts AS (
    DELETE FROM notification_receipt
    WHERE notification_id IN (
        SELECT notification.id FROM notification JOIN over ON over.id = incident_id)
)
DELETE FROM notification USING over WHERE incident_id = over.id
RETURNING notification.id;
