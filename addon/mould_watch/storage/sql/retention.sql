-- Months of raw readings that go: see storage/retention.py.
-- {table} is made from a checked date by this program, never from input.

-- name: months
-- The tables of readings by month, attached or on their way out, the oldest first.
SELECT child.relname AS table, inherits.inhdetachpending AS is_pending
FROM pg_inherits AS inherits JOIN pg_class AS child ON child.oid = inherits.inhrelid
WHERE inherits.inhparent = 'readings'::regclass
ORDER BY child.relname;

-- name: left_over
-- Detached and not yet dropped, by a process that died between the two.
SELECT relname AS table FROM pg_class
WHERE relkind = 'r' AND relname ~ '^readings_[0-9]{4}_[0-9]{2}$'
  AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'readings'::regclass)
  AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = pg_class.oid)
ORDER BY relname;

-- name: is_unfinished
-- $1 the end of a month: whether a watched room's hours are not done beyond it, or a reading
-- from before waits to be judged.
SELECT EXISTS (
    SELECT FROM subject
    JOIN room ON room.id = subject.room_id AND room.archived_at IS NULL
    LEFT JOIN room_progress ON room_progress.subject_id = subject.id
    WHERE room_progress.hours_until IS NULL OR room_progress.hours_until < $1
) OR EXISTS (SELECT FROM evaluation_request WHERE from_ts < $1);

-- name: freeze
INSERT INTO retention (frozen_until) VALUES ($1)
ON CONFLICT (singleton) DO UPDATE
SET frozen_until = greatest(retention.frozen_until, EXCLUDED.frozen_until);

-- name: frozen_until
SELECT frozen_until FROM retention;

-- name: limit_locks
SET lock_timeout = '2s';

-- name: unlimit_locks
RESET lock_timeout;

-- name: detach
ALTER TABLE readings DETACH PARTITION {table} CONCURRENTLY;

-- name: finish_detach
ALTER TABLE readings DETACH PARTITION {table} FINALIZE;

-- name: drop
DROP TABLE {table};

-- name: try_lock
SELECT pg_try_advisory_lock(hashtextextended('mould_watch.retention', 0));

-- name: unlock
SELECT pg_advisory_unlock(hashtextextended('mould_watch.retention', 0));
