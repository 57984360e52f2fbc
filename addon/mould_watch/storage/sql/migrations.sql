-- The schema's own history: see storage/migrations.py.

-- name: try_lock
SELECT pg_try_advisory_lock(hashtextextended('mould_watch.migrations', 0))

-- name: unlock
SELECT pg_advisory_unlock(hashtextextended('mould_watch.migrations', 0))

-- name: create_schema_migration
CREATE TABLE IF NOT EXISTS schema_migration (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    -- SHA-256 of the file's text, in hex
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)

-- name: applied
SELECT version, name, checksum FROM schema_migration ORDER BY version

-- name: no_time_limit
SET LOCAL statement_timeout = 0

-- name: record
INSERT INTO schema_migration (version, name, checksum) VALUES ($1, $2, $3)
