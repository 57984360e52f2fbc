-- Hours of readings: what the fault patterns of domain/fault_patterns.py are judged by.

-- name: hour_bands
-- $1 places, $2 devices (several may be one, at one place), $3 from, $4 until: whole hours.
-- A fall is from one humidity to the next, at most $5 later; of each hour the deepest: so what is
-- so long before is read too.
WITH readings_of AS (
    SELECT asked.place, ts, fingerprint, temperature_c, humidity_pct
    FROM unnest($1::integer[], $2::integer[]) AS asked (place, device_id)
    JOIN readings USING (device_id)
    WHERE ts >= date_trunc('hour', $3::timestamptz, 'UTC') - $5::interval
      AND ts < date_trunc('hour', $4::timestamptz, 'UTC') + interval '1 hour'
      AND suspect IS NULL AND time_quality <> 'backlog'
), temperatures AS (
    SELECT place, date_trunc('hour', ts, 'UTC') AS hour,
           min(temperature_c) AS temperature_least, max(temperature_c) AS temperature_most
    FROM readings_of WHERE temperature_c IS NOT NULL
    GROUP BY place, hour
), falls AS (
    SELECT place, ts, humidity_pct, temperature_c,
           lag(humidity_pct) OVER before AS from_pct, lag(temperature_c) OVER before AS from_c,
           ts - lag(ts) OVER before <= $5::interval AS is_next
    FROM readings_of WHERE humidity_pct IS NOT NULL
    WINDOW before AS (PARTITION BY place ORDER BY ts, fingerprint, humidity_pct)
), humidities AS (
    SELECT place, date_trunc('hour', ts, 'UTC') AS hour,
           min(humidity_pct) AS humidity_least, max(humidity_pct) AS humidity_most,
           (max(ARRAY[from_pct - humidity_pct, from_pct, humidity_pct, temperature_c - from_c])
               FILTER (WHERE is_next AND from_pct > humidity_pct))[2:4] AS fall
    FROM falls
    GROUP BY place, hour
)
SELECT place, hour, temperature_least, temperature_most, humidity_least, humidity_most,
       fall[1] AS fall_from, fall[2] AS fall_to, fall[3] AS fall_temperature_change
FROM temperatures FULL JOIN humidities USING (place, hour)
WHERE hour >= date_trunc('hour', $3::timestamptz, 'UTC')
ORDER BY place, hour;

-- name: moved_bins
-- $1 devices that do not count, $2 from, $3 until, $4 length of a bin, $5 how far is moved: the
-- bins in which the humidity of another device moved. Each is asked along its own key.
SELECT DISTINCT moved.bin
FROM device
CROSS JOIN LATERAL (
    SELECT date_bin($4::interval, ts, 'epoch') AS bin
    FROM readings
    WHERE device_id = device.id
      AND ts >= date_bin($4::interval, $2::timestamptz, 'epoch') AND ts <= $3
      AND humidity_pct IS NOT NULL AND suspect IS NULL AND time_quality <> 'backlog'
    GROUP BY bin
    HAVING max(humidity_pct) - min(humidity_pct) >= $5::double precision
) AS moved
WHERE device.id <> ALL ($1::integer[]) AND 'humidity_pct' = ANY (device.metrics)
  AND device.last_seen_at >= $2;
