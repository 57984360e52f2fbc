-- Summaries on phones, and when they may go.

-- name: over
-- $1 only these, or null: the summaries that phones may show, the newest of each lane, that told of
-- something that lasted, where all of it is over, seen or put off by now, and nothing has taken them
-- away. One that only says that all is well stays, like a recovery. While anything about one of those
-- it tells of is on its way there it stays as well: in its own lane, where the first of them is told
-- too, what takes away would overtake that. Few notifications are told together, and the summaries
-- are found by them. A `clear` that does not say what it clears is of a time when that was both.
SELECT n.id
FROM (SELECT DISTINCT bundled_in AS id FROM notification WHERE bundled_in IS NOT NULL) AS bundle
JOIN notification AS n ON n.id = bundle.id
WHERE n.kind = 'summary' AND n.channel = 'home_assistant' AND n.attempts > 0
  AND n.severity > 'none' AND (n.state = 'sent' OR n.unknown_outcomes > 0)
  AND ($1::uuid[] IS NULL OR n.id = ANY ($1::uuid[]))
  AND NOT EXISTS (
      SELECT FROM notification AS told
      JOIN incident ON incident.id = told.incident_id
      WHERE told.bundled_in = n.id
        AND ((incident.ended_at IS NULL AND incident.acknowledged_at IS NULL
              AND incident.snoozed_until IS NULL)
             OR EXISTS (
                 SELECT FROM notification AS coming
                 WHERE coming.incident_id = told.incident_id AND coming.channel = n.channel
                   AND coming.route = n.route AND coming.target = n.target
                   AND coming.finished_at IS NULL)))
  AND NOT EXISTS (
      SELECT FROM notification AS later
      WHERE later.incident_id = n.incident_id AND later.channel = n.channel
        AND later.route = n.route AND later.target = n.target AND later.sequence > n.sequence
        AND ((later.kind = 'summary' AND later.attempts > 0)
             OR (later.kind = 'clear' AND later.state <> 'cancelled'
                 AND coalesce(later.message ->> 'clears', 'summary') = 'summary')))
ORDER BY n.id;

-- name: lock
-- $1 summary: nobody writes in its lane, until the end of the transaction. No row: somebody does.
SELECT id FROM notification WHERE id = $1 FOR UPDATE SKIP LOCKED;

-- name: take_away
-- $1 summary: the next of its lane, about how its incident stands now.
INSERT INTO notification
    (transition_id, incident_id, channel, route, target, sequence, kind, severity, message,
     correlation_id, released_at)
SELECT
    (SELECT id FROM transition WHERE incident_id = n.incident_id ORDER BY sequence DESC LIMIT 1),
    n.incident_id, n.channel, n.route, n.target,
    (SELECT max(lane.sequence) + 1 FROM notification AS lane
     WHERE lane.incident_id = n.incident_id AND lane.channel = n.channel
       AND lane.route = n.route AND lane.target = n.target),
    'clear', 'none', n.message || '{"clears": "summary", "buttons": []}', n.correlation_id,
    clock_timestamp()
FROM notification AS n
WHERE n.id = $1
RETURNING id;
