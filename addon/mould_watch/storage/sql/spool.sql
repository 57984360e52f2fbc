-- How far each spool has been drained: see storage/spool.py.

-- name: begin_drain
-- $1 spool, $2 now: returns how far it was drained before.
INSERT INTO spool (id, draining_since, drained_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (id) DO UPDATE
SET draining_since = coalesce(spool.draining_since, EXCLUDED.draining_since),
    drained_at = EXCLUDED.drained_at
RETURNING position

-- name: note_position
UPDATE spool SET position = greatest(position, $2), drained_at = clock_timestamp() WHERE id = $1

-- name: defer_evaluations
-- $1 spool, $2 devices, $3 ts of new readings.
INSERT INTO spool_device (spool_id, device_id, from_ts)
SELECT $1, device_id, ts FROM unnest($2::integer[], $3::timestamptz[]) AS new (device_id, ts)
ON CONFLICT (spool_id, device_id) DO UPDATE
SET from_ts = least(spool_device.from_ts, EXCLUDED.from_ts)

-- name: request_evaluations
-- Every subject that depends on a drained reading, once, with the least ts. A device may have been
-- merged into another while the spool was drained.
WITH drained AS (
    DELETE FROM spool_device WHERE spool_id = $1 RETURNING device_id, from_ts
)
INSERT INTO evaluation_request (subject_id, from_ts)
SELECT subject_device.subject_id, min(drained.from_ts)
FROM drained
JOIN device ON device.id = drained.device_id
JOIN subject_device ON subject_device.device_id = coalesce(device.merged_into, device.id)
GROUP BY subject_device.subject_id

-- name: end_drain
UPDATE spool SET draining_since = NULL, drained_at = clock_timestamp() WHERE id = $1

-- name: draining_since
-- A drain that has not moved for so many seconds ($1) holds up nobody: its disk may be gone.
SELECT min(draining_since) FROM spool
WHERE drained_at > clock_timestamp() - make_interval(secs => $1)
