-- Which subjects are to be judged, what they are, and the condition that is left.

-- name: waiting
-- $1 now, $2 subjects put off: those with a request, longest waiting first, then those due.
SELECT subject_id
FROM (
    SELECT subject_id, min(id) AS request_id
    FROM evaluation_request GROUP BY subject_id
    UNION ALL
    SELECT subject_id, NULL FROM condition WHERE next_evaluation_at <= $1
) AS waiting
WHERE subject_id <> ALL ($2::integer[])
GROUP BY subject_id
ORDER BY min(request_id) NULLS LAST, subject_id;

-- name: lock_subject
-- $1 subject: one evaluator at a time, until the end of the transaction. 19831 names the purpose.
SELECT pg_try_advisory_xact_lock(19831, $1::integer);

-- name: take_requests
-- $1 subject, $2 most ids. What this transaction writes carries the id of the newest request; all
-- ids are returned, the newest first. Without a request (it came due) the id is a new one.
WITH taken AS (
    DELETE FROM evaluation_request WHERE subject_id = $1 RETURNING id, from_ts, correlation_id
), ids AS (
    SELECT correlation_id, max(id) AS id FROM taken
    WHERE correlation_id IS NOT NULL
    GROUP BY correlation_id
    ORDER BY max(id) DESC
    LIMIT $2
), given AS MATERIALIZED (
    SELECT set_config('mould_watch.correlation_id', coalesce(
        (SELECT correlation_id::text FROM ids ORDER BY id DESC LIMIT 1),
        gen_random_uuid()::text), true)::uuid AS id
)
SELECT (SELECT min(from_ts) FROM taken) AS from_ts, given.id AS correlation_id,
    array(SELECT correlation_id FROM ids WHERE correlation_id <> given.id ORDER BY id DESC)
        AS others
FROM given;

-- name: planned_notifications
-- $1 incidents, $2 correlation id: what was written for them with it.
SELECT id, incident_id, kind, channel, target FROM notification
WHERE incident_id = ANY ($1::uuid[]) AND correlation_id = $2
ORDER BY incident_id, sequence;

-- name: subject
-- $1 subject, $2 now. A version made by a clock ahead of this process counts already.
SELECT subject.room_id, subject.device_id, subject.is_backend, room.name,
    room.archived_at IS NOT NULL AS is_archived, version.config, version.valid_from, room.created_at,
    configuration.owner, configuration.home, condition.condition, condition.next_evaluation_at
FROM subject
LEFT JOIN room ON room.id = subject.room_id
LEFT JOIN LATERAL (
    SELECT config, valid_from FROM room_config_version
    WHERE room_id = subject.room_id AND valid_from <= greatest($2, clock_timestamp())
    ORDER BY valid_from DESC LIMIT 1
) AS version ON true
LEFT JOIN configuration ON true
LEFT JOIN condition ON condition.subject_id = subject.id
WHERE subject.id = $1;

-- name: store_condition
-- $1 subject, $2 condition, $3 evaluated, $4 next evaluation.
INSERT INTO condition (subject_id, condition, evaluated_at, next_evaluation_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (subject_id) DO UPDATE
SET condition = EXCLUDED.condition, evaluated_at = EXCLUDED.evaluated_at,
    next_evaluation_at = EXCLUDED.next_evaluation_at;

-- name: move_next_evaluation
-- $1 subject, $2 next evaluation: the condition is as it was.
UPDATE condition SET next_evaluation_at = $2
WHERE subject_id = $1 AND next_evaluation_at <> $2;

-- name: remove_condition
DELETE FROM condition WHERE subject_id = $1;

-- name: recall
-- $1 now, $2 the furthest that an evaluation is planned ahead: what is further was planned by a
-- clock that was ahead. Whoever judges one at this moment plans it anew, and is not waited for.
UPDATE condition SET next_evaluation_at = $1
WHERE subject_id = ANY (ARRAY(
    SELECT subject_id FROM condition WHERE next_evaluation_at > $2 FOR UPDATE SKIP LOCKED));

-- name: adopt
-- $1 now: the devices that send what can be watched, those the document names and the backend
-- become subjects, to be judged now; a device found to be another is left to it.
WITH adopted AS (
    INSERT INTO subject (device_id)
    SELECT device.id FROM device
    WHERE device.merged_into IS NULL
      AND (device.metrics <> '{}'
           OR EXISTS (SELECT FROM subject_device WHERE subject_device.device_id = device.id)
           OR EXISTS (SELECT FROM device_config WHERE device_config.device_id = device.id))
      AND NOT EXISTS (SELECT FROM subject AS known WHERE known.device_id = device.id)
    ON CONFLICT DO NOTHING
    RETURNING id
), backend AS (
    INSERT INTO subject (is_backend)
    SELECT true WHERE NOT EXISTS (SELECT FROM subject AS known WHERE known.is_backend)
    ON CONFLICT DO NOTHING
    RETURNING id
)
INSERT INTO evaluation_request (subject_id, from_ts)
SELECT id, $1::timestamptz FROM adopted UNION ALL SELECT id, $1::timestamptz FROM backend;
