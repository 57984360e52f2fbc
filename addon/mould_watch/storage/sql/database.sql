-- Is the database there: see storage/database.py.

-- name: probe
SELECT 1
