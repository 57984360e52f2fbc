-- How the parts of the backend are.

-- name: report
-- $1 part, $2 is well, $3 at, $4 detail, $5 seconds of silence after which nothing is continuous.
INSERT INTO backend_state (part, is_well, since, reported_at, detail) VALUES ($1, $2, $3, $3, $4)
ON CONFLICT (part) DO UPDATE
SET is_well = EXCLUDED.is_well, reported_at = EXCLUDED.reported_at, detail = EXCLUDED.detail,
    since = CASE
        WHEN backend_state.is_well = EXCLUDED.is_well
         AND EXCLUDED.reported_at - backend_state.reported_at
             BETWEEN make_interval(secs => -$5::double precision)
                 AND make_interval(secs => $5::double precision)
        THEN backend_state.since ELSE EXCLUDED.since END
RETURNING since = $3 AS is_news;

-- name: note_jump
-- $1 part, $2 at. Of two processes that notice the same jump the later one counts.
INSERT INTO backend_state (part, is_well, since, reported_at) VALUES ($1, true, $2, $2)
ON CONFLICT (part) DO UPDATE SET since = EXCLUDED.since, reported_at = EXCLUDED.reported_at;

-- name: states
SELECT part, is_well, since, reported_at, detail FROM backend_state;

-- name: request_evaluation_of_backend
-- $1 at.
INSERT INTO evaluation_request (subject_id, from_ts) SELECT id, $1 FROM subject WHERE is_backend;

-- name: dead_letters_of_a_day
-- $1 the day before, UTC: how many came since it began, and when the newest did.
SELECT coalesce((SELECT sum(count) FROM dead_letter_count WHERE day >= $1), 0)::bigint AS count,
    (SELECT max(received_at) FROM dead_letter) AS newest;

-- name: failed_notifications
-- $1 since, $2 the rule that tells of them: its own are left out, and those of whoever is not told
-- of anything any more ($3 who is): a phone that was replaced fails, and nobody misses it.
SELECT count(*)::bigint AS count, max(notification.finished_at) AS newest
FROM notification
JOIN incident ON incident.id = notification.incident_id
WHERE notification.is_failed AND notification.finished_at >= $1
  AND incident.rule_id <> $2
  AND (notification.fallback_of IS NOT NULL
       OR CASE notification.channel WHEN 'apprise' THEN 'apprise:' || notification.target
              ELSE notification.target END = ANY ($3::text[]));
