-- How often devices report.

-- name: reporting_minutes
-- $1 device, $2 how many, $3 since: the newest minutes in which it, or one merged into it, sent a
-- reading of known time. Each step looks up one row of the index, however many a minute has.
WITH RECURSIVE members AS (
    SELECT array_agg(id) AS ids FROM device WHERE id = $1 OR merged_into = $1
), minutes AS (
    SELECT 1 AS number, newest.minute
    FROM members CROSS JOIN LATERAL (
        SELECT date_trunc('minute', max(latest.ts)) AS minute
        FROM unnest(members.ids) AS member (id) CROSS JOIN LATERAL (
            SELECT ts FROM readings
            WHERE device_id = member.id AND ts >= $3 AND time_quality <> 'backlog'
            ORDER BY ts DESC LIMIT 1
        ) AS latest
    ) AS newest
    UNION ALL
    SELECT number + 1, earlier.minute
    FROM minutes CROSS JOIN members CROSS JOIN LATERAL (
        SELECT date_trunc('minute', max(latest.ts)) AS minute
        FROM unnest(members.ids) AS member (id) CROSS JOIN LATERAL (
            SELECT ts FROM readings
            WHERE device_id = member.id AND ts >= $3 AND ts < minutes.minute
              AND time_quality <> 'backlog'
            ORDER BY ts DESC LIMIT 1
        ) AS latest
    ) AS earlier
    WHERE minutes.minute IS NOT NULL AND number < $2
)
SELECT minute FROM minutes WHERE minute IS NOT NULL

-- name: write
UPDATE device SET reporting_interval_s = new.interval_s
FROM unnest($1::integer[], $2::float8[]) AS new (id, interval_s)
WHERE device.id = new.id AND device.reporting_interval_s IS DISTINCT FROM new.interval_s
