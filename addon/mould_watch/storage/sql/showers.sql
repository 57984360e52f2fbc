-- Showers: written for the hours that are done anew, read newest first.

-- name: forget
-- $1 subject, $2 from, $3 until.
DELETE FROM shower WHERE subject_id = $1 AND started_at >= $2 AND started_at < $3;

-- name: write
INSERT INTO shower (subject_id, started_at, peak_at, before_g_m3, peak_g_m3, rate_per_h)
SELECT $1, new.*
FROM unnest($2::timestamptz[], $3::timestamptz[], $4::float8[], $5::float8[], $6::float8[]) AS new
ON CONFLICT (subject_id, started_at) DO NOTHING;

-- name: newest
-- $1 subject, $2 how many.
SELECT started_at, peak_at, before_g_m3, peak_g_m3, rate_per_h
FROM shower WHERE subject_id = $1 AND rate_per_h IS NOT NULL
ORDER BY started_at DESC LIMIT $2;
