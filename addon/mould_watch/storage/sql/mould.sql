-- The mould index: its daily checkpoints and its episodes.

-- name: checkpoint
-- $1 subject, $2 day: the newest checkpoint not after it.
SELECT day, low_index, low_dry_hours, low_peak, mid_index, mid_dry_hours, mid_peak,
       high_index, high_dry_hours, high_peak
FROM mould_checkpoint
WHERE subject_id = $1 AND day <= $2
ORDER BY day DESC LIMIT 1;

-- name: delete_checkpoints
-- $1 subject, $2 day: those after it.
DELETE FROM mould_checkpoint WHERE subject_id = $1 AND day > $2;

-- name: write_checkpoints
INSERT INTO mould_checkpoint (subject_id, day, low_index, low_dry_hours, low_peak, mid_index,
    mid_dry_hours, mid_peak, high_index, high_dry_hours, high_peak)
SELECT $1, new.*
FROM unnest($2::date[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
            $8::float8[], $9::float8[], $10::float8[], $11::float8[]) AS new
ON CONFLICT (subject_id, day) DO UPDATE
SET low_index = EXCLUDED.low_index, low_dry_hours = EXCLUDED.low_dry_hours,
    low_peak = EXCLUDED.low_peak, mid_index = EXCLUDED.mid_index,
    mid_dry_hours = EXCLUDED.mid_dry_hours, mid_peak = EXCLUDED.mid_peak,
    high_index = EXCLUDED.high_index, high_dry_hours = EXCLUDED.high_dry_hours,
    high_peak = EXCLUDED.high_peak;

-- name: episodes
SELECT began_at, reason, start_index, peak_before FROM mould_episode
WHERE room_id = $1 ORDER BY began_at;

-- name: insert_episode
-- $4 action; one that was taken before begins nothing.
INSERT INTO mould_episode (room_id, began_at, reason, start_index, action_id)
VALUES ($1, clock_timestamp(), $2, $3, $4)
ON CONFLICT (action_id) DO NOTHING;

-- name: keep_peak
UPDATE mould_episode SET peak_before = $3
WHERE room_id = $1 AND began_at = $2 AND peak_before IS DISTINCT FROM $3;

-- name: cold_spots
SELECT at, series_from, surface_temperature_c, temperature_c, outdoor_temperature_c, f_rsi
FROM cold_spot_reading WHERE room_id = $1 ORDER BY series_from, at;

-- name: insert_cold_spot
-- $8 action; one that was taken before is not stored again.
INSERT INTO cold_spot_reading (room_id, at, series_from, surface_temperature_c, temperature_c,
    outdoor_temperature_c, f_rsi, action_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (action_id) DO NOTHING;

-- name: room
-- $1 room: what it is, and who reads it; none that is archived.
SELECT room.id, subject.id AS subject_id, version.config, configuration.home, configuration.owner
FROM room
JOIN subject ON subject.room_id = room.id
JOIN LATERAL (
    SELECT config FROM room_config_version WHERE room_id = room.id
    ORDER BY valid_from DESC LIMIT 1
) AS version ON true
CROSS JOIN configuration
WHERE room.id = $1 AND room.archived_at IS NULL;

-- name: request_evaluation
INSERT INTO evaluation_request (subject_id, from_ts) VALUES ($1, clock_timestamp());

-- name: outlook
SELECT outlook, outlook_key FROM room_progress WHERE subject_id = $1;

-- name: store_outlook
UPDATE room_progress SET outlook = $2, outlook_key = $3 WHERE subject_id = $1;
