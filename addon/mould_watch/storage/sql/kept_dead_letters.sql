-- Dead letters as people see them: listed, tried again, removed.

-- name: newest
-- $1 topic, $2 reason, $3 received before, $4 id before, $5 how many
SELECT *, octet_length(payload) AS kept_size FROM dead_letter
WHERE ($1::text IS NULL OR topic = $1) AND ($2::text IS NULL OR reason = $2)
  AND ($3::timestamptz IS NULL OR received_at < $3) AND ($4::bigint IS NULL OR id < $4)
ORDER BY id DESC LIMIT $5

-- name: following
-- $1 topic, $2 reason, $3 received before, $4 id after, $5 how many: in the order they came
SELECT id FROM dead_letter
WHERE ($1::text IS NULL OR topic = $1) AND ($2::text IS NULL OR reason = $2)
  AND ($3::timestamptz IS NULL OR received_at < $3) AND id > $4
ORDER BY id LIMIT $5

-- name: kinds
-- The counts of all that came in the days that are counted, the greatest first; $1 how many.
SELECT topic, reason, sum(count)::bigint AS count, max(day) AS last_day
FROM dead_letter_count
GROUP BY topic, reason
ORDER BY count DESC, topic, reason
LIMIT $1

-- name: total
SELECT count, bytes, bodies_removed, (SELECT count(*) FROM dead_letter) AS kept
FROM dead_letter_total

-- name: one
SELECT *, octet_length(payload) AS kept_size FROM dead_letter WHERE id = $1

-- name: lock
SELECT id FROM dead_letter WHERE id = $1 FOR UPDATE

-- name: note_failed
-- $1 id, $2 reason, $3 detail, $4 now. A new detail is longer or shorter than the one before.
WITH before AS (
    SELECT size FROM dead_letter WHERE id = $1
), noted AS (
    UPDATE dead_letter SET reason = $2, detail = $3, replayed_at = $4 WHERE id = $1
    RETURNING size
)
UPDATE dead_letter_total
SET bytes = bytes + (SELECT size FROM noted) - (SELECT size FROM before)

-- name: remove
-- $1 id, $2 topic, $3 reason, $4 received before: those that are all of what is given. Counted
-- they stay. Returns how many.
WITH removed AS (
    DELETE FROM dead_letter
    WHERE ($1::bigint IS NULL OR id = $1)
      AND ($2::text IS NULL OR topic = $2) AND ($3::text IS NULL OR reason = $3)
      AND ($4::timestamptz IS NULL OR received_at < $4)
    RETURNING size
), less AS (
    UPDATE dead_letter_total SET bytes = bytes - (SELECT coalesce(sum(size), 0) FROM removed)
)
SELECT count(*) FROM removed
