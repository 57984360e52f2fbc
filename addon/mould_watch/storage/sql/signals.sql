-- Wake-ups: see storage/signals.py.

-- name: notify
SELECT pg_notify($1, $2)
