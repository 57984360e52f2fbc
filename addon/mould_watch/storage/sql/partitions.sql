-- The monthly partitions of readings: see storage/partitions.py.
-- {table}, {first} and {after} are made from a checked date by this program, never from input.

-- name: is_attached
SELECT EXISTS (
    SELECT FROM pg_inherits
    WHERE inhparent = 'readings'::regclass
      AND inhrelid = to_regclass($1)
      AND NOT inhdetachpending
)

-- name: exists
SELECT to_regclass($1) IS NOT NULL

-- name: lock
-- One maker at a time; the short limit holds for this lock as well, and the caller retries.
SET LOCAL lock_timeout = '2s';
SELECT pg_advisory_xact_lock(hashtextextended('mould_watch.partitions', 0));

-- name: create
-- The CHECK says what the bounds say, so that attaching (also a second time) reads no rows.
CREATE TABLE {table} (LIKE readings INCLUDING ALL);
ALTER TABLE {table} ADD CONSTRAINT {table}_month
    CHECK (ts >= '{first} 00:00:00+00' AND ts < '{after} 00:00:00+00');

-- name: attach
ALTER TABLE readings ATTACH PARTITION {table}
    FOR VALUES FROM ('{first} 00:00:00+00') TO ('{after} 00:00:00+00')
