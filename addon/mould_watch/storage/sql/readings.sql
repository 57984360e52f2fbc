-- The readings that conditions are judged by: neither suspect nor of unknown time.

-- name: device_members
-- $1 source instances, $2 native ids: every device row whose readings count for each of them,
-- which are the device it was merged into in the end, and all that were merged into that.
WITH RECURSIVE asked AS (
    SELECT DISTINCT source_instance, native_id
    FROM unnest($1::text[], $2::text[]) AS asked (source_instance, native_id)
), up AS (
    SELECT source_instance, native_id, device.id, device.merged_into
    FROM asked JOIN device USING (source_instance, native_id)
    UNION
    SELECT up.source_instance, up.native_id, device.id, device.merged_into
    FROM up JOIN device ON device.id = up.merged_into
), members AS (
    SELECT source_instance, native_id, id FROM up WHERE merged_into IS NULL
    UNION
    SELECT members.source_instance, members.native_id, device.id
    FROM members JOIN device ON device.merged_into = members.id
)
SELECT source_instance, native_id, id FROM members;

-- name: window_samples
-- $1 devices, $2 from, $3 until, both included, $4 now.
-- The last of each half minute: sensors gone mad send five messages a second, and a day of that
-- is more than can be judged. A row with one metric hides none with the other, nor a row of a
-- clock ahead of ours one of now.
SELECT DISTINCT ON (device_id, date_bin('30 seconds', ts, 'epoch'), ts > $4,
                    temperature_c IS NULL, humidity_pct IS NULL)
    device_id, ts, fingerprint, temperature_c, humidity_pct
FROM readings
WHERE device_id = ANY ($1::integer[]) AND ts >= $2 AND ts <= $3
  AND suspect IS NULL AND time_quality <> 'backlog'
  AND (temperature_c IS NOT NULL OR humidity_pct IS NOT NULL)
ORDER BY device_id, date_bin('30 seconds', ts, 'epoch'), ts > $4,
    temperature_c IS NULL, humidity_pct IS NULL, ts DESC, fingerprint DESC;

-- name: start_of_window
-- $1 devices, $2 begin, $3 how long a value is held: the third value before, of each metric.
SELECT min(before.ts)
FROM unnest($1::integer[]) AS asked (device_id)
CROSS JOIN LATERAL (
    (SELECT ts FROM readings
     WHERE device_id = asked.device_id AND ts <= $2 AND ts >= $2 - $3::interval
       AND temperature_c IS NOT NULL AND suspect IS NULL AND time_quality <> 'backlog'
     ORDER BY ts DESC LIMIT 3)
    UNION ALL
    (SELECT ts FROM readings
     WHERE device_id = asked.device_id AND ts <= $2 AND ts >= $2 - $3::interval
       AND humidity_pct IS NOT NULL AND suspect IS NULL AND time_quality <> 'backlog'
     ORDER BY ts DESC LIMIT 3)
) AS before;

-- name: newest_temperature
-- $1 devices, $2 before: the newest sample of each that ever sent the metric.
SELECT newest.ts, newest.fingerprint, newest.temperature_c, NULL::double precision AS humidity_pct
FROM device
CROSS JOIN LATERAL (
    SELECT ts, fingerprint, temperature_c FROM readings
    WHERE device_id = device.id AND ts < $2
      AND temperature_c IS NOT NULL AND suspect IS NULL AND time_quality <> 'backlog'
    ORDER BY ts DESC LIMIT 1
) AS newest
WHERE device.id = ANY ($1::integer[]) AND 'temperature_c' = ANY (device.metrics);

-- name: first_temperature_at
-- $1 devices: when the oldest sample that is kept was measured.
SELECT min(oldest.ts)
FROM unnest($1::integer[]) AS asked (device_id)
CROSS JOIN LATERAL (
    SELECT ts FROM readings
    WHERE device_id = asked.device_id
      AND temperature_c IS NOT NULL AND suspect IS NULL AND time_quality <> 'backlog'
    ORDER BY ts LIMIT 1
) AS oldest;

-- name: newest_humidity
-- $1 devices, $2 before: the newest sample of each that ever sent the metric.
SELECT newest.ts, newest.fingerprint, NULL::double precision AS temperature_c, newest.humidity_pct
FROM device
CROSS JOIN LATERAL (
    SELECT ts, fingerprint, humidity_pct FROM readings
    WHERE device_id = device.id AND ts < $2
      AND humidity_pct IS NOT NULL AND suspect IS NULL AND time_quality <> 'backlog'
    ORDER BY ts DESC LIMIT 1
) AS newest
WHERE device.id = ANY ($1::integer[]) AND 'humidity_pct' = ANY (device.metrics);
