-- The hourly climate of rooms, and what is known about how far it is done.

-- name: versions
-- $1 room, $2 now. A version made by a clock ahead of this process counts already.
SELECT valid_from, config, is_always FROM room_config_version
WHERE room_id = $1 AND valid_from <= greatest($2, clock_timestamp())
ORDER BY valid_from;

-- name: home_versions
-- $1 now.
SELECT valid_from, outdoor, owner FROM home_version
WHERE valid_from <= greatest($1, clock_timestamp())
ORDER BY valid_from;

-- name: progress
SELECT hours_until, sources, models, bands_from, settled_at, counts, pending_from
FROM room_progress WHERE subject_id = $1;

-- name: store_progress
INSERT INTO room_progress (subject_id, hours_until, sources, models, bands_from, settled_at, counts,
    pending_from)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (subject_id) DO UPDATE
SET hours_until = EXCLUDED.hours_until, sources = EXCLUDED.sources, models = EXCLUDED.models,
    bands_from = EXCLUDED.bands_from, settled_at = EXCLUDED.settled_at, counts = EXCLUDED.counts,
    pending_from = EXCLUDED.pending_from
WHERE (room_progress.hours_until, room_progress.sources, room_progress.models,
       room_progress.bands_from, room_progress.settled_at, room_progress.counts,
       room_progress.pending_from)
    IS DISTINCT FROM (EXCLUDED.hours_until, EXCLUDED.sources, EXCLUDED.models,
                      EXCLUDED.bands_from, EXCLUDED.settled_at, EXCLUDED.counts,
                      EXCLUDED.pending_from);

-- name: first_reading
-- $1 devices: the time of their oldest usable reading.
SELECT min(first.ts)
FROM unnest($1::integer[]) AS asked (device_id)
CROSS JOIN LATERAL (
    SELECT ts FROM readings
    WHERE device_id = asked.device_id AND suspect IS NULL AND time_quality <> 'backlog'
    ORDER BY ts LIMIT 1
) AS first;

-- name: counts
-- $1 places, $2 devices (several may be one, at one place), $3 from.
SELECT asked.place, count(readings.ts) AS count
FROM unnest($1::integer[], $2::integer[]) AS asked (place, device_id)
LEFT JOIN readings ON readings.device_id = asked.device_id AND readings.ts >= $3
GROUP BY asked.place;

-- name: write_hours
-- Written where it is another than before: nothing is where nothing changed.
INSERT INTO room_hour (subject_id, hour, temperature_c, humidity_pct, coverage,
    outdoor_temperature_c, outdoor_humidity_pct, outdoor_coverage, surface_temperature_c,
    surface_coverage)
SELECT $1, new.*
FROM unnest($2::timestamptz[], $3::float8[], $4::float8[], $5::float8[], $6::float8[],
            $7::float8[], $8::float8[], $9::float8[], $10::float8[]) AS new
ON CONFLICT (subject_id, hour) DO UPDATE
SET temperature_c = EXCLUDED.temperature_c, humidity_pct = EXCLUDED.humidity_pct,
    coverage = EXCLUDED.coverage, outdoor_temperature_c = EXCLUDED.outdoor_temperature_c,
    outdoor_humidity_pct = EXCLUDED.outdoor_humidity_pct,
    outdoor_coverage = EXCLUDED.outdoor_coverage,
    surface_temperature_c = EXCLUDED.surface_temperature_c,
    surface_coverage = EXCLUDED.surface_coverage
WHERE room_hour IS DISTINCT FROM EXCLUDED
RETURNING hour;

-- name: delete_other_hours
-- $1 subject, $2 from, $3 until, $4 the hours that are there.
DELETE FROM room_hour
WHERE subject_id = $1 AND hour >= $2 AND hour < $3 AND hour <> ALL ($4::timestamptz[])
RETURNING hour;

-- name: hours
-- $1 subject, $2 from, $3 until: along the primary key, however long the history is.
SELECT hour, temperature_c, humidity_pct, coverage, outdoor_temperature_c, outdoor_humidity_pct,
       outdoor_coverage, surface_temperature_c, surface_coverage
FROM room_hour
WHERE subject_id = $1 AND hour >= $2 AND hour < $3
ORDER BY hour;

-- name: first_hour
SELECT hour FROM room_hour WHERE subject_id = $1 ORDER BY hour LIMIT 1;

-- name: source_hours
-- $1 subject, $2 from, $3 until.
SELECT source_instance, native_id, hour, temperature_least, temperature_most, humidity_least,
       humidity_most, fall_from, fall_to, fall_temperature_change
FROM source_hour
WHERE subject_id = $1 AND hour >= $2 AND hour < $3
ORDER BY source_instance, native_id, hour;

-- name: delete_source_hours
-- $1 subject, $2 from, $3 until.
DELETE FROM source_hour WHERE subject_id = $1 AND (hour < $2 OR hour >= $3);

-- name: write_source_hours
INSERT INTO source_hour (subject_id, source_instance, native_id, hour, temperature_least,
    temperature_most, humidity_least, humidity_most, fall_from, fall_to, fall_temperature_change)
SELECT $1, new.*
FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::float8[], $6::float8[], $7::float8[],
            $8::float8[], $9::float8[], $10::float8[], $11::float8[]) AS new
ON CONFLICT (subject_id, hour, source_instance, native_id) DO NOTHING;
