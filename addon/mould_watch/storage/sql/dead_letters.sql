-- Messages that could not be understood.

-- name: lock_total
SELECT FROM dead_letter_total FOR UPDATE

-- name: written
SELECT dead_letter.received_at, dead_letter.fingerprint
FROM unnest($1::timestamptz[], $2::bigint[]) AS new (received_at, fingerprint)
JOIN dead_letter USING (received_at, fingerprint)

-- name: counts
SELECT day, kind, count
FROM unnest($1::date[], $2::bigint[]) AS wanted (day, kind)
JOIN dead_letter_count USING (day, kind)

-- name: kinds_of_day
SELECT count(*) FROM dead_letter_count WHERE day = $1

-- name: forget_counts
DELETE FROM dead_letter_count WHERE day < $1

-- name: add_counts
INSERT INTO dead_letter_count (day, kind, topic, reason, count)
SELECT * FROM unnest($1::date[], $2::bigint[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT (day, kind) DO UPDATE SET count = dead_letter_count.count + EXCLUDED.count

-- name: insert
-- Returns the bytes of what was inserted.
WITH inserted AS (
    INSERT INTO dead_letter (day, kind, number, received_at, source, topic, qos, reason, detail,
                             payload, payload_size, payload_sha256, fingerprint, retained,
                             backlog)
    SELECT * FROM unnest(
        $1::date[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[],
        $7::smallint[], $8::text[], $9::text[], $10::bytea[], $11::bigint[], $12::bytea[],
        $13::bigint[], $14::boolean[], $15::boolean[]
    )
    RETURNING size
)
SELECT coalesce(sum(size), 0)::bigint FROM inserted

-- name: remove_replaced
-- $1 day, $2 kind, $3 number of the latest: what was the latest before goes; the first $4 stay.
-- Returns the bytes of what was removed.
WITH removed AS (
    DELETE FROM dead_letter
    USING unnest($1::date[], $2::bigint[], $3::bigint[]) AS latest (day, kind, number)
    WHERE dead_letter.day = latest.day AND dead_letter.kind = latest.kind
      AND dead_letter.number > $4 AND dead_letter.number < latest.number
    RETURNING dead_letter.size
)
SELECT coalesce(sum(size), 0)::bigint FROM removed

-- name: remove_oldest
-- Removes the oldest, at least $1 bytes; the newest of a kind only when nothing else is left.
-- Returns how many, and their bytes. The payloads themselves, stored apart, are not read.
WITH judged AS (
    SELECT id, size, row_number() OVER (PARTITION BY kind ORDER BY day DESC, number DESC) = 1
                     AS is_newest
    FROM dead_letter
), in_order AS (
    SELECT id, sum(size) OVER (ORDER BY is_newest, id) - size AS before FROM judged
), removed AS (
    DELETE FROM dead_letter
    USING in_order
    WHERE dead_letter.id = in_order.id AND in_order.before < $1
    RETURNING dead_letter.size
)
SELECT count(*) AS count, coalesce(sum(size), 0)::bigint AS bytes FROM removed

-- name: add_to_total
UPDATE dead_letter_total SET count = count + $1 RETURNING bytes

-- name: set_bytes
UPDATE dead_letter_total SET bytes = $1

-- name: note_removed
UPDATE dead_letter_total SET bodies_removed = bodies_removed + $1
