-- What people do with incidents.

-- name: lock_subject_of
-- $1 incident: its subject, taken as evaluation.lock_subject takes it, so that nobody judges it
-- meanwhile. No row: there is no such incident.
SELECT subject_id
FROM (SELECT subject_id, pg_advisory_xact_lock(19831, subject_id) FROM incident WHERE id = $1)
    AS locked;

-- name: taken
-- $1 action.
SELECT outcome, transition_id FROM incident_action WHERE action_id = $1;

-- name: is_told
-- $1 notification, $2 incident, $3 Home Assistant instance: whether it tells a phone of that.
SELECT EXISTS (
    SELECT FROM notification
    WHERE id = $1 AND incident_id = $2 AND channel = 'home_assistant' AND route = $3);

-- name: forgotten
-- $1 incidents: those that are not there.
SELECT asked.id FROM unnest($1::uuid[]) AS asked (id)
WHERE NOT EXISTS (SELECT FROM incident WHERE incident.id = asked.id);

-- name: told_with
-- $1 notification, $2 incident: the others that it told of, or that it repeated. Not what got
-- worse since: that was told by itself, and has a button of its own.
SELECT DISTINCT told.incident_id
FROM notification AS told
JOIN incident ON incident.id = told.incident_id
WHERE (told.bundled_in = $1 OR told.bundled_in = (SELECT repeats FROM notification WHERE id = $1))
  AND told.kind NOT IN ('recovery', 'clear') AND told.incident_id <> $2
  AND incident.ended_at IS NULL AND incident.level <= told.severity
ORDER BY told.incident_id;

-- name: record
-- $1 action id, $2 incident, $3 action, $4 until, $5 at, $6 outcome, $7 transition.
INSERT INTO incident_action (action_id, incident_id, action, until, at, outcome, transition_id)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: request_evaluation
-- $1 subject, $2 at.
INSERT INTO evaluation_request (subject_id, from_ts) VALUES ($1, $2);

-- name: about
-- $1 incident, $2 transition: the room it is in, or the device it is of, by the name its user gave
-- it; neither for the backend. The correlation id is that of all that was written with the transition.
SELECT room.id AS room_id,
    coalesce(
        room.name,
        (SELECT nullif(config->>'name', '') FROM device_config
         WHERE device_id = device.id
            OR device_id IN (SELECT id FROM device AS former WHERE former.merged_into = device.id)
         ORDER BY device_id = device.id DESC, device_id LIMIT 1),
        device.name,
        'Mould Watch') AS name,
    (SELECT correlation_id FROM transition WHERE id = $2) AS correlation_id
FROM incident
JOIN subject ON subject.id = incident.subject_id
LEFT JOIN room ON room.id = subject.room_id
LEFT JOIN device ON device.id = subject.device_id
WHERE incident.id = $1;
