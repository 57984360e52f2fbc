-- Incidents, their transitions, and the notifications written with them.

-- name: live_incidents
-- $1 subject.
SELECT id AS incident_id, rule_id, state::text, level::text, breach_since, opened_at, sequence,
    acknowledged_at, snoozed_until, handled_level::text
FROM incident
WHERE subject_id = $1 AND ended_at IS NULL
ORDER BY rule_id;

-- name: incident
-- $1 incident.
SELECT id AS incident_id, rule_id, state::text, level::text, breach_since, opened_at, sequence,
    acknowledged_at, snoozed_until, handled_level::text
FROM incident
WHERE id = $1;

-- name: related_incidents
-- $1 subject: its own live ones, those of the rooms that read it if it is a device, the backend's.
SELECT id AS incident_id, rule_id, state::text, level::text, breach_since, opened_at, sequence,
    acknowledged_at, snoozed_until, handled_level::text
FROM incident
WHERE ended_at IS NULL AND subject_id = ANY (ARRAY(
    SELECT $1::integer
    UNION
    SELECT id FROM subject WHERE is_backend
    UNION
    SELECT room.id FROM subject AS device
    JOIN subject_device ON subject_device.device_id = device.device_id
    JOIN subject AS room ON room.id = subject_device.subject_id AND room.room_id IS NOT NULL
    WHERE device.id = $1))
ORDER BY rule_id, id;

-- name: said_levels
-- $1 incidents.
SELECT incident_id, channel, route, target, max(severity)::text AS severity
FROM notification
WHERE incident_id = ANY ($1::uuid[]) AND kind IN ('alarm', 'step_up', 'reminder', 'summary')
GROUP BY incident_id, channel, route, target;

-- name: last_resolved_at
-- $1 subject, $2 rule.
SELECT max(ended_at) FROM incident
WHERE subject_id = $1 AND rule_id = $2 AND state = 'resolved';

-- name: insert_incident
-- $1 subject, $2 rule, $3 state, $4 level, $5 breach since, $6 evidence.
INSERT INTO incident (subject_id, rule_id, state, level, breach_since, evidence, sequence)
VALUES ($1, $2, $3::text::incident_state, $4::text::risk_level, $5, $6, 1)
RETURNING id;

-- name: advance_incident
-- $1 incident, $2 expected state, $3 expected sequence, $4 state, $5 level, $6 evidence or null,
-- $7 opened, $8 ended, $9 acknowledged, $10 snoozed until, $11 level handled.
UPDATE incident
SET state = $4::text::incident_state, level = $5::text::risk_level,
    evidence = coalesce($6::jsonb, evidence), sequence = sequence + 1,
    opened_at = $7, ended_at = $8, acknowledged_at = $9, snoozed_until = $10,
    handled_level = $11::text::risk_level
WHERE id = $1 AND state = $2::text::incident_state AND sequence = $3
RETURNING id;

-- name: insert_transition
-- $1 incident, $2 sequence, $3 from, $4 to, $5 level, $6 cause, $7 at, $8 evidence.
INSERT INTO transition (incident_id, sequence, from_state, to_state, level, cause, at, evidence)
VALUES ($1, $2, $3::text::incident_state, $4::text::incident_state, $5::text::risk_level, $6, $7,
    $8)
RETURNING id;

-- name: opening_transition
-- $1 incident.
SELECT id FROM transition
WHERE incident_id = $1 AND to_state = 'open' AND cause = 'judged'
ORDER BY sequence DESC LIMIT 1;

-- name: lock_lanes
-- $1 incident. No worker claims a row while its lane is planned; a row that a worker is writing
-- is waited for.
SELECT FROM notification WHERE incident_id = $1 ORDER BY id FOR UPDATE;

-- name: lane_rows
-- $1 incident. What another notification says as well counts while that one stands: a summary
-- for good, another of its room as long as the incident lasts in whose lane it is. One that was
-- taken back and cannot have arrived stands no more, here or on the other channel in its place; nor
-- one that failed, when its lane has gone on and no other channel said this: its incident was seen
-- or is over, and of the others it told of nobody has heard.
SELECT n.id, n.channel, n.route, n.target, n.sequence, n.state = 'pending' AS is_pending, n.attempts,
    n.state = 'cancelled' AND NOT n.fell_back AS is_cancelled, n.fallback_of IS NOT NULL AS is_fallback,
    n.kind, n.severity::text,
    coalesce(n.released_at, n.held_until, n.created_at) AS at,
    coalesce((bundle.kind = 'summary' OR head.ended_at IS NULL) AND CASE
        WHEN bundle.state = 'failed' OR bundle.fell_back THEN
            NOT EXISTS (
                SELECT FROM notification AS withdrawn
                WHERE withdrawn.fallback_of = bundle.id AND withdrawn.state = 'cancelled'
                  AND withdrawn.unknown_outcomes = 0)
            AND (bundle.fell_back OR NOT EXISTS (
                SELECT FROM notification AS newer
                WHERE newer.incident_id = bundle.incident_id AND newer.channel = bundle.channel
                  AND newer.route = bundle.route AND newer.target = bundle.target
                  AND newer.sequence > bundle.sequence
                  AND (newer.state <> 'cancelled' OR newer.fell_back
                       OR newer.bundled_in IS NOT NULL)))
            OR EXISTS (
                SELECT FROM notification AS own
                JOIN notification AS there ON there.fallback_of IN (own.id, own.bundled_in)
                WHERE own.incident_id = n.incident_id AND there.created_at >= n.created_at
                  AND (there.state <> 'cancelled' OR there.unknown_outcomes > 0))
        ELSE bundle.state <> 'cancelled' OR bundle.unknown_outcomes > 0
        END, false) AS is_told_elsewhere,
    coalesce(bundle.attempts > 0, false) AS is_tried_elsewhere,
    another.channel AS another_channel, another.route AS another_route,
    another.target AS another_target
FROM notification AS n
LEFT JOIN notification AS bundle ON bundle.id = n.bundled_in
LEFT JOIN incident AS head ON head.id = bundle.incident_id
LEFT JOIN notification AS another ON another.fallback_of = bundle.id AND another.attempts > 0
WHERE n.incident_id = $1
ORDER BY n.id;

-- name: cancel_notifications
-- $1 ids, $2 reason.
UPDATE notification
SET state = 'cancelled', finished_at = clock_timestamp(), last_error = $2
WHERE id = ANY ($1::uuid[]) AND state = 'pending';

-- name: insert_notification
-- $1 transition, $2 incident, $3 channel, $4 route, $5 target, $6 sequence, $7 kind,
-- $8 severity, $9 message, $10 seconds until it is due, $11 held until, $12 held for, $13 released.
INSERT INTO notification
    (transition_id, incident_id, channel, route, target, sequence, kind, severity, message,
     due_at, held_until, held_for, released_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::risk_level, $9,
    clock_timestamp() + make_interval(secs => $10), $11, $12, $13)
RETURNING id;
