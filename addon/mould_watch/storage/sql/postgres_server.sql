-- The own server's databases and clients: see storage/postgres_server.py.

-- name: database_exists
SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)

-- name: create_database
CREATE DATABASE mould_watch

-- name: other_clients
SELECT count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
